import { closeSync, constants, fstatSync, lstatSync, openSync, readSync, type Stats } from 'node:fs';
import type { FileHandle } from 'node:fs/promises';
import { basename, dirname } from 'node:path';
import { systemCode } from '../errors.js';
import { type OpenOptions, openRegularFile, type ReadOptions, readHandle } from './regular-file.js';

// The checks in this file are synchronous. Each takes microseconds, and a turn through Node.js's thread pool would take longer
// than that, at every write.

/** Something in the state folder was not put there by this library, or others could change it. */
export class NotOwn extends Error {}

/**
 * Checks that a path is a folder and not a link, that the folder belongs to the user of this process or to root, and that
 * nobody else may write to it.
 *
 * @throws NotOwn, or an error of the system
 */
export function requireOwnFolder(path: string): void {
  const stats = lstatSync(path);
  if (!stats.isDirectory()) throw new NotOwn(`it is ${stats.isSymbolicLink() ? 'a link' : 'not a folder'}`);
  requireOwn(stats);
}

/** The same check for a file. @throws NotOwn, or an error of the system */
export function requireOwnFile(path: string): void {
  const stats = lstatSync(path);
  if (!stats.isFile()) throw new NotOwn(`it is ${stats.isSymbolicLink() ? 'a link' : 'not a regular file'}`);
  requireOwn(stats);
}

/** Applies a check to a path, if anything is there. @throws NotOwn, or an error of the system */
export function ifThere(check: (path: string) => void, path: string): void {
  try {
    check(path);
  } catch (error) {
    if (systemCode(error) !== 'ENOENT') throw error;
  }
}

/**
 * Opens a file of the library's own, in a folder of the library's own.
 *
 * @throws NotOwn if the file or folder is not as {@link requireOwnFolder} demands, or an error of the system
 */
export async function openOwnFile(path: string, options: OpenOptions = {}): Promise<FileHandle> {
  return inOwnFolder(path, async (pinned) => {
    const file = await openRegularFile(pinned, options).catch((error: unknown) => {
      if (systemCode(error) === 'ELOOP') throw new NotOwn('it is a link');
      // A FIFO without a reader, or a socket, fails with ENXIO. An error of openRegularFile itself has no code.
      throw [undefined, 'ENXIO'].includes(systemCode(error)) ? new NotOwn('it is not a regular file') : error;
    });
    try {
      requireOwn(fstatSync(file.fd));
      return file;
    } catch (error) {
      await file.close();
      throw error;
    }
  });
}

/** Reads such a file. @throws NotOwn as `openOwnFile`, or an error if the file is missing or too long */
export async function readOwnFile(path: string, options: ReadOptions): Promise<string> {
  const file = await openOwnFile(path);
  try {
    return (await readHandle(file, options)).toString('utf8');
  } finally {
    await file.close();
  }
}

/**
 * The same as `readOwnFile`, at once. Only for small files that a synchronous method has to give.
 *
 * @throws NotOwn as `openOwnFile`, or an error if the file is missing or too long
 */
export function readOwnFileSync(path: string, { most }: ReadOptions): string {
  return atPinned(path, (pinned) => {
    const file = openOnly(pinned);
    try {
      const stats = fstatSync(file);
      if (!stats.isFile()) throw new NotOwn('it is not a regular file');
      requireOwn(stats);
      if (stats.size > most) throw new Error(`it is longer than ${most} bytes`);
      const buffer = Buffer.allocUnsafe(stats.size);
      let length = 0;
      for (let read = 1; read > 0 && length < stats.size; length += read) {
        read = readSync(file, buffer, length, stats.size - length, length);
      }
      return buffer.toString('utf8', 0, length);
    } finally {
      closeSync(file);
    }
  });
}

/** A FIFO would block the thread, and a link could lead anywhere. */
function openOnly(path: string): number {
  try {
    return openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  } catch (error) {
    throw systemCode(error) === 'ELOOP' ? new NotOwn('it is a link') : error;
  }
}

/**
 * Works on a file in a folder of the library's own. On Linux the file is looked up in the very folder that was checked, even if
 * somebody has put a link in the folder's place since then.
 *
 * @param use gets a path that leads to the file in this very folder
 */
export async function inOwnFolder<T>(path: string, use: (pinned: string) => Promise<T>): Promise<T> {
  const folder = pinFolder(dirname(path));
  try {
    return await use(`${folder.pinned}/${basename(path)}`);
  } catch (error) {
    throw folder.inWords(error);
  } finally {
    closeSync(folder.descriptor);
  }
}

function atPinned<T>(path: string, use: (pinned: string) => T): T {
  const folder = pinFolder(dirname(path));
  try {
    return use(`${folder.pinned}/${basename(path)}`);
  } catch (error) {
    throw folder.inWords(error);
  } finally {
    closeSync(folder.descriptor);
  }
}

/** A folder of the library's own that stays open, and a path that leads to this very folder. */
function pinFolder(folder: string): { descriptor: number; pinned: string; inWords: (error: unknown) => unknown } {
  const descriptor = openFolder(folder);
  const pinned = process.platform === 'linux' ? `/proc/self/fd/${descriptor}` : folder;
  try {
    requireOwn(fstatSync(descriptor), `its folder ${folder} `);
  } catch (error) {
    closeSync(descriptor);
    throw error;
  }
  const inWords = (error: unknown): unknown => {
    // Users know only the path that they gave.
    if (error instanceof Error) error.message = error.message.replaceAll(pinned, folder);
    return error;
  };
  return { descriptor, pinned, inWords };
}

function openFolder(path: string): number {
  try {
    return openSync(path, constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW);
  } catch (error) {
    const isOther = systemCode(error) === 'ELOOP' || systemCode(error) === 'ENOTDIR';
    throw isOther ? new NotOwn(`its folder ${path} is a link, or no folder`) : error;
  }
}

function requireOwn({ uid, mode }: Stats, what = 'it '): void {
  const own = process.getuid?.();
  if (own === undefined) return;
  if (uid !== own && uid !== 0) {
    throw new NotOwn(`${what}belongs to uid ${uid}, and this process runs as uid ${own}`);
  }
  if ((mode & 0o022) !== 0) throw new NotOwn(`${what}can be written by others (mode ${(mode & 0o777).toString(8)})`);
}
