import { OrchestrationError } from './errors.js';
import type { RunHandle } from './executors/base-executor.js';
import { inTurn } from './in-turn.js';
import type { Approvals } from './intervention/approvals.js';
import type { SessionAction } from './session-actions.js';
import type { UnifiedSession } from './types.js';

export interface RunFreezeOptions {
  approvals: Pick<Approvals, 'pause' | 'resume'>;
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
 */
export class RunFreeze {
  readonly #options: RunFreezeOptions;
  #frozen = false;
  readonly #inTurn = inTurn();

  constructor(options: RunFreezeOptions) {
    this.#options = options;
  }

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
      await handle.pause();
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
      await handle.resume?.();
      this.#frozen = false;
      const deadlines = approvals.resume();
      dispatch({ type: 'resumed', at: now(), deadlines });
    });
  }

  /** The run begins to be followed. How it is found counts: its last host may have been killed before the record knew. */
  found({ paused = false }: Pick<RunHandle, 'paused'>): void {
    const { approvals, dispatch, now, session } = this.#options;
    const onRecord = session().status === 'paused';
    this.#frozen = paused;
    if (paused) approvals.pause();
    if (paused && !onRecord) dispatch({ type: 'paused', at: now() });
    if (!paused && onRecord) dispatch({ type: 'resumed', at: now(), deadlines: new Map() });
  }

  #change(work: (handle: RunHandle) => Promise<void>): Promise<void> {
    return this.#inTurn(() => this.#options.whileUnderWay(work));
  }
}
