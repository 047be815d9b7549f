/**
 * Variables for Claude Code itself, which reads them before it reads settings. The calls of a subagent in the background are in
 * no log (2.1.98), so nobody could see what it does.
 */
export const GUARDED_ENV: Readonly<Record<string, string>> = { CLAUDE_CODE_DISABLE_BACKGROUND_TASKS: '1' };

/**
 * The loader, the C library and the shell read these variables before the first line of a hook runs. The variables load code,
 * or change what the line means. An empty value makes each of them harmless (glibc 2.36, musl, dash, bash). Locales and
 * character sets are among them, because a made-up locale loads its conversions as code.
 */
export const LOADS_CODE =
  `LD_AUDIT LD_PRELOAD LD_LIBRARY_PATH LD_DEBUG LD_DEBUG_OUTPUT LD_PROFILE LD_PROFILE_OUTPUT LD_ORIGIN_PATH
  LD_BIND_NOW LD_BIND_NOT GLIBC_TUNABLES GCONV_PATH LOCPATH SHELLOPTS BASHOPTS BASH_ENV ENV`.split(/\s+/);

/** These variables load code into another Claude Code that this one starts. */
const LOADS_INTO_CLAUDE = ['NODE_OPTIONS', 'BUN_OPTIONS'];

/** These variables switch hooks off, or replace or wrap the programs that Claude Code runs (measured on 2.1.98). */
const GOES_AROUND = `CLAUDE_CODE_SIMPLE CLAUDE_CODE_SHELL_PREFIX CLAUDE_CODE_SHELL CLAUDE_CODE_TEAMMATE_COMMAND
  CLAUDE_ENV_FILE CLAUDE_AUTO_BACKGROUND_TASKS`.split(/\s+/);

/** The loader acts on these variables whatever their value, even if it is empty. So no value makes them harmless. */
const ACTS_IF_SET = ['LD_TRACE_LOADED_OBJECTS', 'LD_TRACE_PRELINKING', 'LD_SHOW_AUXV'];

const PINNED = [...LOADS_CODE, ...LOADS_INTO_CLAUDE, ...GOES_AROUND];

/** The variables of Claude Code's environment that matter to its guard. */
export const GUARD_VARIABLES: readonly string[] = ['PATH', ...PINNED];

/**
 * The variables that no setting of the workspace, the user or the agent can change, because managed settings have the last
 * word. Each variable keeps the value with which Claude Code started.
 *
 * @param given the variables with which Claude Code starts
 */
export function pinnedEnvironment(given: Readonly<Record<string, string | undefined>>): Record<string, string> {
  return { ...Object.fromEntries(PINNED.map((name) => [name, given[name] ?? ''])), ...GUARDED_ENV };
}

/** Variables that settings of a workspace may not set at all, and the reasons. */
export const REFUSED_SETTINGS: ReadonlyMap<string, string> = new Map([
  ...ACTS_IF_SET.map((name) => [name, 'would keep the guard from being asked'] as const),
  ['CLAUDE_CONFIG_DIR', 'would lead Claude to another configuration'],
]);

/** Why `docker.env` may not set a variable. Undefined if it may. */
export function variableProblem(name: string): string | undefined {
  if (Object.hasOwn(GUARDED_ENV, name) || name === 'IS_SANDBOX') return 'is set by the library';
  if (name === 'DISABLE_FIREWALL') return "is set by the library: use 'docker.firewall'";
  if (LOADS_CODE.includes(name) || ACTS_IF_SET.includes(name) || name === 'PS4')
    return "would change the shell that asks the guard: set it in the image, or in the agent's command";
  // `BUN_…` variables load code into Claude Code itself. `CLAUDE_CODE_ENTRYPOINT` makes it prefer this environment to managed
  // settings.
  if (GOES_AROUND.includes(name) || name.startsWith('BUN_') || name === 'CLAUDE_CODE_ENTRYPOINT')
    return 'would lead Claude around the guard of this session';
  return undefined;
}
