import type { z } from 'zod';
import { systemCode } from '../util/errors.js';
import { readRegularFile } from '../util/fs/regular-file.js';
import { lazily } from '../util/zod.js';
import { processIdentitySchema } from './process-identity.js';

const MOST_BYTES = 4096;

/** The content of a lock file. */
export type LockRecord = z.infer<ReturnType<typeof schema>>;

const schema = lazily((z) =>
  z.object({
    /** The version of this format. Later versions keep the meaning of the fields below. */
    version: z.int(),
    owner: processIdentitySchema(),
    /** Distinguishes two locks of one process. */
    nonce: z.string(),
    released: z.literal(true).exactOptional(),
  }),
);

/**
 * Reads a lock file. Each lock file is complete from the moment when it appears. So a file without a record is damaged, and
 * belongs to nobody.
 *
 * @throws Error if nothing is known about the lock, because the file may not be read or the system lacks a resource
 */
export async function readLockRecord(path: string): Promise<LockRecord | 'gone' | 'damaged'> {
  let text: string;
  try {
    text = (await readRegularFile(path, { most: MOST_BYTES })).toString();
  } catch (error) {
    const code = systemCode(error);
    if (code === 'ENOENT') return 'gone';
    // ELOOP means a symbolic link, ENXIO a socket. An error without a code comes from readRegularFile: the file is not a
    // regular one, or too long.
    if (code === undefined || code === 'ELOOP' || code === 'ENXIO') return 'damaged';
    throw error;
  }
  try {
    return schema().parse(JSON.parse(text));
  } catch {
    return 'damaged';
  }
}
