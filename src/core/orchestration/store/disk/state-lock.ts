import { link, mkdir, readdir, rename, rm, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { nanoid } from 'nanoid';
import { commandOf } from '../../process/command-of.js';
import { isAlive, type PidSpace, pidSpace, processIdentity } from '../../process/process-identity.js';
import { OrchestrationError, quote, systemCode } from '../../util/errors.js';
import { notWritable } from '../../util/fs/not-writable.js';
import { type LockRecord, readLockRecord } from './lock-record.js';

/** At most fifteen digits. Such a number is exact in JavaScript, and so is the next one. */
const GENERATION = /^lock\.([1-9]\d{0,14})$/;
const DRAFT = /^lock\.draft-[\w-]+$/;

/** An attempt fails only if somebody else was faster. That cannot happen many times in a row. */
const MOST_ATTEMPTS = 100;

/**
 * Ensures that only one manager at a time uses a state folder. If a process has died, in whatever way, its lock is taken over
 * at once. Nothing has to time out.
 *
 * The folder contains files `lock.<n>`. The highest one counts, and whoever makes the next one has the lock. The lock is
 * exclusive because of three rules:
 *
 * - The file of a generation is made as a hard link to a complete draft. This succeeds for one taker only, and the file is
 *   never seen half-written.
 * - A file is removed only while a higher one exists. So the highest number never falls, not even by a release.
 * - Once the owner of a generation has died or released it, that stays true. But a slow taker may find this out and only link
 *   the next generation when that has long been made, released and removed. So each taker looks again after the link, and
 *   withdraws unless its generation is the highest. (The folder has few entries, and the kernel lists them in one call, so no
 *   listing mixes two moments.)
 */
export class StateLock {
  readonly #folder: string;
  readonly #path: string;
  readonly #record: LockRecord;
  #released: Promise<void> | undefined;

  private constructor(folder: string, generation: number, record: LockRecord) {
    this.#folder = folder;
    this.#path = lockPath(folder, generation);
    this.#record = record;
  }

  /**
   * Takes the lock of a state folder. Makes the folder if there is none. Does not wait for the lock.
   *
   * @throws OrchestrationError `STATE_LOCKED` while a live process has the lock, including this process; `STATE_NOT_WRITABLE`
   */
  static async acquire(stateDir: string): Promise<StateLock> {
    const folder = resolve(stateDir);
    try {
      await mkdir(folder, { recursive: true, mode: 0o700 });
      const here = await pidSpace();
      const owner = (await processIdentity(process.pid, here)) ?? { pid: process.pid, startedAt: '', ...here };
      const record: LockRecord = { version: 1, owner, nonce: nanoid() };
      for (let attempt = 0; attempt < MOST_ATTEMPTS; attempt++) {
        const lock = await StateLock.#attempt(folder, record, here);
        if (lock) return lock;
      }
      throw new Error('its lock files do not settle');
    } catch (cause) {
      throw cause instanceof OrchestrationError ? cause : notWritable(folder, cause);
    }
  }

  /** Undefined if somebody else was faster. The next attempt then looks at the result. */
  static async #attempt(folder: string, record: LockRecord, here: PidSpace): Promise<StateLock | undefined> {
    const last = highest(await readdir(folder));
    if (last > 0) {
      const held = await readLockRecord(lockPath(folder, last));
      if (held === 'gone') return undefined;
      if (held !== 'damaged' && !held.released && (await isAlive(held.owner, here))) {
        throw await locked(folder, last, held, here);
      }
    }
    const lock = new StateLock(folder, last + 1, record);
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

  /**
   * Releases the lock. May be called again, even after a failure.
   *
   * @throws OrchestrationError `STATE_NOT_WRITABLE`; this process then holds the lock until it ends
   */
  release(): Promise<void> {
    this.#released ??= this.#release().catch((cause: unknown) => {
      this.#released = undefined;
      throw notWritable(this.#folder, cause);
    });
    return this.#released;
  }

  async #release(): Promise<void> {
    const found = await readLockRecord(this.#path);
    // The folder may have been removed, and another manager may have made it again.
    if (found === 'gone' || found === 'damaged' || found.nonce !== this.#record.nonce) return;
    const draft = await this.#draft({ ...this.#record, released: true });
    try {
      await rename(draft, this.#path);
    } catch (error) {
      await rm(draft, { force: true });
      throw error;
    }
  }

  /** True if this manager made the generation. The draft may have disappeared, because a new owner takes it for a leftover. */
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
    const path = join(this.#folder, `lock.draft-${nanoid()}`);
    await writeFile(path, `${JSON.stringify(record)}\n`, { flag: 'wx', mode: 0o600 });
    return path;
  }
}

function lockPath(folder: string, generation: number): string {
  return join(folder, `lock.${generation}`);
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
  await Promise.all(leftovers.map((name) => rm(join(folder, name), { force: true, recursive: true }).catch(() => {})));
}

async function locked(
  folder: string,
  generation: number,
  { owner }: LockRecord,
  here: PidSpace,
): Promise<OrchestrationError> {
  const { pid } = owner;
  const isHere = owner.pidNamespace === here.pidNamespace;
  const command = isHere && pid !== process.pid ? await commandOf(pid) : undefined;
  let holder = `process ${pid}${command === undefined ? '' : `, ${quote(command)}`}`;
  let otherwise = 'close its manager, or choose another folder';
  if (!isHere) {
    holder = `process ${pid} of another container, which cannot be looked at from here`;
    otherwise += `; once that container is gone, remove ${quote(lockPath(folder, generation))}`;
  } else if (pid === process.pid) {
    holder = `another manager of this process (pid ${pid}); if hot reload has made it, keep it in globalThis`;
  }
  return new OrchestrationError(
    'STATE_LOCKED',
    `Option 'stateDir': ${quote(folder)} is in use by ${holder}. openSessions({ stateDir }) reaches its sessions, unless it has the option 'socket: false'. Otherwise ${otherwise}.`,
  );
}
