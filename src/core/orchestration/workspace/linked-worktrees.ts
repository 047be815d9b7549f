import { lstat, mkdir, opendir, readdir, realpath, rm, writeFile } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { systemCode } from '../errors.js';
import { branchIn, type GitLayout, gitPath, ignoreMissing, readGitFile } from './git-layout.js';

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
 * @throws Error where there are too many
 */
export async function linkedWorktrees(commonDir: string): Promise<LinkedWorktree[]> {
  const folder = join(commonDir, 'worktrees');
  const entries = await opendir(folder).catch(ignoreMissing);
  if (!entries) return [];
  const found: LinkedWorktree[] = [];
  for await (const { name } of entries) {
    const gitDir = join(folder, name);
    const pointer = await gitPath(join(gitDir, 'gitdir'));
    if (pointer === undefined) continue;
    if (found.length === MOST_WORKTREES) throw new Error(`${folder} has more than ${MOST_WORKTREES} worktrees`);
    found.push({ gitDir, path: dirname(resolve(gitDir, pointer)), branch: await branchIn(gitDir) });
  }
  return found;
}

/**
 * Links a folder to a repository as a worktree with a branch, what `git worktree add --no-checkout` does. The folder is made.
 *
 * @throws Error where something is in its place
 */
export async function linkWorktree({ commonDir }: GitLayout, wanted: string, branch: string): Promise<void> {
  await mkdir(dirname(wanted), { recursive: true });
  await mkdir(wanted).catch(async (error: unknown) => {
    const isEmpty = (await lstat(wanted)).isDirectory() && (await readdir(wanted)).length === 0;
    if (systemCode(error) !== 'EEXIST' || !isEmpty) throw error;
  });
  const path = await realpath(wanted); // As git writes it.
  let gitDir: string | undefined;
  try {
    gitDir = await newFolder(join(commonDir, 'worktrees'), basename(path));
    // `git worktree prune` takes away what has no `gitdir` yet, unless it is locked.
    await writeFile(join(gitDir, 'locked'), 'initializing\n');
    await writeFile(join(gitDir, 'gitdir'), `${join(path, '.git')}\n`);
    await writeFile(join(gitDir, 'HEAD'), `ref: refs/heads/${branch}\n`);
    await writeFile(join(gitDir, 'commondir'), '../..\n');
    await writeFile(join(path, '.git'), `gitdir: ${gitDir}\n`, { flag: 'wx' });
    await rm(join(gitDir, 'locked'));
  } catch (error) {
    // Nothing is left behind; the first error counts.
    for (const made of [path, ...(gitDir === undefined ? [] : [gitDir])])
      await rm(made, { recursive: true, force: true }).catch(() => {});
    throw error;
  }
}

/** Removes a worktree with all its files. @throws Error where the repository knows none there, or a person has locked it */
export async function unlinkWorktree(commonDir: string, path: string): Promise<void> {
  const real = await realpath(path).catch(() => path);
  const known = (await linkedWorktrees(commonDir)).find((worktree) => worktree.path === real);
  if (!known) throw new Error(`the repository has no worktree at ${path}`);
  const locked = await readGitFile(join(known.gitDir, 'locked'));
  if (locked !== undefined && locked !== 'initializing\n') throw new Error(`the worktree at ${path} is locked`);
  await rm(path, { recursive: true, force: true });
  await rm(known.gitDir, { recursive: true, force: true });
}

/** A new folder with this name, or one like it. */
async function newFolder(parent: string, wanted: string): Promise<string> {
  await mkdir(parent, { recursive: true });
  if (!(await lstat(parent)).isDirectory()) throw new Error(`${parent} is a link`);
  const name = wanted.replaceAll(/[^\w-]+/g, '-');
  for (let number = 0; ; number++) {
    const folder = join(parent, number === 0 ? name : `${name}${number}`);
    try {
      await mkdir(folder);
      return folder;
    } catch (error) {
      if (systemCode(error) !== 'EEXIST') throw error;
    }
  }
}
