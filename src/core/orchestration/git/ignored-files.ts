import { lstat } from 'node:fs/promises';
import { join } from 'node:path';
import { systemCode } from '../util/errors.js';
import { BoundedSearch } from '../util/fs/bounded-search.js';
import { writeNewFile } from '../util/fs/owner.js';
import { gitIn } from './command.js';
import type { GitLayout } from './layout.js';
import { type GitView, lendIndex, withGitView } from './view.js';

/** The limits for a folder of which only some files are chosen. */
const SEARCH = { entries: 200_000, repositories: 0, durationMs: 30_000 };
/** The folder for worktrees in a repository, see `pathOf`. */
const WORKTREES = '.worktrees/';
/** For comparison: 100,000 paths of 80 characters have 8 MB. */
const MOST_OUTPUT = 16 * 1024 * 1024;
const MOST_LISTED = 200_000;
/** Each one is a file, or a folder with any number of files. */
const MOST_CHOSEN = 20_000;
/** A command line has at least 128 kB. */
const MOST_ARGUMENT_BYTES = 64 * 1024;
const AT_ONCE = 64;

/** Paths relative to the repository. Those of folders end with a slash, and mean the folder with all its content. */
export type ChosenPaths = readonly string[];

/**
 * The files of a checkout that git ignores and that one of the patterns names, in the notation of `.gitignore`. If git ignores
 * a folder as a whole, then a pattern reaches into it only if it begins with the path of that folder.
 *
 * An agent may have written the patterns and made the files. To match some pairs of them takes for ever. So git does that, in a
 * process of its own that ends after a time-out.
 *
 * @throws Error if git fails or takes too long, or if an agent has made too many files
 */
export async function chosenFiles(layout: GitLayout, patterns: readonly string[]): Promise<ChosenPaths> {
  return withGitView(layout, async (view) => {
    await lendIndex(view);
    const [ignored, named] = await Promise.all([
      listed(view, ['--exclude-standard', '--directory', '--no-empty-directory']),
      listed(view, [await fileWith(view, 'all', patterns), '--directory', '--no-empty-directory']),
    ]);
    const isNamed = new Set(named);
    const whole = ignored.filter(
      (path) => path !== WORKTREES && [path, ...foldersOf(path)].some((each) => isNamed.has(each)),
    );
    const chosen = [...whole, ...(await chosenInside(view, patterns, new Set(ignored), new Set(whole)))];
    if (chosen.length <= MOST_CHOSEN) return chosen;
    throw new Error(`the patterns name more than ${MOST_CHOSEN} files one by one; name folders instead`);
  });
}

/** The files in folders that git ignores as a whole. Git names no such folder if only some of its files fit. */
async function chosenInside(
  view: GitView,
  patterns: readonly string[],
  ignored: ReadonlySet<string>,
  whole: ReadonlySet<string>,
): Promise<string[]> {
  if (!patterns.some(hasPlace)) return [];
  const reaching = patterns.filter((pattern) => hasPlace(pattern) || pattern.startsWith('!'));
  const left: string[] = [];
  let bytes = 0;
  for (const path of [WORKTREES, ...whole]) {
    const argument = `:(exclude,literal)${path}`;
    bytes += Buffer.byteLength(argument) + 1;
    if (bytes > MOST_ARGUMENT_BYTES) break; // Their files are listed, and are filtered out here.
    left.push(argument);
  }
  const files = await listed(view, [await fileWith(view, 'reaching', reaching), '--', ...left]);
  return files.filter((path) => {
    const folders = foldersOf(path);
    const isInside = folders.some((each) => each !== WORKTREES && ignored.has(each));
    return isInside && !folders.some((each) => whole.has(each));
  });
}

/** True if a pattern begins with the path of a folder, and so may name something in it. */
function hasPlace(pattern: string): boolean {
  const parts = pattern.split('/').filter((part) => part !== '');
  return parts.length > 1 && parts[0] !== '**' && !pattern.startsWith('!');
}

/** All folders on the way to a path, as git writes them. */
export function foldersOf(path: string): string[] {
  const folders: string[] = [];
  for (let at = path.indexOf('/'); at !== -1 && at < path.length - 1; at = path.indexOf('/', at + 1)) {
    folders.push(path.slice(0, at + 1));
  }
  return folders;
}

/** Files that no commit has and that some rules ignore. */
async function listed(view: GitView, options: readonly string[]): Promise<string[]> {
  const args = ['ls-files', '-z', '--others', '--ignored', ...options];
  const paths = (await gitIn(view, view.layout.root, args, { mostOutput: MOST_OUTPUT })).split('\0', MOST_LISTED + 1);
  if (paths.length > MOST_LISTED) throw new Error(`git ignores more than ${MOST_LISTED} files and folders`);
  return paths.filter((path) => path !== '');
}

/** The option for a file with patterns. */
async function fileWith({ folder, owner }: GitView, name: string, patterns: readonly string[]): Promise<string> {
  const path = join(folder, `patterns-${name}`);
  await writeNewFile(path, patterns.map((pattern) => `${pattern}\n`).join(''), owner);
  return `--exclude-from=${path}`;
}

/**
 * Those of the paths that git would also ignore in a new worktree. Others would be new files there, and would be committed.
 *
 * @param folder the files of the new worktree
 */
export async function ignoredIn(view: GitView, folder: string, chosen: ChosenPaths): Promise<ChosenPaths> {
  const paths: string[] = [];
  for (let at = 0; at < chosen.length; at += AT_ONCE) {
    const some = chosen.slice(at, at + AT_ONCE);
    const found = await Promise.all(some.map((path) => isReachable(view, join(folder, path))));
    paths.push(...some.filter((_, index) => found[index]));
  }
  // Git does not know that a missing folder is one. A file in it makes that clear.
  const asked = paths.map((path) => (path.endsWith('/') ? `${path}x` : path));
  const ignored = new Set(await checkIgnore(view, folder, asked));
  // Of such a folder, git may ignore every single file.
  const search = new BoundedSearch(SEARCH);
  const inside: string[] = [];
  for (const [index, path] of paths.entries()) {
    if (path.endsWith('/') && !ignored.has(asked[index] ?? '')) await addFiles(view, path, search, inside);
  }
  return [...paths.filter((_, index) => ignored.has(asked[index] ?? '')), ...(await checkIgnore(view, folder, inside))];
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

/** Adds all that is in a folder and is no folder itself. @throws SearchLimit */
async function addFiles(view: GitView, folder: string, search: BoundedSearch, files: string[]): Promise<void> {
  for (const entry of await search.entries(view.paths.to(join(view.layout.root, folder)))) {
    const path = `${folder}${entry.name}`;
    if (entry.isDirectory()) await addFiles(view, `${path}/`, search, files);
    else files.push(path);
  }
}
