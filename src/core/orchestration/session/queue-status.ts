import type { QueueHold, UsageWindow } from './queue-hold.js';

/** How full a queue is. */
export interface QueueStatus {
  /** Number of slots that are taken. */
  readonly running: number;
  /** Number of items that wait, also of those that may not start yet. */
  readonly queued: number;
  readonly maxConcurrent: number;
  readonly maxQueued: number;
  /**
   * The waiting items that may start, next first. `queueStatus()` of a manager names all of them. Events name the first 100, and so
   * does `queueStatus()` in another process (`openSessions`).
   */
  readonly items: readonly { readonly id: string; readonly position: number }[];
  /** The oldest hold. Absent if none keeps sessions from starting. */
  readonly held?: QueueHold;
  /** All holds, `held` first. Absent if there are none. */
  readonly holds?: readonly QueueHold[];
  /** What is left of the accounts' windows, where the provider told. Absent if it told nothing. */
  readonly windows?: readonly UsageWindow[];
  /** The waiting items that may not start yet. Absent if there are none. As many are named as of `items`. */
  readonly blocked?: readonly BlockedItem[];
}

/**
 * An item that waits and may not start yet. It keeps its place in line: later items go past it until it may start. If neither
 * `after` nor `notBefore` is there, its account is held (`holds`).
 */
export interface BlockedItem {
  readonly id: string;
  /** The sessions that it still waits for. Absent if there are none. */
  readonly after?: readonly string[];
  /** When it may start, in epoch milliseconds. Absent if it does not wait for a time. */
  readonly notBefore?: number;
}
