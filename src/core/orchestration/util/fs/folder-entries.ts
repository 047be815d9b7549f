import type { Dirent } from 'node:fs';
import { opendir, readdir } from 'node:fs/promises';

/** Some thousands of entries. The size that a folder reports grows with the number of its entries. */
const SMALL_FOLDER_BYTES = 256 * 1024;
const SLICE = 256;

/**
 * Reads a folder in slices, so that whoever counts them can stop. An agent may have made millions of entries.
 *
 * @param size what the folder reports
 * @throws Error if the folder cannot be read
 */
export async function* folderEntries(folder: string, size: number): AsyncGenerator<Dirent[]> {
  // This way is four times as fast, but it reads all entries.
  if (size <= SMALL_FOLDER_BYTES) return yield await readdir(folder, { withFileTypes: true });
  let slice: Dirent[] = [];
  for await (const entry of await opendir(folder, { bufferSize: SLICE })) {
    if (slice.push(entry) < SLICE) continue;
    yield slice;
    slice = [];
  }
  yield slice;
}
