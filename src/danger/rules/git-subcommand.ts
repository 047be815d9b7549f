import type { Danger } from '../danger.js';

/**
 * Looks at the arguments of one of git's commands.
 *
 * @param args what stands behind the command's name, with long options written out
 * @param outer git's own options, before the command's name
 * @param isWhole whether a pathspec is the whole worktree, or may be it
 */
export type Subcommand = (
  args: readonly string[],
  outer: readonly string[],
  isWhole: (pathspec: string) => boolean,
) => Danger | undefined;

/** The git commands of one subject. */
export type Subcommands = readonly (readonly [name: string, find: Subcommand])[];
