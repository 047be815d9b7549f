import { realpath } from 'node:fs/promises';
import { dirname, join, relative } from 'node:path';
import { ignoreMissing } from '../../util/fs/ignore-missing.js';

/**
 * The place for a worktree that is requested at a path. Links on the way are followed, but not links inside the repository. An
 * agent that works there can make such links, and would choose where on the machine its files are written.
 *
 * @param wanted absolute; need not exist
 * @param root the real path of the repository's checkout
 * @returns a path with no links on the way, except for links in the repository and links that are made later
 */
export async function worktreePlace(wanted: string, root: string): Promise<string> {
  let place = wanted;
  for (const folder of foldersTo(wanted)) {
    const real = await realpath(folder).catch(ignoreMissing);
    if (real === undefined) break;
    place = join(real, relative(folder, wanted));
    if (real === root) break;
  }
  return place;
}

/** The folders on the way to a path, from the top, without the path itself. */
function foldersTo(path: string): string[] {
  const parent = dirname(path);
  return parent === path ? [] : [...foldersTo(parent), parent];
}
