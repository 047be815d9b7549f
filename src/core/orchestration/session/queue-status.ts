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
}
