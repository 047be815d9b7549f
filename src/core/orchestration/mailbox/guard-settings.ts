import { pinnedEnvironment } from '../guard/guard-environment.js';
import { quoted } from '../util/shell-quote.js';

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
const EVENTS = ['SessionStart', 'PreToolUse', 'PostToolUse', 'PostToolUseFailure', 'Stop'] as const;
/** The hook reports once that it runs: when a conversation begins or is resumed, not after each compaction. */
const MATCHERS: Readonly<Record<string, string>> = { SessionStart: 'startup|resume' };
/** The additional events if the process has to know whose turn it is, the agent's or a person's. */
const TURN_EVENTS = [...EVENTS, 'StopFailure', 'UserPromptSubmit'] as const;

/** The facts that the settings of a run depend on. */
export interface GuardedRun {
  /** The variables with which Claude Code starts, as far as they are known. */
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Tools that the session may not use. */
  readonly off: readonly string[];
}

/**
 * The settings with which Claude Code asks the hook, and which nothing in the workspace can change.
 *
 * @param script the hook, as Claude Code finds it
 * @param meeting the folder through which hook and process exchange files, as the hook finds it
 * @param tellsTurns true if the process is told when each turn begins and ends
 */
export function guardSettings({ env, off }: GuardedRun, script: string, meeting: string, tellsTurns: boolean): object {
  const events: readonly string[] = tellsTurns ? TURN_EVENTS : EVENTS;
  // The hook gets an environment of its own, so that nobody's functions, options or libraries are in its shell.
  const shell = ['/usr/bin/env', '-i', `PATH=${env.PATH ?? ''}`, '/bin/sh', script];
  const hooks = events.map((event) => {
    const words = [...shell, event, meeting, ...(tellsTurns ? ['turns'] : [])];
    // If the command fails in any way, it ends with the same exit code as a failure of the hook itself. The line contains no
    // word that could be redefined.
    const command = `${words.map(quoted).join(' ')} || exit ${failureOf(event)}`;
    return [
      event,
      [{ matcher: MATCHERS[event] ?? '*', hooks: [{ type: 'command', command, timeout: HOOK_TIMEOUT_S }] }],
    ];
  });
  return {
    ...NO_SHELL_IN_SKILLS,
    // Settings of the workspace cannot switch the hooks off, also where these settings are not the managed ones.
    disableAllHooks: false,
    env: pinnedEnvironment(env),
    // If a rule names a tool in lower case, older releases skip the whole file. The guard denies the calls of those tools.
    permissions: { deny: off.filter((tool) => /^[A-Z]/.test(tool)) },
    hooks: { ...Object.fromEntries(hooks), ConfigChange: NO_NEW_SETTINGS },
  };
}

/** If its hook fails, only a tool call has to be blocked: with exit code 2. */
const failureOf = (event: string): number => (event === 'PreToolUse' ? 2 : 1);
