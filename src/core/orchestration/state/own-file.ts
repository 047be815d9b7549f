import { constants, type Stats } from 'node:fs';
import { type FileHandle, lstat, open } from 'node:fs/promises';
import { basename, dirname } from 'node:path';
import { systemCode } from '../errors.js';
import { type OpenOptions, openRegularFile, type ReadOptions, readHandle } from '../files/regular-file.js';

/** Something in the state folder is not what this library has put there, or others could change it. */
export class NotOwn extends Error {}

/**
 * Demands that a folder is one, and no link; that it belongs to the user of this process, or to root; and that nobody else
 * may write to it.
 *
 * @throws NotOwn, or an error of the system where it is not there
 */
export async function demandOwnFolder(path: string): Promise<void> {
  const stats = await lstat(path);
  if (!stats.isDirectory()) throw new NotOwn(`it is ${stats.isSymbolicLink() ? 'a link' : 'not a folder'}`);
  demandOwn(stats);
}

/** The same of a file. @throws NotOwn, or an error of the system where it is not there */
export async function demandOwnFile(path: string): Promise<void> {
  const stats = await lstat(path);
  if (!stats.isFile()) throw new NotOwn(`it is ${stats.isSymbolicLink() ? 'a link' : 'not a regular file'}`);
  demandOwn(stats);
}

/**
 * Opens a file of the library's own, in a folder of its own. On Linux the file is looked for in the folder that was checked,
 * also where a link is put in the folder's place in between.
 *
 * @throws NotOwn where file or folder are not as {@link demandOwnFolder} says, or an error of the system
 */
export async function openOwnFile(path: string, options: OpenOptions = {}): Promise<FileHandle> {
  return inOwnFolder(path, async (pinned) => {
    const file = await openRegularFile(pinned, options).catch((error: unknown) => {
      // A link is ELOOP, a FIFO or a socket may be ENXIO; openRegularFile's own error has no code.
      if (systemCode(error) === 'ELOOP') throw new NotOwn('it is a link');
      throw [undefined, 'ENXIO'].includes(systemCode(error)) ? new NotOwn('it is not a regular file') : error;
    });
    try {
      demandOwn(await file.stat());
      return file;
    } catch (error) {
      await file.close();
      throw error;
    }
  });
}

/** Reads such a file. @throws NotOwn as `openOwnFile`, or an error where there is none or it is too long */
export async function readOwnFile(path: string, options: ReadOptions): Promise<string> {
  const file = await openOwnFile(path);
  try {
    return (await readHandle(file, options)).toString('utf8');
  } finally {
    await file.close();
  }
}

/** @param use gets a path that leads to the file in this very folder */
export async function inOwnFolder<T>(path: string, use: (pinned: string) => Promise<T>): Promise<T> {
  const { O_RDONLY, O_DIRECTORY, O_NOFOLLOW } = constants;
  const folder = await open(dirname(path), O_RDONLY | O_DIRECTORY | O_NOFOLLOW).catch((error: unknown) => {
    const isLink = systemCode(error) === 'ELOOP' || systemCode(error) === 'ENOTDIR';
    throw isLink ? new NotOwn(`its folder ${dirname(path)} is a link, or no folder`) : error;
  });
  try {
    demandOwn(await folder.stat(), `its folder ${dirname(path)} `);
    return await use(process.platform === 'linux' ? `/proc/self/fd/${folder.fd}/${basename(path)}` : path);
  } finally {
    await folder.close();
  }
}

function demandOwn({ uid, mode }: Stats, what = 'it '): void {
  const own = process.getuid?.();
  if (own !== undefined && uid !== own && uid !== 0) {
    throw new NotOwn(`${what}belongs to uid ${uid}, and this process runs as uid ${own}`);
  }
  if (own !== undefined && (mode & 0o022) !== 0) {
    throw new NotOwn(`${what}can be written by others (mode ${(mode & 0o777).toString(8)})`);
  }
}
