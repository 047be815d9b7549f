import { critical, type Danger } from '../danger.js';
import { GIT_VALUES } from '../launchers/git.js';
import type { Places } from '../paths.js';
import type { ShellCommand } from '../shell/command.js';
import { Options } from '../shell/options.js';
import { resolvePath } from '../shell/path.js';
import { ANY, isBlank } from '../shell/value.js';

const discards = critical(
  'git.discard-changes',
  'Throws away changes that are not committed in what is named; keep them with git stash push -- PATH.',
);
export const discardsAll = critical(
  'git.discard-all',
  'Throws away all changes that are not committed; keep them with git stash, or name the files.',
);

/** Discarding changes loses as much as is named. */
export function discarding(pathspecs: readonly string[], isWhole: (pathspec: string) => boolean): Danger {
  return pathspecs.some(isWhole) ? discardsAll : discards;
}

/**
 * Where git looks for the files that are named.
 *
 * @param outer git's own options, before its command
 */
export function workTree({ env, scope }: ShellCommand, outer: readonly string[]): string {
  // Each `-C` starts from the one before it.
  const cwd = outer.reduce(
    (folder, arg, index) => (outer[index - 1] === '-C' ? resolvePath(arg, folder) : folder),
    scope.cwd,
  );
  const named =
    new Options(outer, GIT_VALUES).value('work-tree') ??
    env.get('GIT_WORK_TREE')?.text ??
    scope.lookup('GIT_WORK_TREE')?.values.at(-1)?.text;
  return named === undefined ? cwd : resolvePath(named, cwd);
}

/** Patterns may fit everything, and so may what is only known when it runs. */
export function isWholeTree(pathspec: string, cwd: string, places: Places): boolean {
  if (pathspec.startsWith(':')) return true;
  const path = resolvePath(pathspec, cwd);
  if (places.isTemporary(path)) return false;
  const [first = '', ...rest] = path.slice(places.workspace.length + 1).split('/');
  return (
    !places.isInWorkspace(path) ||
    first === '' ||
    /^\*+$/.test(first) ||
    (isBlank(first) && rest.length === 0) ||
    first.includes(ANY)
  );
}
