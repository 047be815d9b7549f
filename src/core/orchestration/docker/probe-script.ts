import { GUARD_VARIABLES } from '../guard/guard-environment.js';
import { HOME_REFUSED } from '../session/home-refused.js';
import { quoted } from '../util/shell-quote.js';
import type { ProbedImage } from './probed-images.js';
import { SYSTEM_PATH } from './system-path.js';

/** 2.1.98 accepts this key in `~/.claude.json`, but keeps a person's answer in the user's settings under another name. */
const BYPASS = 'bypassPermissionsModeAccepted';
/** The keys in `~/.claude.json` that are true when Claude's terminal UI no longer asks anything (measured on 2.1.98). */
const ONBOARDING = ['hasCompletedOnboarding', BYPASS, 'hasTrustDialogAccepted'];

const MARK = 'autonomous-orchestration-probe';
const ENDED = `${MARK} ended`;
/** How long Claude Code may take to its first line, in seconds. It takes about one, but the machine may be busy. */
export const FIRST_LINE_S = 40;
/** How much of that line is kept. */
const MOST_OF_LINE = 500;
/** How much of a script that starts Claude Code is searched for files. */
const MOST_OF_SCRIPT = 4_096;
/** The programs that prepare a home folder, besides `setpriv`. */
const TOOLS = ['find', 'chown', 'mkdir', 'cat'];

/**
 * The script of a probe's container. It prints the user, tries what a session needs, and prints what the image has. At last it
 * starts Claude Code as a session does, up to its first line. Claude Code reads its settings and makes its files before that line,
 * and would ask the model only afterwards.
 *
 * @param owner the image's own user, as the image names it
 */
export function probeScript(owner: string): string {
  return `
say() { printf '${MARK} %s\\n' "$*"; }
say "user $(id -u) $(id -g) [$(id -G)] $HOME" || exit
config=\${CLAUDE_CONFIG_DIR:-$HOME/.claude}
memory=\${CLAUDE_CONFIG_DIR:-$HOME}/.claude.json
say "config $config"
works=1
for folder in "$HOME" "$config"; do
  mkdir "$folder/.probe-$$" 2>/dev/null && rmdir "$folder/.probe-$$" || works=
done
for file in "$memory" "$config/settings.json" "$config/.credentials.json"; do
  [ ! -e "$file" ] || [ -r "$file" ] || works=
done
for key in ${ONBOARDING.join(' ')}; do
  grep -q "\\"$key\\": *true" "$memory" 2>/dev/null && say "$key"
done
grep -q '"skipDangerousModePermissionPrompt": *true' "$config/settings.json" 2>/dev/null && say ${BYPASS}
stat -c %d:%i / >/dev/null && say stat
me=$(id -u)
[ ! -r /etc/passwd ] || while IFS=: read -r name _ uid _ _ folder shell; do
  if [ "$uid" = "$me" ]; then say "me $name:$shell"; fi
  case ${quoted(owner)} in "$name" | "$uid") say "owner $name:$folder:$shell" ;; esac
done </etc/passwd
for kind in uid gid; do
  [ ! -r /proc/self/\${kind}_map ] || while read -r inside outside length; do
    say "$kind $inside $outside $length"
  done </proc/self/\${kind}_map
done
path=$PATH
PATH=${SYSTEM_PATH}
for tool in ${TOOLS.join(' ')}; do command -v "$tool" >/dev/null || say "lacks $tool"; done
setpriv=$(command -v setpriv) && "$setpriv" --help 2>&1 | grep -q -e --bounding-set && say "setpriv $setpriv"
PATH=$path
for name in ${GUARD_VARIABLES.join(' ')}; do
  eval "value=\\$$name"
  [ -z "$value" ] || printf '${MARK} env %s=%s\\n' "$name" "$value"
done
for name in claude node; do
  program=$(command -v "$name") || continue
  real=$(readlink -f "$program" 2>/dev/null) || real=$program
  say "program $program"
  say "program $real"
  # A script may start Claude Code from elsewhere.
  case $(head -c 2 "$real" 2>/dev/null) in
    '#!')
      for word in $(head -c ${MOST_OF_SCRIPT} "$real" | tr -cs 'A-Za-z0-9_./@+-' '\\n' | grep '^/'); do
        if [ -f "$word" ]; then say "program $word"; fi
      done
      ;;
  esac
done
if [ -z "$works" ]; then echo ${ENDED}; exit; fi
say works
command -v claude >/dev/null || exit
if command -v timeout >/dev/null; then limit='timeout ${FIRST_LINE_S}'; else limit=; fi
[ "$me" != 0 ] || export IS_SANDBOX=1
# 2.1.332 connects to its MCP servers before that line, and there is no network.
export MCP_TIMEOUT=1000
export ANTHROPIC_API_KEY=probe ANTHROPIC_BASE_URL=http://127.0.0.1:9 DISABLE_FIREWALL=true
{
  $limit claude --print --output-format stream-json --verbose --dangerously-skip-permissions probe 2>&1 </dev/null
  say "exit $?"
} | {
  IFS= read -r line
  case $line in
    *'"claude_code_version":"'*)
      version=\${line#*'"claude_code_version":"'}
      echo "\${version%%'"'*} (Claude Code)"
      ;;
    *) claude --version || kill -KILL $$ ;;
  esac
  printf '%s first %.${MOST_OF_LINE}s\\n' ${MARK} "$line"
  echo ${ENDED}
  # Nobody waits until Claude Code has noticed that nobody answers.
  kill -KILL $$
}
`;
}

