import { lstat, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { systemCode } from '../../util/errors.js';
import { BoundedSearch } from '../../util/fs/bounded-search.js';
import { makeFolder, writeNewFile } from '../../util/fs/owner.js';
import { gitIn } from '../repository/command.js';
import type { GitLayout } from '../repository/layout.js';
import { type GitView, lendIndex, withGitView } from '../repository/view.js';
import { FolderSet, SortedPaths } from './sorted-paths.js';

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
/** How many paths are looked through before other work gets its turn. Each can have thousands of folders. */
const SLICE = 256;
/** Lists a folder instead of the files in it, if all of them are listed. */
const COLLAPSED = ['--directory', '--no-empty-directory'];
/** Lists a folder only if a rule speaks of it. */
const MATCHING = [
  'status',
  '--porcelain',
  '-z',
  '--ignored=matching',
  '--untracked-files=all',
  '--ignore-submodules=all',
  '--no-renames',
];
/** Stands for the files of a folder. No pattern means only this name. */
const ANY_FILE = 'autonomous-orchestration-any-file';
/** How many patterns are examined one by one. */
const MOST_TRIED = 20;

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
    const byPatterns = await fileWith(view, 'all', patterns);
    const [collapsed, named] = await Promise.all([
      listed(view, ['--exclude-standard', ...COLLAPSED]),
      listed(view, [byPatterns, ...COLLAPSED]),
    ]);
    const isNamed = new Set(named);
    const { ignored, loose } = await expanded(view, collapsed, isNamed);
    const isChosen = new Set([...named, ...(await matching(view, patterns, loose))]);
    const inChosen = new FolderSet(isChosen);
    const whole = [...ignored, ...loose].filter(
      (path) => path !== WORKTREES && (isChosen.has(path) || inChosen.has(path)),
    );
    const chosen = [...whole, ...(await chosenInside(view, patterns, new Set([...ignored, ...loose]), new Set(whole)))];
    if (chosen.length <= MOST_CHOSEN) return chosen;
    throw new Error(`the patterns name more than ${MOST_CHOSEN} files one by one; name folders instead`);
  });
}

/**
 * What git ignores, with the folders expanded of which no rule speaks. Git lists such a folder as a whole if it happens to have
 * ignored files only. A folder that the patterns name stays.
 *
 * @returns in `loose` what is in such folders
 */
async function expanded(
  view: GitView,
  ignored: readonly string[],
  isNamed: ReadonlySet<string>,
): Promise<{ ignored: string[]; loose: string[] }> {
  const folders = ignored.filter((path) => path.endsWith('/') && path !== WORKTREES && !isNamed.has(path));
  const byRule = new Set(await checkIgnore(view, view.layout.root, folders));
  const others = new Set(folders.filter((path) => !byRule.has(path)));
  const inOthers = new FolderSet(others);
  if (others.size === 0) return { ignored: [...ignored], loose: [] };
  const places = [...others].map((path) => `:(literal)${path}`);
  // With too many of them, git looks everywhere.
  const isShort = Buffer.byteLength(places.join(' ')) <= MOST_ARGUMENT_BYTES;
  const args = [...MATCHING, '--', ...(isShort ? places : [])];
  const status = await gitIn(view, view.layout.root, args, { mostOutput: MOST_OUTPUT });
  const found = status.split('\0').flatMap((line) => (line.startsWith('!! ') ? line.slice(3) : []));
  return {
    ignored: ignored.filter((path) => !others.has(path)),
    loose: found.filter((path) => inOthers.has(path)),
  };
}

/** Those of the paths that the patterns name, as git matches them. Neither the files nor any other rules count. */
async function matching(view: GitView, patterns: readonly string[], paths: readonly string[]): Promise<string[]> {
  if (paths.length === 0) return [];
  const { folder, owner, paths: linkFree } = view;
  // If the view belongs to the repository's owner, that user may put a link in the place of a folder in it.
  const exclude = linkFree.to(join(folder, 'info/exclude'));
  const nowhere = join(folder, 'nowhere');
  await rm(exclude, { force: true });
  await writeNewFile(exclude, patterns.map((pattern) => `${pattern}\n`).join(''), owner);
  await makeFolder(nowhere, owner).catch((error: unknown) => {
    if (systemCode(error) !== 'EEXIST') throw error;
  });
  // Git does not know that a missing folder is one. A file in it makes that clear.
  const asked = paths.map((path) => (path.endsWith('/') ? `${path}${ANY_FILE}` : path));
  const found = new Set(await checkIgnore(view, nowhere, asked, ['-c', 'core.excludesFile=/dev/null']));
  return paths.filter((_, index) => found.has(asked[index] ?? ''));
}

/**
 * Those of the patterns that name none of the chosen files, for a warning.
 *
 * @param patterns without those that take files out again
 */
export async function idlePatterns(
  layout: GitLayout,
  patterns: readonly string[],
  chosen: ChosenPaths,
): Promise<string[]> {
  if (patterns.length === 0) return [];
  const unclear = (await withoutNames(patterns, chosen)).slice(0, MOST_TRIED);
  if (unclear.length === 0) return [];
  const hasFolders = chosen.some((path) => path.endsWith('/'));
  const inChosen = new FolderSet(chosen);
  return withGitView(layout, async (view) => {
    await lendIndex(view);
    const idle: string[] = [];
    for (const [index, pattern] of unclear.entries()) {
      if ((await matching(view, [pattern], chosen)).length > 0) continue;
      // A pattern with a path may name something in a folder that is copied as a whole.
      const option = await fileWith(view, `single-${index}`, [pattern]);
      const named = hasPlace(pattern) && hasFolders ? await listed(view, [option]) : [];
      if (!named.some((path) => inChosen.has(path))) idle.push(pattern);
    }
    return idle;
  });
}

/** Those of the patterns that are not just the path or the name of a chosen file or of a folder on its way. Most are. */
async function withoutNames(patterns: readonly string[], chosen: ChosenPaths): Promise<string[]> {
  const asked = new Set(patterns.map(bare));
  const paths = new SortedPaths(chosen);
  const names = new Set(chosen.map((path) => basename(path)));
  for (const [index, folder] of [...new Set(chosen.map(dirname))].entries()) {
    for (const name of folder.split('/')) if (asked.has(name)) names.add(name);
    if (index % SLICE === SLICE - 1) await setImmediate();
  }
  return patterns.filter((pattern) => {
    const path = bare(pattern);
    return !names.has(path) && !paths.reaches(path) && !paths.reaches(`${path}/`);
  });
}

function bare(path: string): string {
  return path.replace(/^\//, '').replace(/\/$/, '');
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
  const inIgnored = new FolderSet([...ignored].filter((path) => path !== WORKTREES));
  const inWhole = new FolderSet(whole);
  return files.filter((path) => inIgnored.has(path) && !inWhole.has(path));
}

/** True if a pattern begins with the path of a folder, and so may name something in it. */
function hasPlace(pattern: string): boolean {
  const parts = pattern.split('/').filter((part) => part !== '');
  return parts.length > 1 && parts[0] !== '**' && !pattern.startsWith('!');
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

async function checkIgnore(
  view: GitView,
  folder: string,
  paths: readonly string[],
  settings: readonly string[] = [],
): Promise<string[]> {
  if (paths.length === 0) return [];
  // Git's answer is limited, too.
  if (paths.reduce((sum, path) => sum + path.length, 0) > MOST_OUTPUT) {
    throw new Error(`the paths of the files to copy have more than ${MOST_OUTPUT} characters; name fewer`);
  }
  const asked = gitIn(view, folder, [...settings, 'check-ignore', '-z', '--stdin'], {
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
