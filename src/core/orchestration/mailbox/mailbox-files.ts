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
/** More names than a run leaves in the folder of requests, unless the agent has made some. */
const MOST_NAMES = 1_000;

/** The folder of the hook and its settings in a container. The image may have files of its own there. */
const MANAGED = '/etc/claude-code';
/** The folder in a container through which hook and process exchange files. */
export const MEETING = '/run/autonomous-orchestration';

/** How much longer than any approval a hook waits for an answer. After that, it treats the process as dead. */
const BEYOND_APPROVAL_MS = 60_000;
/** If the process hasn't acknowledged a question within this time, the hook treats it as dead. */
const HOST_SILENT_MS = 5_000;
/**
 * If a hook takes too long, Claude Code lets its call pass. So the hook has to end first, even if its container was frozen for
 * days during the wait. In seconds; Node's timers end near 25 days.
 */
const HOOK_TIMEOUT_S = 2_000_000;

/**
 * Skills and commands of the workspace can run shell commands while they are being read. This is not a tool call, and no hook
 * is asked, so it is switched off.
 */
const NO_SHELL_IN_SKILLS = { disableSkillShellExecution: true };

/**
 * Settings stay as they were when the run began. A change is refused before it takes effect (2.1.98 and 2.1.332), so that an
 * agent gains nothing by writing settings. Skills may change. The command has no word to which a variable could give another
 * meaning.
 */
const NO_NEW_SETTINGS = [{ matcher: '^(?!skills$)', hooks: [{ type: 'command', command: 'exit 2' }] }];

/** The events on which Claude Code calls the hook. A call that failed has an event of its own. */
const EVENTS = ['PreToolUse', 'PostToolUse', 'PostToolUseFailure', 'Stop'] as const;
/** The additional events if the process has to know whose turn it is, the agent's or a person's. */
const TURN_EVENTS = [...EVENTS, 'StopFailure', 'UserPromptSubmit'] as const;

/** The facts that the settings of a run depend on. */
export interface GuardedRun {
  /** The variables with which Claude Code starts, as far as they are known. */
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Tools that the session may not use. */
  readonly off: readonly string[];
}

/** The files of one session's guard on the machine. */
export class MailboxFiles {
  readonly path: string;
  /** The container writes here. */
  readonly requests: string;
  /** The container can only read here. */
  readonly answers: string;
  /** Programs for the agent. */
  readonly programs: string;
  readonly #script: string;
  /** The settings file that tells Claude Code about the hook. */
  readonly settings: string;

  readonly #events: readonly string[];

  /** @param tellsTurns true if the process is told when each turn begins and ends */
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

  /** Writes new files, with nothing left of an earlier run. They lie in the session's folder, which nobody else can enter. */
  async create(policy: ResolvedPolicy): Promise<void> {
    await this.remove();
    await mkdir(this.path, { recursive: true, mode: 0o700 });
    await mkdir(this.answers);
    await mkdir(this.requests);
    // The image's user may be any user, and the umask must not matter.
    await chmod(this.answers, 0o755);
    await chmod(this.requests, 0o777);
    await writeFile(this.#script, hookScript(policy));
    await chmod(this.#script, 0o755);
  }

  /** Writes a program for the agent, and returns its path. */
  async writeProgram(name: string, script: string): Promise<string> {
    const path = join(this.programs, name);
    await mkdir(this.programs, { recursive: true });
    await writeFile(path, script);
    await chmod(path, 0o755);
    return path;
  }

  /** True if a request was answered. */
  wasAnswered(id: string): Promise<boolean> {
    return access(join(this.answers, id)).then(
      () => true,
      () => false,
    );
  }

  async remove(): Promise<void> {
    // If a link were in the place of the session's folder, other files would be removed.
    ifThere(requireOwnFolder, dirname(this.path));
    // To remove a folder, Node.js holds all its names in memory, and an agent can make millions of them.
    // A failure shows in the next line.
    if (await isCrowded(this.requests)) await run('rm', ['-rf', '--', this.path]).catch(() => {});
    await rm(this.path, { recursive: true, force: true });
  }

  /** The files for a container. They are managed settings, which no setting of the workspace or the agent overrides. */
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

  /** A settings file for a run directly on the machine, where nothing protects the guard's files from the agent. */
  async hostSettings(run: GuardedRun): Promise<string> {
    await this.#writeSettings(this.#guardSettings(run, this.#script, this.path));
    return this.settings;
  }

  #guardSettings({ env, off }: GuardedRun, script: string, meeting: string): object {
    // The hook gets an environment of its own, so that nobody's functions, options or libraries are in its shell.
    const shell = ['/usr/bin/env', '-i', `PATH=${env.PATH ?? ''}`, '/bin/sh', script];
    const hooks = this.#events.map((event) => {
      const words = [...shell, event, meeting, ...(this.tellsTurns ? ['turns'] : [])];
      // If the command fails in any way, it ends with the same exit code as a failure of the hook itself. The line contains no
      // word that could be redefined.
      const command = `${words.map(quoted).join(' ')} || exit ${failureOf(event)}`;
      return [event, [{ matcher: '*', hooks: [{ type: 'command', command, timeout: HOOK_TIMEOUT_S }] }]];
    });
    return {
      ...NO_SHELL_IN_SKILLS,
      env: pinnedEnvironment(env),
      // If a rule names a tool in lower case, older releases skip the whole file. The guard denies the calls of those tools.
      permissions: { deny: off.filter((tool) => /^[A-Z]/.test(tool)) },
      hooks: { ...Object.fromEntries(hooks), ConfigChange: NO_NEW_SETTINGS },
    };
  }

  async #writeSettings(settings: object): Promise<void> {
    await writeFile(this.settings, JSON.stringify(settings, undefined, 2));
    await chmod(this.settings, 0o644);
  }
}

/** If its hook fails, only a tool call has to be blocked: with exit code 2. */
const failureOf = (event: string): number => (event === 'PreToolUse' ? 2 : 1);

/** True if the folder of requests contains more than hooks put there: many names, or folders. */
async function isCrowded(folder: string): Promise<boolean> {
  let names = 0;
  try {
    for await (const entry of await opendir(folder)) {
      names += 1;
      if (entry.isDirectory() || names > MOST_NAMES) return true;
    }
  } catch {
    // There is no such folder.
  }
  return false;
}

/**
 * The hook. It writes its input from Claude Code into the folder of requests, and waits for the process's answer in a folder
 * that it can only read. If a hook fails with any exit code but 2, Claude Code lets the call pass. So every failure before a
 * tool call ends with exit code 2. The other events must not block, and end with 1.
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
