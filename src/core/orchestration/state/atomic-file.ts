import { constants } from 'node:fs';
import { rename } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { systemCode } from '../errors.js';
import { demandOwnFile, inOwnFolder, openOwnFile } from './own-file.js';

/**
 * Writes a file in one step: whoever reads it sees what was there before or all of what is there now, also after a
 * kill in between. One writer at a time; what a killed one leaves behind is written over by the next.
 *
 * @throws NotOwn where anything but a file of the library's own is in its place, or an error of the system
 */
export async function writeAtomically(path: string, text: string, mode = 0o600): Promise<void> {
  const { O_WRONLY, O_CREAT, O_TRUNC } = constants;
  const part = join(dirname(path), `.${basename(path)}.part`);
  await inOwnFolder(path, async (pinned) => {
    await demandOwnFile(pinned).catch((error: unknown) => {
      if (systemCode(error) !== 'ENOENT') throw error;
    });
    const file = await openOwnFile(part, { flags: O_WRONLY | O_CREAT | O_TRUNC, mode });
    try {
      await file.writeFile(text);
    } finally {
      await file.close();
    }
    await rename(join(dirname(pinned), basename(part)), pinned);
  });
}
