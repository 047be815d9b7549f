import { lstat, realpath } from 'node:fs/promises';
import { dirname, join, relative, resolve } from 'node:path';
import { ignoreMissing } from '../util/fs/ignore-missing.js';
import { readRegularFile } from '../util/fs/regular-file.js';

/** Configurations and pointers are far shorter. */
const MOST_BYTES = 1024 * 1024;

/** The folders in which git keeps the data of a checkout. */
export interface GitLayout {
  /** The top of the checkout: the folder with `.git` in it. */
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
  const gitDir = resolve(root, pointer);
  return { root, gitDir, commonDir: resolve(gitDir, (await gitPath(join(gitDir, 'commondir'))) ?? '') };
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
    const back = await readGitFile(join(gitDir, 'gitdir'));
    return back !== undefined && (await realpath(resolve(gitDir, back.trim())).catch(ignoreMissing)) === pointer;
  }
  const config = await readGitFile(join(gitDir, 'config'));
  return /^\s*worktree = (.+)$/m.exec(config ?? '')?.[1] === relative(gitDir, root);
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
