import { type FileHandle, open, rename, unlink } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { systemCode } from '../errors.js';
import { ifThere, inOwnFolder, requireOwnFile } from './own-file.js';

/**
 * Writes a file in one step: whoever reads it sees what was there before or all of what is there now, also after a
 * kill in between. One writer at a time; what a killed one leaves behind is written over by the next.
 *
 * @param mode whatever the umask says
 * @throws NotOwn where anything but a file of the library's own is in its place, or an error of the system
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

/** A new file, whatever was there: nothing is written through a link that somebody has put there. */
async function makeAnew(path: string, mode: number): Promise<FileHandle> {
  try {
    return await open(path, 'wx', mode);
  } catch (error) {
    if (systemCode(error) !== 'EEXIST') throw error;
    await unlink(path);
    return open(path, 'wx', mode);
  }
}
