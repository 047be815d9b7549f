import { cp, lstat, mkdir, readdir, rename, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { systemCode } from '../util/errors.js';
import { ignoreMissing } from '../util/fs/ignore-missing.js';
import { LinkFreePaths } from '../util/fs/link-free-paths.js';
import { checkOut, installIndex } from './command.js';
import type { LinkedWorktree } from './linked-worktrees.js';
import type { GitView } from './view.js';

/**
 * Where the files of a new worktree are written, in its git folder. The place of the worktree may be in the workspace of
 * another session, whose agent could exchange a folder for a link while git writes into it.
 */
const STAGING = 'files';

/**
 * Makes a worktree with its files, as `git worktree add` does, without a look at the repository's configuration.
 *
 * @param path without links; none is followed
 * @param branch is there already
 * @param commit what the branch is at
 * @throws Error where something is in its place, or git fails; nothing is left behind
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
    // `git worktree prune` takes away what has no `gitdir` yet, or no files, unless it is locked.
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
    // Nothing is left behind; the first error counts.
    for (const made of placed ? [path, gitDir] : [gitDir]) await paths.remove(made).catch(() => {});
    throw error;
  }
}

/** Whether the process ended while it made this worktree. */
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

/** @returns false where the place is on another file system; there is an empty folder then */
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
