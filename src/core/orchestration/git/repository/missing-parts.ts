import { link, lstat, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { nanoid } from 'nanoid';
import { OrchestrationError, quote, systemCode } from '../../util/errors.js';
import { ignoreMissing } from '../../util/fs/ignore-missing.js';
import { inWords } from '../../util/fs/in-words.js';
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

const FOLDERS = ['objects', 'objects/info', 'refs', 'logs', 'logs/refs', 'hooks', 'worktrees'];
const FILES = ['config', 'config.worktree', 'commondir', 'gitdir', 'objects/info/alternates'];

/** In words, a part of a git folder that is a file in the place of a folder, or the other way round. Links are left out. */
export async function oddPart(folder: string): Promise<string | undefined> {
  const odd = await Promise.all([
    ...FOLDERS.map(async (name) => {
      const stats = await lstat(join(folder, name)).catch(ifUnknown);
      return stats && !stats.isDirectory() && !stats.isSymbolicLink() && `${name}\0folder`;
    }),
    ...FILES.map(async (name) => {
      const stats = await lstat(join(folder, name)).catch(ifUnknown);
      return stats && !stats.isFile() && !stats.isSymbolicLink() && `${name}\0regular file`;
    }),
  ]);
  const [name, kind] =
    odd
      .find((each) => each)
      ?.toString()
      .split('\0') ?? [];
  if (name === undefined) return undefined;
  return `${quote(join(folder, name))} is no ${kind}, as git needs it. Move it away; git makes what it needs`;
}

/** What lies below a part that is no folder, or in a closed one, is not examined. */
function ifUnknown(error: unknown): undefined {
  if (!['ENOENT', 'ENOTDIR', 'EACCES'].includes(systemCode(error) ?? '')) throw error;
}

/** Why a part could not be made. */
export function partFailure(path: string, cause: unknown): OrchestrationError {
  const code = systemCode(cause) ?? '';
  if (code === 'ELOOP' || code === 'ENOTDIR') {
    const why = code === 'ELOOP' ? 'a folder on the way is a link' : 'a folder on the way is a file';
    return new OrchestrationError('UNSAFE_MOUNT', `Mounting ${quote(path)} is refused: ${why}.`, { cause });
  }
  const isClosed = ['EACCES', 'EPERM', 'EROFS'].includes(code);
  const next = isClosed ? ". Correct the owner and the mode of the repository's git folder." : '.';
  const message = `${quote(path)}, which the git of the session needs, cannot be made: ${inWords(cause)}${next}`;
  return new OrchestrationError(isClosed ? 'WORKSPACE_NOT_WRITABLE' : 'LAUNCH_FAILED', message, { cause });
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
