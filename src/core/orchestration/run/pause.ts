import { access, rm, writeFile } from 'node:fs/promises';
import type { RunHandle } from '../contract/run-handle.js';
import type { Approvals } from '../guard/approvals.js';
import type { RunRecord } from '../session/run-record.js';
import { OrchestrationError } from '../util/errors.js';
import { serialized } from '../util/serialized.js';
import type { RunControl } from './control.js';

export interface RunPauseOptions {
  record: RunRecord;
  control: Pick<RunControl, 'whileUnderWay'>;
  approvals: Pick<Approvals, 'pause' | 'resume'>;
  /** A file that exists while the run is held: the next process has to let it go on. */
  heldFile: string;
}

/**
 * Freezes one run and lets it go on: the agent, the deadlines of those who are asked, and the record, in that order, so
 * that the record tells only what was done. Calls take effect one after the other.
 *
 * There are two causes, and the agent works while there is neither. `pause` is a person's, and on record. `hold` is ours, for
 * moments in which nobody sees what the agent does; no limit and no deadline stops for it, and no event tells of it.
 */
export class RunPause {
  readonly #options: RunPauseOptions;
  #frozen = false;
  #held = false;
  readonly #serialized = serialized();

  constructor(options: RunPauseOptions) {
    this.#options = options;
  }

  /** Whether a person has paused the run. */
  get frozen(): boolean {
    return this.#frozen;
  }

  /** Freezes the run, unless it is. @throws OrchestrationError `ILLEGAL_TRANSITION`, `MANAGER_CLOSED` */
  pause(): Promise<void> {
    const { approvals, record } = this.#options;
    return this.#change(async (handle) => {
      if (this.#frozen) return;
      const { pausing } = handle;
      if (!pausing) {
        const message = `Session ${record.session.id} cannot be paused: its executor has no means for that.`;
        throw new OrchestrationError('ILLEGAL_TRANSITION', message);
      }
      if (!this.#held) await pausing.pause();
      this.#frozen = true;
      approvals.pause();
      record.dispatch({ type: 'paused', at: record.clock.now() });
    });
  }

  /** Lets the run go on, if it is frozen. @throws OrchestrationError `ILLEGAL_TRANSITION`, `MANAGER_CLOSED` */
  resume(): Promise<void> {
    const { approvals, record } = this.#options;
    return this.#change(async (handle) => {
      if (!this.#frozen) return;
      if (!this.#held) await handle.pausing?.resume();
      this.#frozen = false;
      const deadlines = approvals.resume();
      record.dispatch({ type: 'resumed', at: record.clock.now(), deadlines });
    });
  }

  /**
   * Keeps the agent from working until `release`, whether a person has paused the run or not. Does nothing if the run is held
   * already, or cannot be frozen.
   *
   * @throws OrchestrationError `ILLEGAL_TRANSITION`, `MANAGER_CLOSED`
   */
  hold(): Promise<void> {
    return this.#change(async (handle) => {
      const { pausing } = handle;
      if (this.#held || !pausing) return;
      // On a full disk the run is held all the same. If this process is killed then, the next one takes the run for paused.
      await writeFile(this.#options.heldFile, '').catch(() => {});
      if (!this.#frozen) await pausing.pause();
      this.#held = true;
    });
  }

  /** Lets a run that is held go on, unless a person has paused it. @throws OrchestrationError as `hold` */
  release(): Promise<void> {
    return this.#change((handle) => this.#release(handle));
  }

  /** Releases the run because this process has nothing to do with it any more. Never rejects. */
  letGo(handle: RunHandle | undefined): Promise<void> {
    return this.#serialized(async () => {
      if (handle) await this.#release(handle).catch(() => {});
    });
  }

  /** Whether the last process held the run, and was gone before it could release the run. */
  wasHeld(): Promise<boolean> {
    return access(this.#options.heldFile).then(
      () => true,
      () => false,
    );
  }

  /**
   * Takes over how the run was found. The record may be behind: the last process may have been killed before it could write.
   *
   * @param held what `wasHeld` said; the run goes on with `release` then
   */
  syncWith({ pausing }: Pick<RunHandle, 'pausing'>, held = false): void {
    const { approvals, record } = this.#options;
    const paused = pausing?.paused ?? false;
    const onRecord = record.session.status === 'paused';
    const at = record.clock.now();
    this.#held = held;
    this.#frozen = paused && (onRecord || !this.#held);
    if (this.#frozen) approvals.pause();
    if (this.#frozen && !onRecord) record.dispatch({ type: 'paused', at });
    if (!paused && onRecord) record.dispatch({ type: 'resumed', at, deadlines: new Map() });
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
