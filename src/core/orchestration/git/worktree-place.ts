import { realpath } from 'node:fs/promises';
import { dirname, join, relative } from 'node:path';
import { ignoreMissing } from '../util/fs/ignore-missing.js';

/**
 * Where a worktree goes that is wanted at a path. Links on the way are followed, but none inside the repository: an agent
 * that works there can make them, and would choose where on the machine its files are written.
 *
 * @param wanted absolute; need not exist
 * @param root the real path of the repository's checkout
 * @returns a path on the way to which there are no links, unless they are in the repository or made later
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
