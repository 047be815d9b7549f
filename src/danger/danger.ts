/**
 * How dangerous a tool call is. `critical`: stop it, or ask a person. `warning`: let it run and make a note. `none`: nothing
 * was found, which `rateDanger` answers with `undefined`.
 *
 * @example
 * ```ts
 * const level: DangerLevel = rateDanger(call, context)?.level ?? 'none';
 * ```
 */
export type DangerLevel = 'none' | 'warning' | 'critical';

/**
 * What is dangerous about a tool call: the worst of all that was found in it.
 *
 * @example
 * ```ts
 * { level: 'critical', rule: 'git.reset-hard', reason: 'Throws away all changes that are not committed; use git stash, …' }
 * ```
 */
export interface Danger {
  /** Stop or ask about a `critical` call. A `warning` deserves a note only. */
  readonly level: 'warning' | 'critical';
  /** The name of the rule, for example `git.reset-hard`. `docs/danger.md` lists all names; they do not change. */
  readonly rule: string;
  /** One sentence for a person and for the model: what is dangerous, and mostly what to do instead. */
  readonly reason: string;
}

/**
 * A tool call as an agent makes it. The calls in the events and records of this library have this shape, too.
 *
 * @example
 * ```ts
 * const call: RatedCall = { tool: 'Bash', input: { command: 'git push --force' } };
 * ```
 */
export interface RatedCall {
  /** The tool's name as Claude Code writes it: `Bash`, `Write`, `mcp__database__query`, … */
  readonly tool: string;
  /** What the agent gives the tool. Every value is accepted; a value that is no object is harmless. */
  readonly input: unknown;
}

/**
 * What the rating has to know about the place where the agent works.
 *
 * @example
 * ```ts
 * const context: DangerContext = { workspace: '/workspace', home: '/home/node', mounts: ['/data'] };
 * ```
 */
export interface DangerContext {
  /** The absolute path of the workspace as the agent sees it, for example `/workspace`. */
  readonly workspace: string;
  /** The folder in which commands start, and to which relative paths belong. Default: the workspace. */
  readonly cwd?: string;
  /** The absolute path of the agent's home folder. Default `/home/agent`. */
  readonly home?: string;
  /**
   * Whether the agent works in a container. Default `true`: what can be undone, or loses only what the agent has made itself,
   * is a warning. With `false` the agent works on the machine itself, and that is critical as well.
   */
  readonly container?: boolean;
  /**
   * Absolute paths, as the agent sees them, of the user's folders that are mounted beside the workspace. What is lost there
   * cannot be made again. Default: none.
   */
  readonly mounts?: readonly string[];
  /** Which paths of the workspace may be deleted, because the repository ignores them. Default: none. */
  readonly ignored?: IgnoredPaths;
}

/**
 * Whether the ignore rules of the workspace's repository ignore a path. Answer from rules that the agent cannot change, for
 * example those of a commit that the user has made. Names that belong to secrets, such as `.env`, stay protected although
 * they are ignored. If the answer would take too long, throw an error: the call is then critical (`shell.too-complex`). `false`
 * may be wrong then, because a folder may be moved to a path that is not ignored.
 *
 * @param path relative to the workspace, without a slash at either end
 *
 * @example
 * ```ts
 * const ignored: IgnoredPaths = (path) => path === 'artifacts' || path.startsWith('artifacts/');
 * ```
 */
export type IgnoredPaths = (path: string) => boolean;
