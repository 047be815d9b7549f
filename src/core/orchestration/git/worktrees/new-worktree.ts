import { lstat, readdir, rename, rmdir } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { systemCode } from '../../util/errors.js';
import { ignoreMissing } from '../../util/fs/ignore-missing.js';
import type { LinkFreePaths } from '../../util/fs/link-free-paths.js';
import { makeFolder, writeNewFile } from '../../util/fs/owner.js';
import { checkOut, installIndex } from '../repository/command.js';
import type { LinkedWorktree } from '../repository/linked-worktrees.js';
import type { GitView } from '../repository/view.js';
import { copyTree } from './copied-tree.js';
import { keepSparse, lendSparseCheckout, sparseCheckoutOf } from './sparse-checkout.js';
import { makeFoldersTo, requireFree } from './worktree-path.js';

/**
 * The folder in the worktree's git folder into which its files are written first. The final place may be in the workspace of
 * another session, whose agent could replace a folder by a link while git writes into it.
 */
const STAGING = 'files';
/** With a number behind it, the name stays shorter than file systems allow. */
const MOST_NAME = 200;

/** A worktree that git knows, but that has no files yet. */
export interface ClaimedWorktree {
  readonly gitDir: string;
  readonly path: string;
}

/**
 * Makes the git folder of a new worktree, so that its branch is taken.
 *
 * @param path without links; links are not followed
 * @param branch an existing branch
 * @throws Error if something is in its place; nothing is left behind
 */
export async function claimWorktree(view: GitView, path: string, branch: string): Promise<ClaimedWorktree> {
  const { layout, paths, owner } = view;
  await requireFree(paths, path);
  const gitDir = await newFolder(view, join(layout.commonDir, 'worktrees'), basename(path));
  const write = (name: string, text: string): Promise<void> => writeNewFile(paths.to(join(gitDir, name)), text, owner);
  try {
    // `git worktree prune` removes a worktree that has no `gitdir` or no files yet, unless it is locked.
    await write('locked', 'initializing\n');
    await makeFolder(paths.to(join(gitDir, STAGING)), owner);
    await write('HEAD', `ref: refs/heads/${branch}\n`);
    await write('commondir', '../..\n');
    await write('gitdir', `${join(path, '.git')}\n`);
    return { gitDir, path };
  } catch (error) {
    await paths.remove(gitDir).catch(() => {}); // The first error counts.
    throw error;
  }
}

/**
 * Writes the files of a worktree, as `git worktree add` does, but without reading the repository's configuration.
 *
 * @param commit the commit of the branch
 * @param more adds other files to the folder with the commit's files
 * @returns the folders that were made for it, the lowest first
 * @throws Error if something is in its place, or if git fails; nothing is left behind
 */
export async function fillWorktree(
  view: GitView,
  { gitDir, path }: ClaimedWorktree,
  commit: string,
  more: (folder: string) => Promise<void>,
): Promise<string[]> {
  const { paths, owner } = view;
  const staging = join(gitDir, STAGING);
  let madeFolders: string[] = [];
  let placed = false;
  try {
    await writeNewFile(paths.to(join(staging, '.git')), `gitdir: ${gitDir}\n`, owner);
    const sparse = await sparseCheckoutOf(view);
    if (sparse) await lendSparseCheckout(view, sparse, commit);
    await checkOut(view, staging, commit, sparse?.settings);
    if (sparse) await keepSparse(view, sparse, gitDir);
    await more(staging);
    madeFolders = await makeFoldersTo(view, path);
    const moved = await move(view, staging, path);
    placed = true;
    if (!moved) await copyTree(view, staging, path);
    await installIndex(view, gitDir, moved ? undefined : path);
    await paths.remove(staging);
    await paths.remove(join(gitDir, 'locked'));
    return madeFolders;
  } catch (error) {
    // Nothing is left behind. The first error counts.
    for (const made of placed ? [path, gitDir] : [gitDir]) await paths.remove(made).catch(() => {});
    for (const folder of madeFolders) await removeEmpty(paths, folder);
    throw error;
  }
}

/** Removes a folder that was made for a worktree, unless something else is in it by now. */
export async function removeEmpty(paths: LinkFreePaths, folder: string): Promise<void> {
  const names = await readdir(paths.to(folder)).catch(() => []);
  if (basename(folder) === '.worktrees' && names.join() === '.gitignore')
    await paths.remove(join(folder, '.gitignore'));
  await rmdir(paths.to(folder)).catch(() => {});
}

/** True if the process that made this worktree died before it was complete. */
export async function isHalfMade({ gitDir, path }: LinkedWorktree, paths: LinkFreePaths): Promise<boolean> {
  const [staging, place] = await Promise.all(
    [join(gitDir, STAGING), path].map((each) => lstat(paths.to(each)).catch(ignoreMissing)),
  );
  return staging !== undefined && place === undefined;
}

/** @returns false if the target is on another file system; then there is an empty folder */
async function move({ paths, owner }: GitView, from: string, to: string): Promise<boolean> {
  try {
    await rename(paths.to(from), paths.to(to));
    return true;
  } catch (error) {
    if (['ENOTEMPTY', 'EEXIST', 'ENOTDIR'].includes(systemCode(error) ?? '')) await requireFree(paths, to);
    if (systemCode(error) !== 'EXDEV') throw error;
    await makeFolder(paths.to(to), owner).catch((cause: unknown) => {
      if (systemCode(cause) !== 'EEXIST') throw cause;
    });
    await requireFree(paths, to);
    return false;
  }
}

/** Makes a new folder with this name, or with a similar one. */
async function newFolder({ paths, owner }: GitView, parent: string, wanted: string): Promise<string> {
  const isLink = (await lstat(paths.to(parent)).catch(ignoreMissing))?.isSymbolicLink();
  if (isLink) throw new Error(`${parent} is a link`);
  const unlessThere = (error: unknown): false => {
    if (systemCode(error) !== 'EEXIST') throw error;
    return false;
  };
  await makeFolder(paths.to(parent), owner).catch(unlessThere);
  const name = wanted.replaceAll(/[^\w-]+/g, '-').slice(0, MOST_NAME);
  for (let number = 0; ; number++) {
    const folder = join(parent, number === 0 ? name : `${name}${number}`);
    if ((await makeFolder(paths.to(folder), owner).catch(unlessThere)) !== false) return folder;
  }
}
