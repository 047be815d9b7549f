import { type FileHandle, realpath } from 'node:fs/promises';
import { dirname, join, relative } from 'node:path';
import { openRegularFile } from '../util/fs/regular-file.js';

/**
 * Opens a transcript; undefined where there is none yet, or nothing that can be read. It has to be a regular file that is where
 * it seems to be: a link in its place, or in a folder's, could lead anywhere on the machine.
 *
 * @param root the folder above which links are followed
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

/** A part of a file in one piece: between two pieces of a line the agent could turn it into one of the log's own. */
export async function readPart(file: FileHandle, from: number, to: number): Promise<Buffer> {
  const buffer = Buffer.allocUnsafe(to - from);
  let length = 0;
  while (length < buffer.length) {
    const { bytesRead } = await file.read(buffer, length, buffer.length - length, from + length);
    if (bytesRead === 0) break; // The transcript was cut short meanwhile.
    length += bytesRead;
  }
  return buffer.subarray(0, length);
}
