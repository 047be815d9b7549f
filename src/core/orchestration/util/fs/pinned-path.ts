import { type BigIntStats, constants, type Stats } from 'node:fs';
import { lstat, open, readFile, readlink, realpath } from 'node:fs/promises';
import { ignoreMissing } from './ignore-missing.js';

/** Opens any kind of file without reading it, not even a FIFO or a device. Node.js has no name for this flag. Linux only. */
const O_PATH = 0o10000000;

/** Distinguishes one file or folder from all others of the machine, whatever its name. Decimal numbers. */
export interface FileIdentity {
  readonly dev: string;
  readonly ino: string;
}

/** A file or folder. All facts about it were read from one and the same file or folder. */
export interface PinnedPath {
  /** Without links. */
  readonly path: string;
  readonly stats: BigIntStats;
  /**
   * The id of the mount that the file is on, as in `/proc/self/mountinfo`. Absent if the caller did not ask for it, or if the
   * system does not tell.
   */
  readonly mountId?: string;
}

/**
 * Follows links and examines the target. On Linux the file is held open during that. So nobody can have the path of one file
 * checked and the identity of another one taken.
 *
 * @throws Error if there is nothing, or if the file is moved while it is examined
 */
export async function pinPath(given: string, { withMount = false } = {}): Promise<PinnedPath> {
  const path = await realpath(given);
  if (process.platform !== 'linux') return { path, stats: await lstat(path, { bigint: true }) };
  const file = await open(path, O_PATH | constants.O_NOFOLLOW);
  try {
    const [stats, now, info] = await Promise.all([
      file.stat({ bigint: true }),
      readlink(`/proc/self/fd/${file.fd}`),
      withMount ? readFile(`/proc/self/fdinfo/${file.fd}`, 'utf8') : '',
    ]);
    if (now !== path) throw new Error('it is moved while it is looked at');
    const mountId = /^mnt_id:\s*(\d+)$/m.exec(info)?.[1];
    return { path, stats, ...(mountId !== undefined && { mountId }) };
  } finally {
    await file.close();
  }
}

/**
 * Examines what is at a path, without following a link: neither the last part of the path nor a folder on the way. Other
 * systems than Linux only leave the last part unfollowed.
 *
 * @param given absolute, without links
 * @returns the facts, and where the path leads by now; undefined if there is nothing
 */
export async function examineInPlace(given: string): Promise<{ path: string; stats: Stats } | undefined> {
  if (process.platform !== 'linux') {
    const stats = await lstat(given).catch(ignoreMissing);
    return stats && { path: given, stats };
  }
  const file = await open(given, O_PATH | constants.O_NOFOLLOW).catch(ignoreMissing);
  if (!file) return undefined;
  try {
    return { path: await readlink(`/proc/self/fd/${file.fd}`), stats: await file.stat() };
  } finally {
    await file.close();
  }
}

export function isSame(one: FileIdentity, other: FileIdentity): boolean {
  return one.dev === other.dev && one.ino === other.ino;
}

export function identityOf({ dev, ino }: Pick<BigIntStats, 'dev' | 'ino'>): FileIdentity {
  return { dev: String(dev), ino: String(ino) };
}
