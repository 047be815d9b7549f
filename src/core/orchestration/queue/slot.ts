import type { WaitingFor } from '../session/status.js';

/** The slot of one session. */
export interface Slot {
  readonly isHeld: boolean;
  /** Gives it to the next in line. */
  release(waitingFor: WaitingFor): void;
  /** True where the session has one at once; otherwise resolves when it has. */
  reclaim(): true | Promise<void>;
}
