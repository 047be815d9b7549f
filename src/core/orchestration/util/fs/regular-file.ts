import { constants } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';

export interface OpenOptions {
  /** The flags of `open(2)`. Default `O_RDONLY`. */
  flags?: number;
  /** The mode of a file that is created. */
  mode?: number;
}

/**
 * Opens a file that an agent may have replaced. A link in its place could lead anywhere on the machine, and a FIFO or a device
 * would block a thread forever.
 *
 * @throws Error if there is no such file, or if it is a link or not a regular file
 */
export async function openRegularFile(
  path: string,
  { flags = constants.O_RDONLY, mode }: OpenOptions = {},
): Promise<FileHandle> {
  const file = await open(path, flags | constants.O_NOFOLLOW | constants.O_NONBLOCK, mode);
  try {
    if (!(await file.stat()).isFile()) throw new Error('it is not a regular file');
    return file;
  } catch (error) {
    await file.close();
    throw error;
  }
}

export interface ReadOptions {
  /** The maximum length of a file that is read, in bytes. */
  most: number;
}

/**
 * Reads a file that an agent may have put there, see {@link openRegularFile}. The length is limited, because a large file would
 * fill the memory.
 *
 * @throws Error if the file cannot be opened in this way, or is too long
 */
export async function readRegularFile(path: string, { most }: ReadOptions): Promise<Buffer> {
  const file = await openRegularFile(path);
  try {
    return await readHandle(file, { most });
  } finally {
    await file.close();
  }
}

/** Reads an open file from its beginning. @throws Error if the file is too long */
export async function readHandle(file: FileHandle, { most }: ReadOptions): Promise<Buffer> {
  const { size } = await file.stat();
  const buffer = Buffer.alloc(Math.min(size, most) + 1);
  let length = 0;
  while (length < buffer.length) {
    const { bytesRead } = await file.read(buffer, length, buffer.length - length, length);
    if (bytesRead === 0) break;
    length += bytesRead;
  }
  if (length > most) throw new Error(`it is longer than ${most} bytes`);
  return buffer.subarray(0, length);
}
