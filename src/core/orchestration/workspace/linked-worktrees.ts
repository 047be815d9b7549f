import { lstat, mkdir, opendir, readdir, rm, writeFile } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { systemCode } from '../errors.js';
import { branchIn, type GitLayout, gitPath, ignoreMissing, readGitFile } from './git-layout.js';
import type { LinkFreePaths } from './link-free-paths.js';

/** A worktree of a repository, as the repository knows it. */
export interface LinkedWorktree {
  /** Its folder below `worktrees`. */
  readonly gitDir: string;
  /** Where its files are said to be. */
  readonly path: string;
  /** Undefined where none is checked out. */
  readonly branch: string | undefined;
}

/** More than anyone has; an agent could make millions. */
const MOST_WORKTREES = 1000;

/**
 * The worktrees of a repository, from the files that git keeps of them
 * ([gitrepository-layout](https://git-scm.com/docs/gitrepository-layout)). No git is run: an agent may have written commands
 * into the repository's configuration.
 *
 * @throws Error where there are too many, or `worktrees` is a link
 */
export async function linkedWorktrees(commonDir: string, paths: LinkFreePaths): Promise<LinkedWorktree[]> {
  const folder = join(commonDir, 'worktrees');
  const entries = await opendir(paths.to(folder)).catch(ignoreMissing);
  if (!entries) return [];
  const found: LinkedWorktree[] = [];
  for await (const { name } of entries) {
    const gitDir = join(folder, name);
    const pointer = await gitPath(paths.to(join(gitDir, 'gitdir')));
    if (pointer === undefined) continue;
    if (found.length === MOST_WORKTREES) throw new Error(`${folder} has more than ${MOST_WORKTREES} worktrees`);
    found.push({ gitDir, path: dirname(resolve(gitDir, pointer)), branch: await branchIn(paths.to(gitDir)) });
  }
  return found;
}

/**
 * Links a folder to a repository as a worktree with a branch, what `git worktree add --no-checkout` does. The folder is made.
 *
 * @param path without links; none is followed
 * @returns where git keeps what belongs to it
 * @throws Error where something is in its place
 */
export async function linkWorktree(
  { commonDir }: GitLayout,
  path: string,
  branch: string,
  paths: LinkFreePaths,
): Promise<GitLayout> {
  const folder = paths.to(path);
  await mkdir(dirname(folder), { recursive: true });
  await mkdir(folder).catch(async (error: unknown) => {
    const isEmpty = (await lstat(folder)).isDirectory() && (await readdir(folder)).length === 0;
    if (systemCode(error) !== 'EEXIST' || !isEmpty) throw error;
  });
  let made: string | undefined;
  try {
    const gitDir = await newFolder(join(commonDir, 'worktrees'), basename(path), paths);
    made = paths.to(gitDir);
    // `git worktree prune` takes away what has no `gitdir` yet, unless it is locked.
    await writeFile(join(made, 'locked'), 'initializing\n');
    await writeFile(join(made, 'gitdir'), `${join(path, '.git')}\n`);
    await writeFile(join(made, 'HEAD'), `ref: refs/heads/${branch}\n`);
    await writeFile(join(made, 'commondir'), '../..\n');
    await writeFile(join(folder, '.git'), `gitdir: ${gitDir}\n`, { flag: 'wx' });
    await rm(join(made, 'locked'));
    return { root: path, gitDir, commonDir };
  } catch (error) {
    // Nothing is left behind; the first error counts.
    for (const each of [folder, ...(made === undefined ? [] : [made])])
      await rm(each, { recursive: true, force: true }).catch(() => {});
    throw error;
  }
}

/**
 * Removes a worktree with all its files. No link is followed, so that nothing else is removed.
 *
 * @param path the real path
 * @throws Error where the repository knows none there, or a person has locked it
 */
export async function unlinkWorktree(commonDir: string, path: string, paths: LinkFreePaths): Promise<void> {
  const known = (await linkedWorktrees(commonDir, paths)).find((worktree) => worktree.path === path);
  if (!known) throw new Error(`the repository has no worktree at ${path}`);
  const gitDir = paths.to(known.gitDir);
  const locked = await readGitFile(join(gitDir, 'locked'));
  if (locked !== undefined && locked !== 'initializing\n') throw new Error(`the worktree at ${path} is locked`);
  await rm(paths.to(path), { recursive: true, force: true });
  await rm(gitDir, { recursive: true, force: true });
}

/** A new folder with this name, or one like it. */
async function newFolder(parent: string, wanted: string, paths: LinkFreePaths): Promise<string> {
  const isLink = (await lstat(paths.to(parent)).catch(ignoreMissing))?.isSymbolicLink();
  if (isLink) throw new Error(`${parent} is a link`);
  await mkdir(paths.to(parent), { recursive: true });
  const name = wanted.replaceAll(/[^\w-]+/g, '-');
  for (let number = 0; ; number++) {
    const folder = join(parent, number === 0 ? name : `${name}${number}`);
    try {
      await mkdir(paths.to(folder));
      return folder;
    } catch (error) {
      if (systemCode(error) !== 'EEXIST') throw error;
    }
  }
}
