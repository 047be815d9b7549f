import { type BigIntStats, constants } from 'node:fs';
import { lstat, open, readFile, readlink, realpath } from 'node:fs/promises';

/** Opens whatever is there without reading it, not even a FIFO or a device; Node.js has no name for it. Linux only. */
const O_PATH = 0o10000000;

/** What tells one file or folder from all others of the machine, whatever its name. Decimal numbers. */
export interface FileIdentity {
  readonly dev: string;
  readonly ino: string;
}

/** A file or folder: what is said of it was true of one and the same thing. */
export interface PinnedPath {
  /** Without links. */
  readonly path: string;
  readonly stats: BigIntStats;
  /** Of the mount that it is on, as in `/proc/self/mountinfo`; absent where it was not asked for, or the system does not tell. */
  readonly mountId?: string;
}

/**
 * Follows links, and looks at what is there. On Linux the file is held open meanwhile, so that nobody can have the path of
 * one file checked and the identity of another one taken.
 *
 * @throws Error where there is nothing, or it is moved while it is looked at
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

export function isSame(one: FileIdentity, other: FileIdentity): boolean {
  return one.dev === other.dev && one.ino === other.ino;
}

export function identityOf({ dev, ino }: Pick<BigIntStats, 'dev' | 'ino'>): FileIdentity {
  return { dev: String(dev), ino: String(ino) };
}
