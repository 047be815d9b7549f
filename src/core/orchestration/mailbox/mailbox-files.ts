import { execFile } from 'node:child_process';
import { access, chmod, mkdir, opendir, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { pinnedEnvironment } from '../guard/guard-environment.js';
import type { ResolvedPolicy } from '../session/policy.js';
import { ifThere, requireOwnFolder } from '../util/fs/own-file.js';
import { NAME_REQUEST, PAUSE, quoted } from '../util/shell-quote.js';
import type { Mount } from '../workspace/mount.js';

const run = promisify(execFile);
/** More names than a run leaves behind in the folder of requests, unless the agent has made some. */
const MOST_NAMES = 1_000;

/** Where the hook and its settings are in a container; the folder may hold files of the image's own. */
const MANAGED = '/etc/claude-code';
/** Where hook and host meet in a container. */
export const MEETING = '/run/autonomous-orchestration';

/** A hook that waits longer for an answer than any approval may take has no host. */
const BEYOND_APPROVAL_MS = 60_000;
/** A host that has not even said that it asks somebody within this is gone. */
const HOST_SILENT_MS = 5_000;
/**
 * Claude Code lets a call pass whose hook takes too long, so the hook has to end first, also when its container was
 * frozen for days meanwhile. In seconds; Node's timers end near 25 days.
 */
const HOOK_TIMEOUT_S = 2_000_000;

/** What the workspace's skills and commands have the shell do while they are read is no tool call, and asks nobody. */
const NO_SHELL_IN_SKILLS = { disableSkillShellExecution: true };

/**
 * Settings stay as they were when the run began: a change is refused before it takes effect (2.1.98 and 2.1.332), so that an
 * agent arms nothing by writing settings. Skills may change. A single word, so that no variable gives it another meaning.
 */
const NO_NEW_SETTINGS = [{ matcher: '^(?!skills$)', hooks: [{ type: 'command', command: 'exit 2' }] }];

/** The events on which Claude Code calls the hook. A call that failed has an event of its own. */
const EVENTS = ['PreToolUse', 'PostToolUse', 'PostToolUseFailure', 'Stop'] as const;
/** Besides, where the host is to know whose turn it is, the agent's or a person's. */
const TURN_EVENTS = [...EVENTS, 'StopFailure', 'UserPromptSubmit'] as const;

/** What the settings of a run depend on. */
export interface GuardedRun {
  /** What Claude Code starts with, as far as it is known. */
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Tools that the session does without. */
  readonly off: readonly string[];
}

/** The files of one session's guard, on the host. */
export class MailboxFiles {
  readonly path: string;
  /** The container writes here. */
  readonly requests: string;
  /** The container reads here, and can do no more. */
  readonly answers: string;
  /** Programs for the agent. */
  readonly programs: string;
  readonly #script: string;
  /** Where Claude Code is told of the hook. */
  readonly settings: string;

  readonly #events: readonly string[];

  /** @param tellsTurns whether the host is told of each turn's beginning and end */
  constructor(
    folder: string,
    readonly tellsTurns = false,
  ) {
    this.path = folder;
    this.#events = tellsTurns ? TURN_EVENTS : EVENTS;
    this.requests = join(folder, 'requests');
    this.answers = join(folder, 'answers');
    this.programs = join(folder, 'bin');
    this.#script = join(folder, 'hook.sh');
    this.settings = join(folder, 'settings.json');
  }

  /** Writes them anew, with nothing left of an earlier run. They lie in the session's folder, which nobody else enters. */
  async create(policy: ResolvedPolicy): Promise<void> {
    await this.remove();
    await mkdir(this.path, { recursive: true, mode: 0o700 });
    await mkdir(this.answers);
    await mkdir(this.requests);
    // The image's user may be anybody; the umask must not decide.
    await chmod(this.answers, 0o755);
    await chmod(this.requests, 0o777);
    await writeFile(this.#script, hookScript(policy));
    await chmod(this.#script, 0o755);
  }

  /** Writes a program for the agent, and answers where it is. */
  async writeProgram(name: string, script: string): Promise<string> {
    const path = join(this.programs, name);
    await mkdir(this.programs, { recursive: true });
    await writeFile(path, script);
    await chmod(path, 0o755);
    return path;
  }

  /** Whether a request was answered. */
  wasAnswered(id: string): Promise<boolean> {
    return access(join(this.answers, id)).then(
      () => true,
      () => false,
    );
  }

  async remove(): Promise<void> {
    // A link in the place of the session's folder would have other files removed.
    ifThere(requireOwnFolder, dirname(this.path));
    // Node.js holds all names of a folder in memory to remove it, and an agent can make millions of them.
    if (await isCrowded(this.requests)) await run('rm', ['-rf', '--', this.path]).catch(() => {}); // The next line tells.
    await rm(this.path, { recursive: true, force: true });
  }

  /** Files for a container: managed settings, which no setting of the workspace's or the agent's overrides. */
  async mounts(run: GuardedRun): Promise<Mount[]> {
    const script = `${MANAGED}/autonomous-orchestration.sh`;
    await this.#writeSettings({ allowManagedHooksOnly: true, ...this.#guardSettings(run, script, MEETING) });
    return [
      { source: this.settings, target: `${MANAGED}/managed-settings.json`, readonly: true },
      { source: this.#script, target: script, readonly: true },
      { source: this.requests, target: `${MEETING}/requests`, readonly: false },
      { source: this.answers, target: `${MEETING}/answers`, readonly: true },
    ];
  }

  /** A settings file for a run on the host, where nothing keeps the agent from the guard's files. */
  async hostSettings(run: GuardedRun): Promise<string> {
    await this.#writeSettings(this.#guardSettings(run, this.#script, this.path));
    return this.settings;
  }

  #guardSettings({ env, off }: GuardedRun, script: string, meeting: string): object {
    // The hook has an environment of its own: nobody's functions, options or libraries are in its shell.
    const shell = ['/usr/bin/env', '-i', `PATH=${env.PATH ?? ''}`, '/bin/sh', script];
    const hooks = this.#events.map((event) => {
      const words = [...shell, event, meeting, ...(this.tellsTurns ? ['turns'] : [])];
      // Whatever goes wrong with it ends as the hook's own failures do. The line has no word that could be redefined.
      const command = `${words.map(quoted).join(' ')} || exit ${failureOf(event)}`;
      return [event, [{ matcher: '*', hooks: [{ type: 'command', command, timeout: HOOK_TIMEOUT_S }] }]];
    });
    return {
      ...NO_SHELL_IN_SKILLS,
      env: pinnedEnvironment(env),
      // Older releases skip the whole file where a rule names a tool in lower case. The guard denies those calls.
      permissions: { deny: off.filter((tool) => /^[A-Z]/.test(tool)) },
      hooks: { ...Object.fromEntries(hooks), ConfigChange: NO_NEW_SETTINGS },
    };
  }

  async #writeSettings(settings: object): Promise<void> {
    await writeFile(this.settings, JSON.stringify(settings, undefined, 2));
    await chmod(this.settings, 0o644);
  }
}

