import { lstat } from 'node:fs/promises';
import { join } from 'node:path';
import ignore, { type Ignore } from 'ignore';
import { systemCode } from '../util/errors.js';
import { BoundedSearch } from '../util/fs/bounded-search.js';
import { gitIn } from './command.js';
import type { GitLayout } from './layout.js';
import { type GitView, lendIndex, withGitView } from './view.js';

/** The limits for a folder of which only some files are chosen. */
const SEARCH = { entries: 200_000, repositories: 0, durationMs: 30_000 };
/** The folder for worktrees in a repository, see `pathOf`. */
const WORKTREES = '.worktrees/';
/** For comparison: 100,000 paths of 80 characters have 8 MB. */
const MOST_OUTPUT = 16 * 1024 * 1024;

/** Paths relative to the repository. Those of folders end with a slash, and mean the folder with all its content. */
export type ChosenPaths = readonly string[];

/**
 * The files of a checkout that git ignores and that one of the patterns names, in the notation of `.gitignore`. If git ignores
 * a folder as a whole, then a pattern reaches into it only if it begins with the path of that folder.
 *
 * @throws Error if git fails, or if an agent has made too many files
 */
export async function chosenFiles(layout: GitLayout, patterns: readonly string[]): Promise<ChosenPaths> {
  const rules = ignore({ ignorecase: false }).add([...patterns]);
  return withGitView(layout, async (view) => {
    await lendIndex(view);
    const options = ['--others', '--ignored', '--exclude-standard', '--directory', '--no-empty-directory', '-z'];
    const listed = (await gitIn(view, layout.root, ['ls-files', ...options], { mostOutput: MOST_OUTPUT })).split('\0');
    const search = new BoundedSearch(SEARCH);
    const chosen: string[] = [];
    for (const path of listed) {
      if (path === WORKTREES || !ignore.isPathValid(path)) continue;
      if (rules.ignores(path)) chosen.push(path);
      else if (path.endsWith('/') && reaches(patterns, path))
        chosen.push(...(await chosenIn(view, path, rules, search)));
    }
    return chosen;
  });
}

/**
 * Those of the paths that git would also ignore in a new worktree. Others would be new files there, and would be committed.
 *
 * @param folder the files of the new worktree
 */
export async function ignoredIn(view: GitView, folder: string, chosen: ChosenPaths): Promise<ChosenPaths> {
  const found = await Promise.all(chosen.map((path) => isReachable(view, join(folder, path))));
  const paths = chosen.filter((_, index) => found[index]);
  // Git does not know that a missing folder is one. A file in it makes that clear.
  const asked = paths.map((path) => (path.endsWith('/') ? `${path}x` : path));
  const ignored = new Set(await checkIgnore(view, folder, asked));
  const folders = paths.filter((path, index) => path.endsWith('/') && !ignored.has(asked[index] ?? ''));
  // Of such a folder, git may ignore every single file.
  const search = new BoundedSearch(SEARCH);
  const all = ignore().add('*');
  const inside = (await Promise.all(folders.map((path) => chosenIn(view, path, all, search, true)))).flat();
  return [
    ...paths.filter((_, index) => ignored.has(asked[index] ?? '')),
    ...(inside.length === 0 ? [] : await checkIgnore(view, folder, inside)),
  ];
}

/** False if the commit has a link or a file in the place of a folder on the way. Git refuses to answer for such a path. */
async function isReachable({ paths }: GitView, path: string): Promise<boolean> {
  return lstat(paths.to(path)).then(
    () => true,
    (error: unknown) => systemCode(error) === 'ENOENT',
  );
}

async function checkIgnore(view: GitView, folder: string, paths: readonly string[]): Promise<string[]> {
  if (paths.length === 0) return [];
  const asked = gitIn(view, folder, ['check-ignore', '-z', '--stdin'], {
    input: paths.join('\0'),
    mostOutput: MOST_OUTPUT,
  });
  // The exit code is 1 if git ignores none of them.
  const answer = await asked.catch((error: { code?: unknown }) => {
    if (error.code === 1) return '';
    throw error;
  });
  return answer.split('\0').filter((path) => path !== '');
}

/** The chosen paths in a folder that git ignores. @param deep true for the files themselves, not for whole folders */
async function chosenIn(
  view: GitView,
  folder: string,
  rules: Ignore,
  search: BoundedSearch,
  deep = false,
): Promise<string[]> {
  const chosen: string[] = [];
  for (const entry of await search.entries(view.paths.to(join(view.layout.root, folder)))) {
    const path = `${folder}${entry.name}${entry.isDirectory() ? '/' : ''}`;
    const isChosen = ignore.isPathValid(path) && rules.ignores(path);
    if (isChosen && !(deep && entry.isDirectory())) chosen.push(path);
    else if (entry.isDirectory()) chosen.push(...(await chosenIn(view, path, rules, search, deep)));
  }
  return chosen;
}

/** True if a pattern begins with the path of a folder, and so may name something in it. */
function reaches(patterns: readonly string[], folder: string): boolean {
  const depth = folder.split('/').length - 1;
  return patterns.some((pattern) => {
    const parts = pattern.replace(/^\//, '').split('/');
    if (parts.length <= depth || parts[depth] === '' || pattern.startsWith('!') || parts[0] === '**') return false;
    return ignore()
      .add(`/${parts.slice(0, depth).join('/')}/`)
      .ignores(folder);
  });
}
