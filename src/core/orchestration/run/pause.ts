import { access, rm, writeFile } from 'node:fs/promises';
import type { RunHandle } from '../contract/run-handle.js';
import type { PersonRequests } from '../guard/person-requests.js';
import type { RunRecord } from '../session/run-record.js';
import { OrchestrationError } from '../util/errors.js';
import { serialized } from '../util/serialized.js';
import type { RunControl } from './control.js';

export interface RunPauseOptions {
  record: RunRecord;
  control: Pick<RunControl, 'whileUnderWay'>;
  requests: Pick<PersonRequests, 'pause' | 'resume'>;
  /** A file that exists while the run is held. If the next process finds this file, it has to let the run go on. */
  heldFile: string;
}

/**
 * Freezes one run and lets it go on. This changes first the agent, then the deadlines of what waits for a person, then the record, so that the
 * record says only what was done. Calls take effect one after the other.
 *
 * There are two causes, and the agent works only while neither applies. `pause` comes from a person, and is on record. `hold`
 * comes from the library, for moments in which nobody sees what the agent does. During a hold, limits and deadlines go on, and no
 * event reports it.
 */
export class RunPause {
  readonly #options: RunPauseOptions;
  #frozen = false;
  #held = false;
  readonly #serialized = serialized();

  constructor(options: RunPauseOptions) {
    this.#options = options;
  }

  /** True if a person has paused the run. */
  get frozen(): boolean {
    return this.#frozen;
  }

  /** Freezes the run, unless it is already frozen. @throws OrchestrationError `ILLEGAL_TRANSITION`, `MANAGER_CLOSED` */
  pause(): Promise<void> {
    const { requests, record } = this.#options;
    return this.#change(async (handle) => {
      if (this.#frozen) return;
      const { pausing } = handle;
      if (!pausing) {
        const message = `Session ${record.session.id} cannot be paused: its executor has no means for that.`;
        throw new OrchestrationError('ILLEGAL_TRANSITION', message);
      }
      if (!this.#held) await pausing.pause();
      this.#frozen = true;
      requests.pause();
      record.dispatch({ type: 'paused', at: record.clock.now() });
    });
  }

  /** Lets the run go on, if it is frozen. @throws OrchestrationError `ILLEGAL_TRANSITION`, `MANAGER_CLOSED` */
  resume(): Promise<void> {
    const { requests, record } = this.#options;
    return this.#change(async (handle) => {
      if (!this.#frozen) return;
      if (!this.#held) await handle.pausing?.resume();
      this.#frozen = false;
      const deadlines = [...requests.resume()];
      record.dispatch({ type: 'resumed', at: record.clock.now(), deadlines });
    });
  }

  /**
   * Keeps the agent from working until `release`, whether a person has paused the run or not. Does nothing if the run is already
   * held, or cannot be frozen.
   *
   * @throws OrchestrationError `ILLEGAL_TRANSITION`, `MANAGER_CLOSED`
   */
  hold(): Promise<void> {
    return this.#change(async (handle) => {
      const { pausing } = handle;
      if (this.#held || !pausing) return;
      // If the disk is full, the run is held without this file. If this process is then killed, the next process takes the run
      // for paused.
      await writeFile(this.#options.heldFile, '').catch(() => {});
      if (!this.#frozen) await pausing.pause();
      this.#held = true;
    });
  }

  /** Lets a run that is held go on, unless a person has paused it. @throws OrchestrationError as `hold` */
  release(): Promise<void> {
    return this.#change((handle) => this.#release(handle));
  }

  /** Releases the run because this process is being detached from it. Never rejects. */
  letGo(handle: RunHandle | undefined): Promise<void> {
    return this.#serialized(async () => {
      if (handle) await this.#release(handle).catch(() => {});
    });
  }

  /** True if the last process held the run, and was gone before it could release the run. */
  wasHeld(): Promise<boolean> {
    return access(this.#options.heldFile).then(
      () => true,
      () => false,
    );
  }

  /**
   * Takes over the state in which the run was found. The record may be out of date, because the last process may have been
   * killed before it could write.
   *
   * @param held the result of `wasHeld`. If true, the run goes on with `release`
   */
  syncWith({ pausing }: Pick<RunHandle, 'pausing'>, held = false): void {
    const { requests, record } = this.#options;
    const paused = pausing?.paused ?? false;
    const onRecord = record.session.status === 'paused';
    const at = record.clock.now();
    this.#held = held;
    this.#frozen = paused && (onRecord || !this.#held);
    if (this.#frozen) requests.pause();
    if (this.#frozen && !onRecord) record.dispatch({ type: 'paused', at });
    if (!paused && onRecord) record.dispatch({ type: 'resumed', at, deadlines: [] });
  }

  async #release(handle: RunHandle): Promise<void> {
    if (!this.#held) return;
    if (!this.#frozen) await handle.pausing?.resume();
    this.#held = false;
    await rm(this.#options.heldFile, { force: true }).catch(() => {});
  }

  #change(work: (handle: RunHandle) => Promise<void>): Promise<void> {
    return this.#serialized(() => this.#options.control.whileUnderWay(work));
  }
}