/** What a probe's container said, or why the image cannot be used. */
export function readProbe(output: string): ProbedImage | string {
  const marked = (pattern: string): RegExpMatchArray | undefined =>
    new RegExp(`^${MARK} ${pattern}\\r?$`, 'm').exec(output) ?? undefined;
  const all = (pattern: string): RegExpMatchArray[] => [
    ...output.matchAll(new RegExp(`^${MARK} ${pattern}\\r?$`, 'gm')),
  ];
  if (output.includes(HOME_REFUSED)) {
    const why = output.slice(0, output.indexOf(HOME_REFUSED)).trim().slice(-300);
    return `root of the container cannot prepare its home folder: ${JSON.stringify(why)}`;
  }
  const user = marked('user (\\d+) (\\d+) \\[([\\d ]+)\\] (/[^\\r\\n]*)');
  if (!user) return `its shell answers ${JSON.stringify(output.trim().slice(0, 200))}`;
  if (!marked('stat')) return "it has no 'stat' of coreutils or busybox";
  const works = marked('works') !== undefined;
  const version = /(\d+\.\d+\.\d+\S*) \(Claude Code\)/.exec(output)?.[1];
  if (!marked('ended') || (works && version === undefined)) return "'claude --version' does not run in it";
  const owner = marked('owner ([^:]*):([^:]*):([^\\r\\n]*)');
  const me = marked('me ([^:]*):([^\\r\\n]*)');
  const [, name = '', shell = ''] = me ?? (owner && ['', owner[1] ?? '', owner[3] ?? '']) ?? [];
  // Claude Code may also end without a line. Then the line is the script's own.
  const exited = marked(`first ${MARK} exit (\\d+)`)?.[1];
  const first = exited === undefined ? marked('first ([^\\n]*?)')?.[1] : '';
  return {
    uid: Number(user[1]),
    gid: Number(user[2]),
    gids: (user[3] ?? '').trim().split(' ').map(Number),
    home: user[4] ?? '/',
    configDir: marked('config (/[^\\r\\n]*)')?.[1] ?? '/',
    works,
    name,
    shell,
    imageHome: owner?.[2] ?? '',
    setpriv: marked('setpriv (/\\S*)')?.[1] ?? '',
    lacks: all('lacks (\\S+)').map(([, tool = '']) => tool),
    programs: [...new Set(all('program (/[^\\r\\n]*)').map(([, path = '']) => path))],
    uidMap: all('uid ([\\d ]+)')
      .map(([, line = '']) => line)
      .join('\n'),
    gidMap: all('gid ([\\d ]+)')
      .map(([, line = '']) => line)
      .join('\n'),
    claudeVersion: version ?? '',
    ...(first !== undefined && { firstLine: first }),
    ...(exited !== undefined && { exitCode: Number(exited) }),
    env: Object.fromEntries(all('env (\\w+)=([^\\r\\n]*)').map(([, key = '', value = '']) => [key, value])),
    onboarded: ONBOARDING.every((key) => marked(key)),
  };
}
