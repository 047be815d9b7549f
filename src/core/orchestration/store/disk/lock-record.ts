import { z } from 'zod';
import { processIdentitySchema } from '../../process/process-identity.js';
import { systemCode } from '../../util/errors.js';
import { readRegularFile } from '../../util/fs/regular-file.js';

const MOST_BYTES = 4096;

/** What a lock file holds. */
export type LockRecord = z.infer<typeof schema>;

const schema = z.object({
  /** Of this format; a later one keeps the meaning of the fields below. */
  version: z.int(),
  owner: processIdentitySchema,
  /** Tells two locks of one process apart. */
  nonce: z.string(),
  released: z.literal(true).exactOptional(),
});

/**
 * Reads a lock file. As each comes into being complete, one that holds no record is damaged and nobody's.
 *
 * @throws Error where nothing can be said of it, as it may not be read or the system is short of something
 */
export async function readLockRecord(path: string): Promise<LockRecord | 'gone' | 'damaged'> {
  let text: string;
  try {
    text = (await readRegularFile(path, { most: MOST_BYTES })).toString();
  } catch (error) {
    const code = systemCode(error);
    if (code === 'ENOENT') return 'gone';
    // ELOOP is a symbolic link, ENXIO a socket; an error without a code comes from readRegularFile: not a regular file, or
    // too long.
    if (code === undefined || code === 'ELOOP' || code === 'ENXIO') return 'damaged';
    throw error;
  }
  try {
    return schema.parse(JSON.parse(text));
  } catch {
    return 'damaged';
  }
}