/** Only a tool call is to be blocked where its hook fails: with exit code 2. */
const failureOf = (event: string): number => (event === 'PreToolUse' ? 2 : 1);

/** Whether there is more in the folder of requests than hooks put there: many names, or folders. */
async function isCrowded(folder: string): Promise<boolean> {
  let names = 0;
  try {
    for await (const entry of await opendir(folder)) {
      names += 1;
      if (entry.isDirectory() || names > MOST_NAMES) return true;
    }
  } catch {
    // There is none.
  }
  return false;
}

/**
 * The hook. It puts what Claude Code tells it into the folder of requests and waits for the host's answer in a folder
 * that it can only read. Claude Code lets a call pass when its hook fails in any way but exit code 2, so that every
 * failure before a tool call ends in that; the other events must not block, and end in 1.
 */
function hookScript({ approvalTimeoutMs, onHostLost }: ResolvedPolicy): string {
  return `#!/bin/sh
# Written by autonomous-orchestration: asks the host before a tool call, and hands its messages to the agent.
# usage: hook.sh EVENT FOLDER [turns]   (Claude Code's hook input on standard input)
event=$1
requests=$2/requests
answers=$2/answers
PATH=/usr/bin:/bin\${PATH:+:$PATH}
unset IFS
umask 022
export LC_ALL=C

failed=2
[ "$event" = PreToolUse ] || failed=1
fail() {
  trap - EXIT
  echo "The guard of this session could not be asked: $1" >&2
  exit "$failed"
}
trap 'fail "the hook was ended"' HUP INT TERM
trap '[ $? -eq 0 ] || fail "the hook failed"' EXIT

# After a tool call and at the end there is only something to hear when the host says so, or wants to know whose turn it is.
# What ran is reported in either case.
asks=
holds=
name=json
case $event in
  PreToolUse | UserPromptSubmit) asks=1 holds=1 ;;
  Stop | StopFailure) asks=\${3-} ;;
  *) [ -e "$answers/steer" ] || name=done ;;
esac
[ -n "$asks" ] || [ "$name" = done ] || [ -e "$answers/steer" ] || exit 0

${NAME_REQUEST}
[ -n "$id" ] || fail "it has no id"
cat > "$requests/$id.part" || fail "the request cannot be written"
mv "$requests/$id.part" "$requests/$id.$name" || fail "the request cannot be sent"
[ "$name" = json ] || exit 0

waited=0
beat=
until [ -e "$answers/$id" ]; do
  # A host that is there says so now and then, however long somebody takes.
  if [ -e "$answers/$id.beat" ] && read -r next < "$answers/$id.beat" && [ "$next" != "$beat" ]; then
    beat=$next
    waited=2000
  fi
  if [ -z "$holds" ]; then
    [ "$waited" -lt ${HOST_SILENT_MS} ] || exit 0
${
  onHostLost === 'allow'
    ? `  elif [ "$waited" -ge ${HOST_SILENT_MS} ] && [ ! -e "$answers/$id.asked" ]; then
    exit 0
`
    : ''
}  elif [ "$waited" -ge ${approvalTimeoutMs + BEYOND_APPROVAL_MS} ]; then
    fail "no host answers"
  fi
${PAUSE}
done
[ -s "$answers/$id" ] || exit 0
cat "$answers/$id" || fail "the answer cannot be read"
# A denial is one also where Claude Code cannot read what was printed.
[ "$event" != PreToolUse ] || { trap - EXIT; exit 2; }
exit 0
`;
}
