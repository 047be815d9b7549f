import type { WaitingFor } from '../session/status.js';

/** The slot of one session. */
export interface Slot {
  readonly isHeld: boolean;
  /** Gives the slot to the next in line. */
  release(waitingFor: WaitingFor): void;
  /** True if the session has a slot at once. Otherwise a promise that resolves when it has one. */
  reclaim(): true | Promise<void>;
}
