import { type FileHandle, open, rename, unlink } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { systemCode } from '../errors.js';
import { ifThere, inOwnFolder, requireOwnFile } from './own-file.js';

/**
 * Writes a file in one step. A reader sees either the whole old content or the whole new content, even after a kill during the
 * write. Only one writer at a time is allowed. If a writer is killed, the next one overwrites the rest that it left.
 *
 * @param mode regardless of the umask
 * @throws NotOwn if anything but a file of the library's own is in its place, or an error of the system
 */
export async function writeAtomically(path: string, text: string, mode = 0o600): Promise<void> {
  await inOwnFolder(path, async (pinned) => {
    ifThere(requireOwnFile, pinned);
    const part = join(dirname(pinned), `.${basename(path)}.part`);
    const file = await makeAnew(part, mode);
    try {
      await file.chmod(mode);
      await file.writeFile(text);
    } finally {
      await file.close();
    }
    await rename(part, pinned);
  });
}

/** Creates a new file, whatever was there before. Nothing is written through a link that somebody has put there. */
async function makeAnew(path: string, mode: number): Promise<FileHandle> {
  try {
    return await open(path, 'wx', mode);
  } catch (error) {
    if (systemCode(error) !== 'EEXIST') throw error;
    await unlink(path);
    return open(path, 'wx', mode);
  }
}
