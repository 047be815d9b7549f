/** How full a queue is. */
export interface QueueStatus {
  /** Slots taken. */
  readonly running: number;
  /** Items that wait. */
  readonly queued: number;
  readonly maxConcurrent: number;
  readonly maxQueued: number;
  /** Who waits, next first. */
  readonly items: readonly { readonly id: string; readonly position: number }[];
}
