import { access, rm, writeFile } from 'node:fs/promises';
import type { RunHandle } from '../contract/run-handle.js';
import type { Approvals } from '../guard/approvals.js';
import type { SessionAction } from '../session/actions.js';
import type { UnifiedSession } from '../session/record.js';
import { OrchestrationError } from '../util/errors.js';
import { inTurn } from '../util/serialized.js';

export interface RunFreezeOptions {
  approvals: Pick<Approvals, 'pause' | 'resume'>;
  /** A file that is there while the run is held: another host has to let it go on. */
  heldFile: string;
  now: () => number;
  dispatch: (action: SessionAction) => void;
  /** The record as it is now. */
  session: () => UnifiedSession;
  /**
   * Does something to the run as soon as it executes.
   *
   * @throws OrchestrationError `ILLEGAL_TRANSITION` where the run ends before, `MANAGER_CLOSED`
   */
  whileUnderWay: (work: (handle: RunHandle) => Promise<void>) => Promise<void>;
}

/**
 * Freezes one run and lets it go on: the agent, the deadlines of those who are asked, and the record, in that order, so
 * that the record tells only what was done. Calls take effect one after the other.
 *
 * There are two causes, and the agent works while there is neither. `pause` is a person's, and on record. `hold` is ours, for
 * moments in which nobody sees what the agent does; no limit and no deadline stops for it, and no event tells of it.
 */
export class RunFreeze {
  readonly #options: RunFreezeOptions;
  #frozen = false;
  #held = false;
  readonly #inTurn = inTurn();

  constructor(options: RunFreezeOptions) {
    this.#options = options;
  }

  /** Whether a person has paused the run. */
  get frozen(): boolean {
    return this.#frozen;
  }

  /** Freezes the run, unless it is. @throws OrchestrationError `ILLEGAL_TRANSITION`, `MANAGER_CLOSED` */
  pause(): Promise<void> {
    const { approvals, dispatch, now, session } = this.#options;
    return this.#change(async (handle) => {
      if (this.#frozen) return;
      if (!handle.pause) {
        const message = `Session ${session().id} cannot be paused: its executor has no means for that.`;
        throw new OrchestrationError('ILLEGAL_TRANSITION', message);
      }
      if (!this.#held) await handle.pause();
      this.#frozen = true;
      approvals.pause();
      dispatch({ type: 'paused', at: now() });
    });
  }

  /** Lets the run go on, if it is frozen. @throws OrchestrationError `ILLEGAL_TRANSITION`, `MANAGER_CLOSED` */
  resume(): Promise<void> {
    const { approvals, dispatch, now } = this.#options;
    return this.#change(async (handle) => {
      if (!this.#frozen) return;
      if (!this.#held) await handle.resume?.();
      this.#frozen = false;
      const deadlines = approvals.resume();
      dispatch({ type: 'resumed', at: now(), deadlines });
    });
  }

  /**
   * Keeps the agent from working until `release`, whether a person has paused the run or not. Does nothing where it is held
   * already, or cannot be frozen.
   *
   * @throws OrchestrationError `ILLEGAL_TRANSITION`, `MANAGER_CLOSED`
   */
  hold(): Promise<void> {
    return this.#change(async (handle) => {
      if (this.#held || !handle.pause) return;
      // On a full disk it is held all the same. Should this host be killed then, the next one takes it for paused.
      await writeFile(this.#options.heldFile, '').catch(() => {});
      if (!this.#frozen) await handle.pause();
      this.#held = true;
    });
  }

  /** Lets a run that is held go on, unless a person has paused it. @throws OrchestrationError as `hold` */
  release(): Promise<void> {
    return this.#change((handle) => this.#release(handle));
  }

  /** The same where this host has nothing to do with the run any more. Never rejects. */
  letGo(handle: RunHandle | undefined): Promise<void> {
    return this.#inTurn(async () => {
      if (handle) await this.#release(handle).catch(() => {});
    });
  }

  /** Whether the last host of a run has held it, and did not come to let it go on. */
  wasHeld(): Promise<boolean> {
    return access(this.#options.heldFile).then(
      () => true,
      () => false,
    );
  }

  /**
   * The run begins to be followed. How it is found counts: its last host may have been killed before the record knew.
   *
   * @param held what `wasHeld` said; the run goes on with `release` then
   */
  found({ paused = false }: Pick<RunHandle, 'paused'>, held = false): void {
    const { approvals, dispatch, now, session } = this.#options;
    const onRecord = session().status === 'paused';
    this.#held = held;
    this.#frozen = paused && (onRecord || !this.#held);
    if (this.#frozen) approvals.pause();
    if (this.#frozen && !onRecord) dispatch({ type: 'paused', at: now() });
    if (!paused && onRecord) dispatch({ type: 'resumed', at: now(), deadlines: new Map() });
  }

  async #release(handle: RunHandle): Promise<void> {
    if (!this.#held) return;
    if (!this.#frozen) await handle.resume?.();
    this.#held = false;
    await rm(this.#options.heldFile, { force: true }).catch(() => {});
  }

  #change(work: (handle: RunHandle) => Promise<void>): Promise<void> {
    return this.#inTurn(() => this.#options.whileUnderWay(work));
  }
}
