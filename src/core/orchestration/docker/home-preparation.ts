import { LOADS_CODE } from '../guard/guard-environment.js';
import { WORKSPACE } from '../session/agent-place.js';
import { HOME_REFUSED, HOME_UNPREPARED } from '../session/home-refused.js';
import { quoted } from '../util/shell-quote.js';
import type { UserIds } from './agent-user.js';
import { SYSTEM_PATH } from './system-path.js';

/**
 * The capabilities of root while it prepares a home folder. `SETUID`, `SETGID` and `SETPCAP` are for becoming the agent's user.
 * With `KILL`, the container's init can pass the signal of a stop on to that user's processes. The agent has none of them.
 */
export const PREPARING_CAPABILITIES = ['CHOWN', 'DAC_OVERRIDE', 'FOWNER', 'KILL', 'SETGID', 'SETPCAP', 'SETUID'];

/** How a container starts if its user is another one than the image's, or has no home folder yet. */
export interface Preparation {
  /** Shell code that root runs before anything of the agent. */
  readonly script: string;
  /** The beginning of the command. With it, root becomes the agent's user. */
  readonly become: readonly string[];
  /** Variables of the container's start. */
  readonly env: Readonly<Record<string, string>>;
}

export interface Home {
  readonly user: UserIds;
  /** The user's name and shell in `/etc/passwd`. */
  readonly name: string;
  readonly shell: string;
  readonly home: string;
  /** Where Claude Code keeps its configuration. */
  readonly configDir: string;
  /** Home folders in the image that also go to the agent's user. */
  readonly imageHomes: readonly string[];
  /** The path of `setpriv` in the image. */
  readonly setpriv: string;
  /** The variables with which Claude Code starts. */
  readonly env: Readonly<Record<string, string>>;
  /** The capabilities that the option `capAdd` adds. Undefined if the agent keeps those of the container. */
  readonly capabilities: readonly string[] | undefined;
  /** Where the session mounts something in the container, besides `/workspace`. What is there is never taken for the container's own. */
  readonly mounted: readonly string[];
}

/** Files of this size that everybody can read keep their owner: 512 bytes each, 1 MB. The engine would copy them first. */
const BIG_BLOCKS = 2048;

/**
 * How root prepares the home folder of the agent's user, and becomes that user.
 *
 * Root in a container is also root for the files of the machine that are mounted there. An agent with another container may put
 * links into them at any time. So nothing inside a mount is entered, changed or made: the kernel's table says where mounts are.
 * The other folders are the container's own, and nobody else can reach them.
 */
export function preparation(home: Home): Preparation {
  const { user, env, capabilities } = home;
  const groups = user.groups.length > 0 ? ['--groups', user.groups.join(',')] : ['--clear-groups'];
  const kept = (capabilities ?? []).map((name) => `,+${name.toLowerCase().replace(/^cap_/, '')}`).join('');
  // These would load code of the workspace into root's shell. The agent's command gets them back.
  const loading = Object.entries(env).filter(([name, value]) => LOADS_CODE.includes(name) && value !== '');
  const restore = loading.map(([name, value]) => `export ${name}=${quoted(value)}; `).join('');
  return {
    script: script(home),
    become: [
      ...[home.setpriv, '--reuid', String(user.uid), '--regid', String(user.gid), ...groups, '--inh-caps=-all'],
      ...(capabilities ? [`--bounding-set=-all${kept}`] : []),
      '--',
      ...(restore === '' ? [] : ['/bin/sh', '-c', `${restore}exec "$@"`, 'sh']),
    ],
    env: { HOME: home.home, ...Object.fromEntries(loading.map(([name]) => [name, ''])) },
  };
}

/** The name that the engine gives to a volume without a name. */
const UNNAMED = '[0-9a-f]'.repeat(64);

function script({ user, name, shell, home, configDir, imageHomes, mounted }: Home): string {
  const { uid, gid, groups } = user;
  const folders = [...new Set([...imageHomes, home])];
  const known = [WORKSPACE, ...mounted].map(quoted).join(' | ');
  const entry = [name, 'x', uid, gid, '', home, shell].join(':');
  return `
prepare() (
set -ef
umask 022
PATH=${SYSTEM_PATH}
LC_ALL=C
export PATH LC_ALL
newline='
'
mounts=$(cat /proc/self/mountinfo)
[ -n "$mounts" ]
# own FOLDER TEST...: gives the folder and what is in it to the user, and makes it if it is missing. The tests choose files.
own() {
  folder=$1
  shift
  near=$folder
  until [ -d "$near" ]; do
    near=\${near%/*}
    near=\${near:-/}
  done
  real=$(cd -P -- "$near" && pwd -P)
  tests=$*
  set --
  IFS=$newline
  for line in $mounts; do
    line=\${line#* * * }
    root=\${line%% *}
    line=\${line#* }
    point=\${line%% *}
    case $point in *\\\\*) point=$(printf '%bx' "$point") && point=\${point%x} ;; esac
    [ "$point" != / ] || continue
    # A volume that the engine made for this container alone. What the session mounts may have a name like that, too.
    case $point in
      ${known}) ;;
      *) case $root in */volumes/${UNNAMED}/_data) continue ;; esac ;;
    esac
    case $real/ in "$point"/*) return 0 ;; esac
    case $point in
      "$real"/* | "\${real%/}"/*)
        case $point in *[][*?\\\\]*) point=$(printf '%s' "$point" | sed 's/[][*?\\\\]/\\\\&/g') ;; esac
        set -- "$@" -path "$point" -prune -o
        ;;
    esac
  done
  IFS=' '
  if [ ! -d "$folder" ]; then
    mkdir -p -- "$folder"
    real=$(cd -P -- "$folder" && pwd -P)
  fi
  find "$real" "$@" ! -user ${uid} \\( -type d -o -type f $tests \\) -exec chown -h ${uid}:${gid} {} +
}
small="( -size -${BIG_BLOCKS} -o ! -perm -004 -o -path */.claude* )"
${folders.map((folder) => `own ${quoted(folder)} "$small"`).join('\n')}
config=${quoted(configDir)}
# What lies in the home folder itself has been given already.
case $config/ in
  ${quoted(home)}/*) if [ -L "$config" ] || [ ! -d "$config" ]; then own "$config"; fi ;;
  *) own "$config" ;;
esac
case $mounts in
  *' /etc/passwd '*) ;;
  *)
    users=$(cat /etc/passwd 2>/dev/null || :)
    printf '%s\\n' ${quoted(entry)} "$users" >/etc/passwd
    ;;
esac
case $mounts in
  *' /etc/group '*) ;;
  *)
    groups=$(cat /etc/group 2>/dev/null || :)
    for gid in ${[gid, ...groups].join(' ')}; do
      case "$groups$newline" in
        *":$gid:"*) ;;
        *) printf '%s:x:%s:\\n' "agent-$gid" "$gid" >>/etc/group ;;
      esac
    done
    ;;
esac
# Programs of the agent open their own output again, for example as /dev/stderr.
for fd in 0 1 2; do
  if [ -t $fd ] || [ -p /proc/$$/fd/$fd ]; then chown ${uid} /proc/$$/fd/$fd 2>/dev/null || :; fi
done
)
prepare
if [ $? -ne 0 ]; then
  echo '${HOME_REFUSED}' >&2
  exit ${HOME_UNPREPARED}
fi`;
}
