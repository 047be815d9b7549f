import { link, lstat, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { nanoid } from 'nanoid';
import { systemCode } from '../../util/errors.js';
import { ignoreMissing } from '../../util/fs/ignore-missing.js';
import { makeFolder, type Owner, writeNewFile } from '../../util/fs/owner.js';
import type { GitView } from './view.js';

/** Parts of a git folder that may be missing. A folder is given as `undefined`, a file by its content. */
export type MissingParts = Readonly<Record<string, string | undefined>>;

/** The names of those that are missing. */
export async function missingOf(folder: string, parts: MissingParts): Promise<string[]> {
  const names = Object.keys(parts);
  const found = await Promise.all(names.map((name) => lstat(join(folder, name)).catch(ignoreMissing)));
  return names.filter((_, index) => !found[index]);
}

/**
 * Makes a part, which belongs to the repository's owner. Does nothing if something already exists there, whatever its kind. Links on the
 * way are not followed, because an agent may put one there at any moment.
 *
 * @throws Error with `ELOOP` if a folder on the way is a link
 */
export async function makePart(
  { paths, owner }: Pick<GitView, 'paths' | 'owner'>,
  path: string,
  content: string | undefined,
): Promise<void> {
  await create(paths.to(path), content, owner).catch((error: unknown) => {
    if (systemCode(error) !== 'EEXIST') throw error;
  });
}

async function create(path: string, content: string | undefined, owner: Owner | undefined): Promise<void> {
  if (content === undefined) return makeFolder(path, owner);
  // Git fails on a `commondir` that is still empty, so the complete file is linked into place. A link never replaces a file
  // that another session already mounts.
  const draft = `${path}.${nanoid()}`;
  await writeNewFile(draft, content, owner);
  await link(draft, path).finally(() => rm(draft));
}
