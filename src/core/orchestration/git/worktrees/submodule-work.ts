import { lstat, readdir, realpath } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { BoundedSearch } from '../../util/fs/bounded-search.js';
import { ignoreMissing } from '../../util/fs/ignore-missing.js';
import { isInside } from '../../util/fs/is-inside.js';
import { runGit } from '../repository/command.js';
import { hashBytes, readIndex } from '../repository/index-file.js';
import { gitLayoutAt } from '../repository/layout.js';
import { type GitView, lendIndex, withGitView } from '../repository/view.js';

/** Asks for all that is not committed. Git does not enter submodules then. */
export const STATUS = [
  'status',
  '--porcelain',
  '-z',
  '--untracked-files=normal',
  '--ignore-submodules=all',
  '--no-renames',
];
/** Nobody nests submodules deeper. */
const DEEPEST = 5;
/** For all submodules of a checkout together: how many are examined, and for how long. */
const LIMITS = { repositories: 200, entries: 0, durationMs: 30_000 };

/** The commit that an index has for each of its submodules, by path. @throws Error if the index cannot be read to its end */
export async function submodulesIn(view: GitView): Promise<ReadonlyMap<string, string>> {
  const index = join(view.folder, 'index');
  if (!(await lstat(index).catch(ignoreMissing))) return new Map();
  const { gitlinks, problem } = await readIndex(index, await hashBytes(view.folder));
  if (problem) throw new Error(problem);
  if (gitlinks.length === 0) return new Map();
  const listed = await runGit(view, ['ls-files', '-s', '-z', '--', ...gitlinks.map((path) => `:(literal)${path}`)]);
  const entries = listed.split('\0').flatMap((line) => {
    const [, commit, path] = /^160000 ([0-9a-f]+) 0\t([\s\S]+)$/.exec(line) ?? [];
    return commit === undefined || path === undefined ? [] : [[path, commit] as const];
  });
  if (entries.length !== gitlinks.length) throw new Error('a submodule has more than one state');
  return new Map(entries);
}

/**
 * The submodules of a checkout in which somebody has worked: changed or new files, commits, or another commit that is checked
 * out. A submodule that cannot be examined counts, too, also if there are too many.
 *
 * Git would enter each submodule with the submodule's own configuration, which an agent can write. So each is looked at through a
 * view of its own.
 *
 * @param view with the index of the checkout
 * @throws Error if the index cannot be read to its end
 */
export async function submodulesWithWork(
  view: GitView,
  search = new BoundedSearch(LIMITS),
  depth = 0,
): Promise<string[]> {
  const worked: string[] = [];
  for (const [path, commit] of await submodulesIn(view)) {
    const isClean = depth < DEEPEST && (await isUntouched(view, path, commit, search, depth).catch(() => false));
    if (!isClean) worked.push(path);
  }
  return worked;
}

async function isUntouched(
  view: GitView,
  path: string,
  commit: string,
  search: BoundedSearch,
  depth: number,
): Promise<boolean> {
  search.goOn();
  const folder = join(view.layout.root, path);
  const stats = await lstat(view.paths.to(folder)).catch(ignoreMissing);
  if (!stats) return true;
  if (!stats.isDirectory()) return false;
  if ((await readdir(view.paths.to(folder))).length === 0) return true; // It was never initialised.
  const layout = await gitLayoutAt(folder);
  if (!layout || layout.root !== folder || layout.gitDir !== layout.commonDir) return false;
  // What lies elsewhere is not lost with the worktree, but is not known to be this submodule either.
  const own = join(view.layout.gitDir, 'modules');
  const isOwn = layout.gitDir === join(folder, '.git') || isInside(layout.gitDir, own);
  if (!isOwn || (await realpath(dirname(layout.gitDir))) !== dirname(layout.gitDir)) return false;
  search.repository();
  return withGitView(layout, async (sub) => {
    await lendIndex(sub);
    const [head, status, commits] = await Promise.all([
      runGit(sub, ['rev-parse', '--verify', 'HEAD^{commit}']),
      runGit(sub, STATUS),
      runGit(sub, ['rev-list', '--max-count=1', '--all', 'HEAD', '--not', commit, '--remotes', '--']),
    ]);
    if (head.trim() !== commit || status !== '' || commits !== '') return false;
    return (await submodulesWithWork(sub, search, depth + 1)).length === 0;
  });
}
