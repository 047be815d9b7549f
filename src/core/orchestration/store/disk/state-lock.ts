import { mkdir } from 'node:fs/promises';
import { resolve } from 'node:path';
import { commandOf } from '../../process/command-of.js';
import { GenerationLock, type HeldLock } from '../../process/generation-lock.js';
import { OrchestrationError, quote } from '../../util/errors.js';
import { notWritable } from '../../util/fs/not-writable.js';

/** Ensures that only one manager at a time uses a state folder. */
export class StateLock {
  readonly #folder: string;
  readonly #lock: GenerationLock;

  private constructor(folder: string, lock: GenerationLock) {
    this.#folder = folder;
    this.#lock = lock;
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
      const lock = await GenerationLock.acquire(folder);
      if (lock instanceof GenerationLock) return new StateLock(folder, lock);
      throw await locked(folder, lock);
    } catch (cause) {
      throw cause instanceof OrchestrationError ? cause : notWritable(folder, cause);
    }
  }

  /**
   * Releases the lock. May be called again, even after a failure.
   *
   * @throws OrchestrationError `STATE_NOT_WRITABLE`; this process then holds the lock until it ends
   */
  release(): Promise<void> {
    return this.#lock.release().catch((cause: unknown) => {
      throw notWritable(this.#folder, cause);
    });
  }
}

async function locked(folder: string, { path, record: { owner }, here }: HeldLock): Promise<OrchestrationError> {
  const { pid } = owner;
  const isHere = owner.pidNamespace === here.pidNamespace;
  const command = isHere && pid !== process.pid ? await commandOf(pid) : undefined;
  let holder = `process ${pid}${command === undefined ? '' : `, ${quote(command)}`}`;
  let otherwise = 'close its manager, or choose another folder';
  if (!isHere) {
    holder = `process ${pid} of another container, which cannot be looked at from here`;
    otherwise += `; once that container is gone, remove ${quote(path)}`;
  } else if (pid === process.pid) {
    holder = `another manager of this process (pid ${pid}); if hot reload has made it, keep it in globalThis`;
  }
  return new OrchestrationError(
    'STATE_LOCKED',
    `Option 'stateDir': ${quote(folder)} is in use by ${holder}. openSessions({ stateDir }) reaches its sessions, unless it has the option 'socket: false'. Otherwise ${otherwise}.`,
  );
}
