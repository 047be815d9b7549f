import { link, readdir, rename, rm } from 'node:fs/promises';
import { nanoid } from 'nanoid';
import { systemCode } from '../util/errors.js';
import { type Owner, writeNewFile } from '../util/fs/owner.js';
import { type LockRecord, readLockRecord } from './lock-record.js';
import { isAlive, type PidSpace, pidSpace, processIdentity } from './process-identity.js';

/** At most fifteen digits. Such a number is exact in JavaScript, and so is the next one. */
const GENERATION = /^lock\.([1-9]\d{0,14})$/;
/** Nobody gets so far by counting. So somebody else has made this file. */
const LAST = 10 ** 15 - 1;
const DRAFT = /^lock\.draft-[\w-]+$/;

/** An attempt fails only if somebody else was faster. That cannot happen many times in a row. */
const MOST_ATTEMPTS = 100;

/** How the files of a lock are made. */
interface LockFiles {
  /** The user to whom they are given. Default: this process's own. */
  readonly owner?: Owner | undefined;
  /** Default: only their user reads them. */
  readonly mode?: number;
  /** Whether counting begins again after the highest number that there can be. Default false: then nobody gets the lock. */
  readonly beginAgain?: boolean;
}

/** A lock that a process holds which is alive, as far as can be known. */
export interface HeldLock {
  readonly path: string;
  readonly record: LockRecord;
  readonly here: PidSpace;
}

/**
 * A lock between processes. If a process has died, in whatever way, its lock is taken over at once. Nothing has to time out.
 *
 * The folder contains files `lock.<n>`. The highest one counts, and whoever makes the next one has the lock. The lock is
 * exclusive because of three rules:
 *
 * - The file of a generation is made as a hard link to a complete draft. This succeeds for one taker only, and the file is
 *   never seen half-written.
 * - A file is removed only while a higher one exists. So the highest number never falls, not even by a release. The only
 *   exception is `beginAgain`.
 * - Once the owner of a generation has died or released it, that stays true. But a slow taker may find this out and only link
 *   the next generation when that has long been made, released and removed. So each taker looks again after the link, and
 *   withdraws unless its generation is the highest. (The folder has few entries, and the kernel lists them in one call, so no
 *   listing mixes two moments.)
 */
export class GenerationLock {
  readonly #folder: string;
  readonly #path: string;
  readonly #record: LockRecord;
  readonly #files: LockFiles;
  #released: Promise<void> | undefined;

  private constructor(folder: string, generation: number, record: LockRecord, files: LockFiles) {
    this.#folder = folder;
    this.#path = lockPath(folder, generation);
    this.#record = record;
    this.#files = files;
  }

  /**
   * Takes the lock of a folder that exists. Does not wait for the lock.
   *
   * @returns the lock, or what is known about the one that a live process holds, which may be this process
   * @throws Error if the folder cannot be used
   */
  static async acquire(folder: string, files: LockFiles = {}): Promise<GenerationLock | HeldLock> {
    const here = await pidSpace();
    const self = (await processIdentity(process.pid, here)) ?? { pid: process.pid, startedAt: '', ...here };
    const record: LockRecord = { version: 1, owner: self, nonce: nanoid() };
    for (let attempt = 0; attempt < MOST_ATTEMPTS; attempt++) {
      const lock = await GenerationLock.#attempt(folder, record, here, files);
      if (lock) return lock;
    }
    throw new Error('its lock files do not settle');
  }

  /** Undefined if somebody else was faster. The next attempt then looks at the result. */
  static async #attempt(
    folder: string,
    record: LockRecord,
    here: PidSpace,
    files: LockFiles,
  ): Promise<GenerationLock | HeldLock | undefined> {
    const last = highest(await readdir(folder));
    if (last > 0) {
      const path = lockPath(folder, last);
      const held = await readLockRecord(path);
      if (held === 'gone') return undefined;
      if (held !== 'damaged' && !held.released && (await isAlive(held.owner, here))) {
        return { path, record: held, here };
      }
      if (last === LAST && files.beginAgain) {
        await rm(path, { force: true, recursive: true });
        return undefined;
      }
    }
    const lock = new GenerationLock(folder, last + 1, record, files);
    if (!(await lock.#publish())) return undefined;
    try {
      const names = await readdir(folder);
      if (highest(names) === last + 1) {
        await removeLeftovers(folder, names, last + 1);
        return lock;
      }
      await rm(lock.#path, { force: true });
      return undefined;
    } catch (error) {
      await lock.release().catch(() => {});
      throw error;
    }
  }

  /** Releases the lock. May be called again, even after a failure. @throws Error; this process then holds it until it ends */
  release(): Promise<void> {
    this.#released ??= this.#release().catch((cause: unknown) => {
      this.#released = undefined;
      throw cause;
    });
    return this.#released;
  }

  async #release(): Promise<void> {
    const found = await readLockRecord(this.#path);
    // The folder may have been removed, and somebody else may have made it again.
    if (found === 'gone' || found === 'damaged' || found.nonce !== this.#record.nonce) return;
    const draft = await this.#draft({ ...this.#record, released: true });
    try {
      await rename(draft, this.#path);
    } catch (error) {
      await rm(draft, { force: true });
      throw error;
    }
  }

  /** True if this taker made the generation. The draft may have disappeared, because a new owner takes it for a leftover. */
  async #publish(): Promise<boolean> {
    const draft = await this.#draft(this.#record);
    try {
      await link(draft, this.#path);
      return true;
    } catch (error) {
      if (systemCode(error) === 'EEXIST' || systemCode(error) === 'ENOENT') return false;
      throw error;
    } finally {
      // If the draft stays, the next owner removes it.
      await rm(draft, { force: true }).catch(() => {});
    }
  }

  async #draft(record: LockRecord): Promise<string> {
    const path = inFolder(this.#folder, `lock.draft-${nanoid()}`);
    await writeNewFile(path, `${JSON.stringify(record)}\n`, this.#files.owner, this.#files.mode ?? 0o600);
    return path;
  }
}

/** Not joined: the folder may be one of `LinkFreePaths`. */
function inFolder(folder: string, name: string): string {
  return folder.endsWith('/') ? folder + name : `${folder}/${name}`;
}

function lockPath(folder: string, generation: number): string {
  return inFolder(folder, `lock.${generation}`);
}

function generationOf(name: string): number {
  return Number(GENERATION.exec(name)?.[1] ?? 0);
}

function highest(names: readonly string[]): number {
  return Math.max(0, ...names.map(generationOf));
}

/** Removes the files of dead owners and takers. A file that cannot be removed does no harm, it is only untidy. */
async function removeLeftovers(folder: string, names: readonly string[], generation: number): Promise<void> {
  const leftovers = names.filter((name) => {
    const other = generationOf(name);
    return DRAFT.test(name) || (other > 0 && other < generation);
  });
  await Promise.all(
    leftovers.map((name) => rm(inFolder(folder, name), { force: true, recursive: true }).catch(() => {})),
  );
}
