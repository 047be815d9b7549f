import { cp, lstat, mkdir, readdir, rename, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { systemCode } from '../util/errors.js';
import { ignoreMissing } from '../util/fs/ignore-missing.js';
import { LinkFreePaths } from '../util/fs/link-free-paths.js';
import { checkOut, installIndex } from './command.js';
import type { LinkedWorktree } from './linked-worktrees.js';
import type { GitView } from './view.js';

/**
 * The folder in the worktree's git folder into which its files are written first. The final place may be in the workspace of
 * another session, whose agent could replace a folder by a link while git writes into it.
 */
const STAGING = 'files';

/**
 * Makes a worktree with its files, as `git worktree add` does, but without reading the repository's configuration.
 *
 * @param path without links; links are not followed
 * @param branch an existing branch
 * @param commit the commit of the branch
 * @throws Error if something is in its place, or if git fails; nothing is left behind
 */
export async function addWorktree(view: GitView, path: string, branch: string, commit: string): Promise<void> {
  const { layout, paths } = view;
  const place = paths.to(path);
  await requireFree(place);
  const gitDir = await newFolder(join(layout.commonDir, 'worktrees'), basename(path), paths);
  const write = (name: string, text: string): Promise<void> => writeFile(paths.to(join(gitDir, name)), text);
  const staging = join(gitDir, STAGING);
  let placed = false;
  try {
    // `git worktree prune` removes a worktree that has no `gitdir` or no files yet, unless it is locked.
    await write('locked', 'initializing\n');
    await write('gitdir', `${join(path, '.git')}\n`);
    await write('HEAD', `ref: refs/heads/${branch}\n`);
    await write('commondir', '../..\n');
    await mkdir(paths.to(staging));
    await write(join(STAGING, '.git'), `gitdir: ${gitDir}\n`);
    await checkOut(view, staging, commit);
    await mkdir(dirname(place), { recursive: true });
    const moved = await move(paths.to(staging), place);
    placed = true;
    if (!moved)
      await cp(paths.to(staging), place, { recursive: true, verbatimSymlinks: true, preserveTimestamps: true });
    await installIndex(view, gitDir, moved ? undefined : path);
    await paths.remove(staging);
    await paths.remove(join(gitDir, 'locked'));
  } catch (error) {
    // Nothing is left behind. The first error counts.
    for (const made of placed ? [path, gitDir] : [gitDir]) await paths.remove(made).catch(() => {});
    throw error;
  }
}

/** True if the process that made this worktree died before it was complete. */
export async function isHalfMade({ gitDir, path }: LinkedWorktree, paths: LinkFreePaths): Promise<boolean> {
  const [staging, place] = await Promise.all(
    [join(gitDir, STAGING), path].map((each) => lstat(paths.to(each)).catch(ignoreMissing)),
  );
  return staging !== undefined && place === undefined;
}

async function requireFree(place: string): Promise<void> {
  const stats = await lstat(place).catch(ignoreMissing);
  if (!stats || (stats.isDirectory() && (await readdir(place)).length === 0)) return;
  throw Object.assign(new Error(`something is at ${LinkFreePaths.plain(place)} already`), { code: 'EEXIST' });
}

/** @returns false if the target is on another file system; then there is an empty folder */
async function move(from: string, to: string): Promise<boolean> {
  try {
    await rename(from, to);
    return true;
  } catch (error) {
    if (systemCode(error) !== 'EXDEV') throw error;
    await mkdir(to).catch((cause: unknown) => {
      if (systemCode(cause) !== 'EEXIST') throw cause;
    });
    await requireFree(to);
    return false;
  }
}

/** Makes a new folder with this name, or with a similar one. */
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
