import { lstat, realpath, stat } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { ignoreMissing } from '../../util/fs/ignore-missing.js';
import { isInside } from '../../util/fs/is-inside.js';
import { readRegularFile } from '../../util/fs/regular-file.js';
import { type GitConfigEntry, parseGitConfig } from './config-file.js';

/** Configurations and pointers are far shorter. */
const MOST_BYTES = 1024 * 1024;

/** The folders in which git keeps the data of a checkout. */
export interface GitLayout {
  /** The top of the checkout: the folder with `.git` in it. For a bare repository that is found itself: its folder. */
  root: string;
  /** The checkout's own folder: `.git`, or `<repository>/.git/worktrees/<name>`. */
  gitDir: string;
  /** The folder that all worktrees share: `<repository>/.git`. */
  commonDir: string;
}

/**
 * Finds the git folders of a checkout by reading files, as git itself would. Git is not run, because a repository that an agent
 * worked in may make git execute something.
 */
export async function gitLayoutAt(folder: string): Promise<GitLayout | undefined> {
  const root = await realpath(folder);
  const entry = join(root, '.git');
  const kind = await lstat(entry).catch(ignoreMissing);
  if (kind?.isDirectory()) return { root, gitDir: entry, commonDir: entry };
  const pointer = await gitPointer(entry);
  if (pointer === undefined) return undefined;
  const gitDir = await realPlace(resolve(root, pointer));
  const common = await gitPath(join(gitDir, 'commondir'));
  return { root, gitDir, commonDir: common === undefined ? gitDir : await realPlace(resolve(gitDir, common)) };
}

/** The place without links on the way to it, or as it is given if there is nothing. */
async function realPlace(path: string): Promise<string> {
  return (await realpath(path).catch(() => undefined)) ?? path;
}

/** The path to which a `.git` file leads, as it is written there. */
export async function gitPointer(file: string): Promise<string | undefined> {
  return /^gitdir: ([\s\S]+)$/.exec((await gitPath(file)) ?? '')?.[1];
}

/** The path in a file. Only the line end is removed: for git, spaces are part of the path. */
export async function gitPath(file: string): Promise<string | undefined> {
  return (await readGitFile(file))?.replace(/[\r\n]+$/, '');
}

/** The checkout that contains a folder, if there is one. */
export async function findGitLayout(folder: string): Promise<GitLayout | undefined> {
  const layout = await gitLayoutAt(folder);
  if (layout) return layout;
  const parent = dirname(folder);
  return parent === folder ? undefined : findGitLayout(parent);
}

/** The same, or the bare repository that is or contains the folder. */
export async function findRepository(folder: string): Promise<GitLayout | undefined> {
  const layout = await gitLayoutAt(folder);
  if (layout) return layout;
  if (await isGitFolder(folder)) return { root: folder, gitDir: folder, commonDir: folder };
  const parent = dirname(folder);
  return parent === folder ? undefined : findRepository(parent);
}

/** True if a folder has what git asks of a git folder. Such a folder may be a bare repository. */
export async function isGitFolder(folder: string): Promise<boolean> {
  const [head, objects, refs] = await Promise.all([
    lstat(join(folder, 'HEAD')).catch(() => undefined),
    ...['objects', 'refs'].map((name) => stat(join(folder, name)).catch(() => undefined)),
  ]);
  return head !== undefined && objects?.isDirectory() === true && refs?.isDirectory() === true;
}

/**
 * True if the git folders of a checkout lead back to the checkout. An agent may have written a `.git` file that leads to any
 * repository of the machine.
 */
export async function isKnown({ root, gitDir, commonDir }: GitLayout): Promise<boolean> {
  const pointer = join(root, '.git');
  if (gitDir === pointer) return true;
  if (gitDir !== commonDir) {
    // A forged git folder could confirm itself, and name any folder of the machine as its repository.
    if (dirname(gitDir) !== join(commonDir, 'worktrees')) return false;
    const back = await gitPath(join(gitDir, 'gitdir'));
    return back !== undefined && (await realpath(resolve(gitDir, back)).catch(ignoreMissing)) === pointer;
  }
  // Whoever has the checkout has such a git folder, too.
  if (isInside(gitDir, root)) return true;
  const worktree = settingIn((await configOf(gitDir)) ?? [], 'core.worktree');
  return worktree !== undefined && (await realPlace(resolve(gitDir, worktree))) === root;
}

/**
 * The settings of a git folder: those of its `config`, and those of its `config.worktree`, if git reads that. What they include is
 * left out.
 *
 * @returns undefined if git would refuse one of the files
 */
export async function configOf(gitDir: string): Promise<GitConfigEntry[] | undefined> {
  const entries = parseGitConfig((await readGitFile(join(gitDir, 'config'))) ?? '');
  if (!entries || !isOn(settingIn(entries, 'extensions.worktreeconfig'))) return entries;
  const own = parseGitConfig((await readGitFile(join(gitDir, 'config.worktree'))) ?? '');
  return own && [...entries, ...own];
}

/** The value that counts if a setting is given more than once. @param name in lower case */
export function settingIn(entries: readonly GitConfigEntry[], name: string): string | undefined {
  return entries.findLast((entry) => entry.name === name)?.value;
}

/** True if a setting is switched on, as git reads it. */
export function isOn(value: string | undefined): boolean {
  return value !== undefined && /^(true|yes|on|[1-9]\d*)$/i.test(value);
}

/** The branch that a git folder has checked out. Undefined if it has none. The path is used exactly as given. */
export async function branchIn(gitDir: string): Promise<string | undefined> {
  return /^ref: refs\/heads\/(.+)$/m.exec((await readGitFile(`${gitDir}/HEAD`)) ?? '')?.[1];
}

/** A small file of git's own. Undefined if there is none, or if something else is in its place. */
export async function readGitFile(path: string): Promise<string | undefined> {
  const bytes = await readRegularFile(path, { most: MOST_BYTES }).catch(() => undefined);
  return bytes?.toString('utf8');
}
