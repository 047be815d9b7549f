import { type FileHandle, realpath } from 'node:fs/promises';
import { dirname, join, relative } from 'node:path';
import { openRegularFile } from '../util/fs/regular-file.js';

/**
 * Opens a transcript. Undefined if there is no transcript yet, or if it cannot be read. It has to be a regular file, and no
 * folder below `root` may be a link: a link could lead anywhere on the machine.
 *
 * @param root in the path to this folder, links are followed
 */
export async function openTranscript(
  folder: string,
  name: string,
  root = dirname(folder),
): Promise<FileHandle | undefined> {
  try {
    if ((await realpath(folder)) !== join(await realpath(root), relative(root, folder))) return undefined;
    return await openRegularFile(join(folder, name));
  } catch {
    return undefined;
  }
}

/**
 * Reads a part of a file in one piece. Between two pieces the agent could change the line, and make it look like a mark of the
 * log.
 */
export async function readPart(file: FileHandle, from: number, to: number): Promise<Buffer> {
  const buffer = Buffer.allocUnsafe(to - from);
  let length = 0;
  while (length < buffer.length) {
    const { bytesRead } = await file.read(buffer, length, buffer.length - length, from + length);
    if (bytesRead === 0) break; // The transcript was cut short while it was read.
    length += bytesRead;
  }
  return buffer.subarray(0, length);
}
