import type { SessionAction } from './session-actions.js';
import type { UnifiedSession, WaitingFor } from './types.js';

/** The slot of one session. */
export interface Slot {
  readonly isHeld: boolean;
  /** Gives it to the next in line. */
  release(waitingFor: WaitingFor): void;
  /** True where the session has one at once; otherwise resolves when it has. */
  reclaim(): true | Promise<void>;
}

export interface RunRestOptions {
  slot: Slot;
  now: () => number;
  /** Undefined where the record does not change any more. */
  dispatch: (action: SessionAction) => UnifiedSession | undefined;
  /** What it waits for already, when it is adopted. */
  waitingFor: WaitingFor | undefined;
}

/**
 * The times in which a run has nothing to do: its session gives the slot back, so that those can run for whom it waits, and
 * goes on when it has one again. Whatever the agent does meanwhile takes a slot: no agent works without one.
 */
export class RunRest {
  readonly #options: RunRestOptions;
  #resting: boolean;
  /** The slot that was asked for. */
  #reclaimed: Promise<void> | undefined;
  /** Commands of the agent's that wait for children. */
  #waits = 0;
  /** Tool calls that began while it waited. */
  readonly #working = new Set<string>();

  constructor(options: RunRestOptions) {
    this.#options = options;
    this.#resting = options.waitingFor !== undefined;
  }

  /** Whether it has nothing to do. */
  get resting(): boolean {
    return this.#resting;
  }

  /** It has nothing to do from now on. */
  rest(waitingFor: 'person' | 'children'): void {
    // Calls that wait for the slot have not begun: none of them is the command that waits now.
    if (this.#resting) return;
    this.#working.clear();
    const { now, dispatch, slot } = this.#options;
    if (!dispatch({ type: 'resting', at: now(), waitingFor })) return;
    this.#resting = true;
    slot.release(waitingFor);
  }

  /** Resolves when it may go on. */
  async wake(): Promise<void> {
    if (!this.#resting) return;
    const { slot, dispatch, now } = this.#options;
    const reclaimed = this.#reclaimed ?? (slot.isHeld || slot.reclaim());
    if (reclaimed === true) return this.#goOn();
    if (!this.#reclaimed) dispatch({ type: 'resting', at: now(), waitingFor: 'slot' });
    this.#reclaimed = reclaimed;
    await reclaimed;
    if (this.#reclaimed !== reclaimed) return; // Somebody else has waited for it, too.
    this.#reclaimed = undefined;
    this.#goOn();
  }

  /** Rests while the agent waits for its children with one of its commands. */
  async during<T>(wait: () => Promise<T>): Promise<T> {
    this.#waits++;
    this.rest('children');
    try {
      return await wait();
    } finally {
      if (--this.#waits === 0) await this.wake();
    }
  }

  /** The agent wants to call a tool: resolves when it may. */
  async before(toolUseId: string): Promise<void> {
    if (!this.#resting && this.#waits === 0) return;
    this.#working.add(toolUseId);
    await this.wake();
  }

  /** A tool call is over; what it interrupted goes on. */
  after(toolUseId: string): void {
    if (this.#working.delete(toolUseId)) this.#restAgain();
  }

  #goOn(): void {
    const { dispatch, now } = this.#options;
    this.#resting = false;
    dispatch({ type: 'woken', at: now() });
    this.#restAgain();
  }

  /** Two commands may wait side by side, and one of them be over first. */
  #restAgain(): void {
    if (this.#waits > 0 && this.#working.size === 0) this.rest('children');
  }
}
