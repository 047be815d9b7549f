import { constants } from 'node:fs';
import { open } from 'node:fs/promises';

export interface ReadOptions {
  /** Longest file that is read, in bytes. */
  most: number;
  /** Whether a link in the file's place is followed. Default `false`. */
  followLink?: boolean;
}

/**
 * Reads a file that an agent may have put there: a FIFO or a device in its place would block a thread for good, and a
 * large one would fill the memory.
 *
 * @throws Error where there is no such file, or it is a link, not a regular file, or too long
 */
export async function readRegularFile(path: string, { most, followLink = false }: ReadOptions): Promise<Buffer> {
  const { O_RDONLY, O_NONBLOCK, O_NOFOLLOW } = constants;
  const file = await open(path, O_RDONLY | O_NONBLOCK | (followLink ? 0 : O_NOFOLLOW));
  try {
    const stats = await file.stat();
    if (!stats.isFile()) throw new Error('it is not a regular file');
    const buffer = Buffer.alloc(Math.min(stats.size, most) + 1);
    let length = 0;
    while (length < buffer.length) {
      const { bytesRead } = await file.read(buffer, length, buffer.length - length, length);
      if (bytesRead === 0) break;
      length += bytesRead;
    }
    if (length > most) throw new Error(`it is longer than ${most} bytes`);
    return buffer.subarray(0, length);
  } finally {
    await file.close();
  }
}
