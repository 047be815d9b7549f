import type { QueueHold, UsageWindow } from './queue-hold.js';

/** How full a queue is. */
export interface QueueStatus {
  /** Number of slots that are taken. */
  readonly running: number;
  /** Number of items that wait. */
  readonly queued: number;
  readonly maxConcurrent: number;
  readonly maxQueued: number;
  /** The waiting items, next first. */
  readonly items: readonly { readonly id: string; readonly position: number }[];
  /** The oldest hold. Absent if none keeps sessions from starting. */
  readonly held?: QueueHold;
  /** All holds, `held` first. Absent if there are none. */
  readonly holds?: readonly QueueHold[];
  /** What is left of the accounts' windows, where the provider told. Absent if it told nothing. */
  readonly windows?: readonly UsageWindow[];
}
