import { link, mkdir, readdir, rename, rm, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { nanoid } from 'nanoid';
import { isAlive, type PidSpace, pidSpace, processIdentity } from '../../process/process-identity.js';
import { OrchestrationError, quote, systemCode } from '../../util/errors.js';
import { notWritable } from '../../util/fs/not-writable.js';
import { type LockRecord, readLockRecord } from './lock-record.js';

/** Fifteen digits: exact as a number, and so is the next one. */
const GENERATION = /^lock\.([1-9]\d{0,14})$/;
const DRAFT = /^lock\.draft-[\w-]+$/;

/** Each attempt fails only because somebody else came first, which many cannot do in a row. */
const MOST_ATTEMPTS = 100;

/**
 * That one manager at a time uses a state folder. The lock of a process that died, however it did, is taken over at
 * once: nothing has to time out.
 *
 * The folder holds `lock.<n>`; the highest counts, and whoever makes the next one has the lock. What makes it exclusive:
 *
 * - A generation is linked from a complete draft, which succeeds for one taker only; so it is never seen half-written.
 * - One is removed only while a higher one exists: the highest number never falls, not even by a release.
 * - That its owner died or released it stays true. But a slow taker may find out and come to link its successor when that
 *   has long been made, released and removed; so each looks again after the link and withdraws unless it is the highest.
 *   (The folder has few entries, and the kernel lists those in one go: no listing mixes two moments.)
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
   * Takes the lock of a state folder, which is made if there is none. Does not wait for it.
   *
   * @throws OrchestrationError `STATE_LOCKED` while a live process has it, this one included; `STATE_NOT_WRITABLE`
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

  /** Undefined where somebody else was faster: what they made of it has to be looked at. */
  static async #attempt(folder: string, record: LockRecord, here: PidSpace): Promise<StateLock | undefined> {
    const last = highest(await readdir(folder));
    if (last > 0) {
      const held = await readLockRecord(lockPath(folder, last));
      if (held === 'gone') return undefined;
      if (held !== 'damaged' && !held.released && (await isAlive(held.owner, here))) {
        throw locked(folder, last, held, here);
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
   * Gives the lock up. May be called again, also after a failure.
   *
   * @throws OrchestrationError `STATE_NOT_WRITABLE`; the lock is then held until this process ends
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
    // The folder may have been removed, and been made anew by another manager.
    if (found === 'gone' || found === 'damaged' || found.nonce !== this.#record.nonce) return;
    const draft = await this.#draft({ ...this.#record, released: true });
    try {
      await rename(draft, this.#path);
    } catch (error) {
      await rm(draft, { force: true });
      throw error;
    }
  }

  /** Whether this made the generation. A draft may vanish as well: the new owner takes it for a leftover. */
  async #publish(): Promise<boolean> {
    const draft = await this.#draft(this.#record);
    try {
      await link(draft, this.#path);
      return true;
    } catch (error) {
      if (systemCode(error) === 'EEXIST' || systemCode(error) === 'ENOENT') return false;
      throw error;
    } finally {
      // One that stays is removed by the next owner.
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

/** Those of dead owners and takers. Where one cannot be removed it does no harm, except to tidiness. */
async function removeLeftovers(folder: string, names: readonly string[], generation: number): Promise<void> {
  const leftovers = names.filter((name) => {
    const other = generationOf(name);
    return DRAFT.test(name) || (other > 0 && other < generation);
  });
  await Promise.all(leftovers.map((name) => rm(join(folder, name), { force: true, recursive: true }).catch(() => {})));
}

function locked(folder: string, generation: number, { owner }: LockRecord, here: PidSpace): OrchestrationError {
  const { pid } = owner;
  let problem = `by process ${pid}. Close its manager or end it first, or choose another folder.`;
  if (owner.pidNamespace !== here.pidNamespace) {
    const file = quote(lockPath(folder, generation));
    problem = `by process ${pid} of another container, which cannot be looked at from here. Close its manager first, or choose another folder; once that container is gone, remove ${file}.`;
  } else if (pid === process.pid) {
    problem = `by another manager of this process (pid ${pid}). Close that one first, or choose another folder.`;
  }
  return new OrchestrationError('STATE_LOCKED', `Option 'stateDir': ${quote(folder)} is in use ${problem}`);
}
