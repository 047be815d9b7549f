import type { Danger } from '../danger.js';
import { GIT_VALUES } from '../launchers/git.js';
import type { Places } from '../paths.js';
import type { ShellCommand } from '../shell/command.js';
import { Options } from '../shell/options.js';
import { resolvePath } from '../shell/path.js';
import { ANY, isBlank } from '../shell/value.js';
import { type Rules, reporting } from './rule.js';

/** Losses of changes that are not committed. The rule depends on what the command names. */
export const discardRules = {
  'git.discard-changes': {
    level: 'recoverable',
    about: 'throws away changes of named files that are not committed; a warning if git asks about every change',
    matches: ['git checkout -- src/a.ts', 'git restore src/a.ts', 'git checkout README.md'],
    warns: ['git checkout -p', 'git restore -p .'],
    spares: ['git checkout main', 'git checkout -b topic', 'git restore --staged src/a.ts'],
  },
  'git.discard-all': {
    level: 'critical',
    about: 'throws away all changes that are not committed',
    matches: ['git checkout .', 'git restore .', 'git switch --discard-changes main', 'git checkout -f main'],
    spares: ['git stash', 'git checkout main', 'git restore src/a.ts'],
  },
} as const satisfies Rules;

const { critical } = reporting<typeof discardRules>();

const discards = critical(
  'git.discard-changes',
  'Throws away changes of the named files that are not committed; keep them with git stash push -- PATH.',
);
export const discardsAll = critical(
  'git.discard-all',
  'Throws away all changes that are not committed; keep them with git stash, or name the files.',
);

/** All changes are lost if the whole worktree is named. Otherwise only changes of the named files are lost. */
export function discarding(pathspecs: readonly string[], isWhole: (pathspec: string) => boolean): Danger {
  return pathspecs.some(isWhole) ? discardsAll : discards;
}

/**
 * The folder from which git reads the names of files.
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

/** Whether a pathspec names the whole worktree. Patterns and unknown names may do so. */
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
