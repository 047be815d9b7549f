import { opendir } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { ignoreMissing } from '../../util/fs/ignore-missing.js';
import type { LinkFreePaths } from '../../util/fs/link-free-paths.js';
import { branchIn, gitPath, readGitFile } from './layout.js';

/** A worktree of a repository, as the repository knows it. */
export interface LinkedWorktree {
  /** The worktree's folder below `worktrees`. */
  readonly gitDir: string;
  /** The place of its files, according to the repository. */
  readonly path: string;
  /** Undefined if no branch is checked out. */
  readonly branch: string | undefined;
}

/** Nobody has more, but an agent could make millions. */
export const MOST_WORKTREES = 1000;

/**
 * The worktrees of a repository, from the files in which git records them
 * ([gitrepository-layout](https://git-scm.com/docs/gitrepository-layout)). Git is not run, because an agent may have written
 * commands into the repository's configuration.
 *
 * @throws Error if there are too many, or if `worktrees` is a link
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
 * Removes a worktree with all its files. Links are not followed, so that nothing else is removed.
 *
 * @param path the real path
 * @throws Error if the repository knows no worktree there, or if a person has locked it
 */
export async function unlinkWorktree(commonDir: string, path: string, paths: LinkFreePaths): Promise<void> {
  const known = (await linkedWorktrees(commonDir, paths)).find((worktree) => worktree.path === path);
  if (!known) throw new Error(`the repository has no worktree at ${path}`);
  const locked = await readGitFile(paths.to(join(known.gitDir, 'locked')));
  if (locked !== undefined && locked !== 'initializing\n') throw new Error(`the worktree at ${path} is locked`);
  await paths.remove(path);
  await paths.remove(known.gitDir);
}
