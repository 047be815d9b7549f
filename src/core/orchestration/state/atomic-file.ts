import { rename, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';

/**
 * Writes a file in one step: whoever reads it sees what was there before or all of what is there now, also after a
 * kill in between. One writer at a time; what a killed one leaves behind is written over by the next.
 */
export async function writeAtomically(path: string, text: string, mode = 0o600): Promise<void> {
  const part = join(dirname(path), `.${basename(path)}.part`);
  await writeFile(part, text, { mode });
  await rename(part, path);
}
