import { OrchestrationError } from '../errors.js';

/** What `enqueue` answers: the item has a slot, or it waits at a position (1 is next). */
export type Admission = { readonly status: 'starting' } | { readonly status: 'queued'; readonly position: number };

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

export interface SimpleQueueOptions {
  /** Slots. Positive integer. */
  maxConcurrent: number;
  /** Waiting places. Non-negative integer. */
  maxQueued: number;
  /** Called when an item that waited gets a slot. */
  onStart: (id: string) => void;
}

/**
 * Decides when sessions run: first in, first out, with a limit on those that run and on those that wait.
 *
 * Invariants: an id is in the queue at most once; `running <= maxConcurrent`; `queued <= maxQueued`; nobody waits
 * while a slot is free. A slot is held until `release`, which the owner calls when the session has *ended*.
 * `enqueue`, `release` and `remove` are O(1).
 */
export class SimpleQueue {
  readonly #options: SimpleQueueOptions;
  readonly #running = new Set<string>();
  /** Insertion-ordered and deletable by id: a FIFO with O(1) removal. */
  readonly #waiting = new Set<string>();
  /**
   * Kept from call to call: a fresh iterator would walk over the holes that removed ids leave, which is O(n) a call.
   * It goes on over ids added later, but never after it has reported its end.
   */
  #next = this.#waiting.values();

  constructor(options: SimpleQueueOptions) {
    this.#options = options;
  }

  /**
   * Takes an item in. One that gets a slot at once is started by the caller, without `onStart`.
   *
   * @throws OrchestrationError `QUEUE_FULL`; the queue is unchanged.
   */
  enqueue(id: string): Admission {
    const { maxConcurrent, maxQueued } = this.#options;
    if (this.#running.size < maxConcurrent) {
      this.#running.add(id);
      return { status: 'starting' };
    }
    if (this.#waiting.size >= maxQueued) {
      throw new OrchestrationError(
        'QUEUE_FULL',
        `The queue is full: ${maxConcurrent} sessions run (maxConcurrent) and ${maxQueued} wait (maxQueued). ` +
          'Wait for one to end, or raise a limit.',
      );
    }
    this.#waiting.add(id);
    return { status: 'queued', position: this.#waiting.size };
  }

  /** Frees the slot of an item and gives it to the next in line. Answers whether the item had one. */
  release(id: string): boolean {
    if (!this.#running.delete(id)) return false;
    const next = this.#takeNext();
    if (next !== undefined) {
      this.#running.add(next);
      this.#options.onStart(next);
    }
    return true;
  }

  /** Takes an item out that waits: it will never start. Answers whether it was waiting. */
  remove(id: string): boolean {
    return this.#waiting.delete(id);
  }

  /** Whether an item holds a slot. */
  isRunning(id: string): boolean {
    return this.#running.has(id);
  }

  /** Where an item waits, 1 being next; undefined for one that does not. O(n). */
  positionOf(id: string): number | undefined {
    if (!this.#waiting.has(id)) return undefined;
    return [...this.#waiting].indexOf(id) + 1;
  }

  status(): QueueStatus {
    const { maxConcurrent, maxQueued } = this.#options;
    const items = [...this.#waiting].map((id, index) => ({ id, position: index + 1 }));
    return { running: this.#running.size, queued: this.#waiting.size, maxConcurrent, maxQueued, items };
  }

  #takeNext(): string | undefined {
    if (this.#waiting.size === 0) return undefined;
    let { value, done } = this.#next.next();
    if (done) {
      this.#next = this.#waiting.values();
      ({ value } = this.#next.next());
    }
    if (value !== undefined) this.#waiting.delete(value);
    return value;
  }
}
