import type { SessionsServer } from '../socket/sessions-server.js';
import { openStateFolder } from '../store/disk/state-folder.js';
import { StateLock } from '../store/disk/state-lock.js';
import { withTimeout } from '../util/deferred.js';
import { OrchestrationError } from '../util/errors.js';
import type { RecoverOptions } from './prepare.js';
import type { RecoveryReport, SessionRecovery } from './recovery.js';
import type { SessionSweep } from './sweep.js';

/** How often the sweep runs again, for leftovers that could not be removed at once. */
const SWEEP_MS = 60_000;

export interface StateOwnerOptions {
  stateDir: string;
  recovery: SessionRecovery;
  sweep: SessionSweep;
  /** Lets other processes reach the sessions. Absent if they may not. */
  server: SessionsServer | undefined;
  /** Called when the folder belongs to this manager, before any session starts. */
  onOwned: () => Promise<void>;
}

/**
 * A manager's hold on its state folder. No other manager works there. What earlier managers have left is taken over and cleaned
 * up.
 */
export class StateOwner {
  readonly #options: StateOwnerOptions;
  #lock: Promise<StateLock> | undefined;
  /** The latest recovery: true if it has succeeded. */
  #recovering: Promise<boolean> = Promise.resolve(true);
  /** How many recoveries are under way. */
  #recoveries = 0;
  #timer: NodeJS.Timeout | undefined;
  #released = false;

  constructor(options: StateOwnerOptions) {
    this.#options = options;
  }

  /**
   * Resolves when sessions can be created: the folder belongs to this manager, and no recovery is under way.
   *
   * @throws OrchestrationError `STATE_LOCKED`, `STATE_NOT_WRITABLE`
   */
  async ready(): Promise<void> {
    await this.#recovering;
    await this.#acquire();
  }

  /** Recoveries run one after the other. @throws OrchestrationError as `recover()` documents */
  recover(options: RecoverOptions): Promise<RecoveryReport> {
    const report = this.#recovering.then(async () => {
      await this.#acquire();
      if (this.#released) throw new OrchestrationError('MANAGER_CLOSED', 'The manager was closed during recover().');
      return this.#options.recovery.run(options);
    });
    this.#recoveries += 1;
    this.#recovering = report.then(
      () => this.#recovered(true),
      () => this.#recovered(false), // The caller of `recover` gets the error.
    );
    return report;
  }

  /** Resolves when no recovery is under way. Never rejects. */
  recovered(): Promise<unknown> {
    return this.#recovering;
  }

  /** True while a recovery is under way. */
  get isRecovering(): boolean {
    return this.#recoveries > 0;
  }

  #recovered(well: boolean): boolean {
    this.#recoveries -= 1;
    return well;
  }

  /** Resolves when no recovery is under way, or when the time is over. */
  async settled(timeoutMs: number): Promise<void> {
    await withTimeout(this.#recovering, timeoutMs);
  }

  /** Lets no further process connect: the manager is about to end. */
  async closing(): Promise<void> {
    await this.#options.server?.refuse(this.#options.stateDir);
  }

  /** Releases the folder for other managers. If this fails, the folder is free when this process has ended. */
  async release(): Promise<void> {
    this.#released = true;
    clearInterval(this.#timer);
    const lock = await this.#lock?.catch(() => undefined);
    const { server, stateDir } = this.#options;
    await server?.close(stateDir);
    await lock?.release().catch(() => {});
  }

  async #acquire(): Promise<void> {
    this.#lock ??= this.#take();
    try {
      await this.#lock;
    } catch (error) {
      this.#lock = undefined; // The folder may be free the next time.
      throw error;
    }
    if (!this.#released) this.#timer ??= setInterval(() => void this.#options.sweep.run(), SWEEP_MS).unref();
  }

  async #take(): Promise<StateLock> {
    const { server, stateDir, onOwned } = this.#options;
    const lock = await StateLock.acquire(await openStateFolder(stateDir));
    await onOwned();
    await server?.listen(stateDir, () => this.#recovering);
    return lock;
  }
}
