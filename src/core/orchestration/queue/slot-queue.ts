import type { QueueStatus } from '../session/queue-status.js';
import { OrchestrationError } from '../util/errors.js';
import { FifoLine } from './fifo-line.js';
import type { Line, Place } from './line.js';

/** The result of `enqueue`: the item has a slot, or it waits at a position (1 is next). */
export type Admission = { readonly status: 'starting' } | { readonly status: 'queued'; readonly position: number };

export interface SlotQueueOptions {
  /** Number of slots. Positive integer. */
  maxConcurrent: number;
  /** Number of waiting places. Non-negative integer. */
  maxQueued: number;
  /** Called when an item gets a slot for which it has waited, for the first time or again. */
  onStart: (id: string) => void;
}

/**
 * Decides when sessions run, with a limit on those that run and on those that wait. Their order is the line's: first in, first out
 * by default. It knows only ids: its owner starts the items, and says when they have ended. `SimpleQueue` is an owner for any work.
 *
 * Invariants (if the owner gives each id once): `running <= maxConcurrent`; `queued <= maxQueued`; unless the queue is held, no item
 * that may get a slot waits while a slot is free. Only items from an earlier queue (`occupy`, `rejoin`) may exceed these limits,
 * until they have left; and as many more items may wait as slots become free in a moment (`ending`). A slot is held until `release`. The owner calls `release` when the session has *ended*, or has to wait for
 * somebody. A session that had to wait asks for a slot again with `reclaim`, and gets one before all sessions that have not begun
 * yet. `enqueue`, `release` and `remove` cost as much as the line's own calls, which is O(1) by default.
 */
export class SlotQueue {
  readonly #options: SlotQueueOptions;
  readonly #line: Line;
  /** The items that hold a slot. They are few, so a search is quicker than an index. */
  readonly #slots: string[] = [];
  /** The items that had a slot and want it back, next first. They are few. */
  readonly #returning: string[] = [];
  /** The items whose slot becomes free in a moment. */
  readonly #ending = new Set<string>();
  #isHeld = false;
  /** How many calls of `together` or `standStill` are under way. Nothing is started meanwhile. */
  #together = 0;
  /** How many calls of `standStill` are under way. Nothing gets a slot meanwhile. */
  #still = 0;

  constructor(options: SlotQueueOptions, line: Line = new FifoLine()) {
    this.#options = options;
    this.#line = line;
  }

  /**
   * Adds an item. If the item gets a slot at once, the caller starts it, and `onStart` is not called.
   *
   * @throws OrchestrationError `QUEUE_FULL`; the queue is unchanged.
   */
  enqueue(id: string, place?: Place): Admission {
    if (this.hasFree && !this.#isHeld) {
      this.#slots.push(id);
      return { status: 'starting' };
    }
    this.requirePlace();
    this.rejoin(id, place);
    return { status: 'queued', position: this.#line.positionOf(id) ?? this.#line.size };
  }

  /** Takes back an item that had a slot in an earlier queue, even beyond the limit. */
  occupy(id: string): void {
    this.#slots.push(id);
  }

  /** Takes back an item that waited in an earlier queue. It goes to the end of the line, even beyond the limit; see `fill`. */
  rejoin(id: string, place?: Place): void {
    this.#line.add(id, place);
  }

  /** Gives free slots to the waiting items. Call this after `rejoin`. */
  fill(): void {
    while (this.#slots.length < this.#options.maxConcurrent) {
      const next = this.#takeNext();
      if (next === undefined) return;
      this.#give(next);
    }
  }

  /**
   * True: no item in line gets a slot from now on, and new items wait even if slots are free. Items that had a slot before still
   * get it back. False: free slots are given to those in line.
   */
  setHeld(held: boolean): void {
    this.#isHeld = held;
    if (!held) this.fill();
  }

  /**
   * Called when an item has ended, and its slot becomes free in a moment. Until then, one more item may wait, if the slot is for one
   * in line. The item itself gets no slot again.
   */
  ending(id: string): void {
    if (this.isRunning(id)) this.#ending.add(id);
    this.#returnsNoMore(id);
  }

  get isHeld(): boolean {
    return this.#isHeld;
  }

  /** Frees the slot of an item, and gives it to the next item. Returns true if the item had a slot. */
  release(id: string): boolean {
    const slot = this.#slots.indexOf(id);
    if (slot < 0) return false;
    this.#ending.delete(id);
    // More items may run than there are slots, if an earlier queue had more slots.
    const next = this.#slots.length > this.#options.maxConcurrent ? undefined : this.#takeNext();
    if (next === undefined) {
      this.#slots.splice(slot, 1);
    } else {
      this.#slots[slot] = next;
      this.#options.onStart(next);
    }
    return true;
  }

  /**
   * Asks for a slot again for an item whose slot was released while it had to wait. Returns true if the item has a slot at
   * once. Otherwise `onStart` is called when it gets one, before any item that waits in line gets one.
   */
  reclaim(id: string): boolean {
    if (this.hasFree) {
      this.#slots.push(id);
      return true;
    }
    this.#returning.push(id);
    return false;
  }

  /** Removes a waiting item, so that it never gets a slot. Returns true if the item was in line (not after `reclaim`). */
  remove(id: string): boolean {
    this.#returnsNoMore(id);
    return this.#line.delete(id);
  }

  /** True if an item holds a slot. */
  isRunning(id: string): boolean {
    return this.#slots.includes(id);
  }

  /** True if an item holds a slot or waits for its first one. */
  has(id: string): boolean {
    return this.isRunning(id) || this.#line.has(id);
  }

  /** The position at which an item waits, 1 being next. Undefined if the item does not wait, or may not get a slot yet. */
  positionOf(id: string): number | undefined {
    return this.#line.positionOf(id);
  }

  /** @param most how many items it names. Default: all */
  status(most = Number.POSITIVE_INFINITY): QueueStatus {
    const { maxConcurrent, maxQueued } = this.#options;
    const items = this.#line.ids(most).map((id, index) => ({ id, position: index + 1 }));
    return { running: this.#slots.length, queued: this.#line.size, maxConcurrent, maxQueued, items };
  }

  /** @throws OrchestrationError `QUEUE_FULL` */
  protected requirePlace(): void {
    const { maxConcurrent, maxQueued } = this.#options;
    if (this.#line.size < maxQueued + this.#slotsForLine()) return;
    throw new OrchestrationError(
      'QUEUE_FULL',
      `The queue is full: ${maxConcurrent} run (maxConcurrent) and ${maxQueued} wait (maxQueued). ` +
        'Wait for one to end, or raise a limit.',
    );
  }

  /** How many of the slots that become free in a moment go to items in line. */
  #slotsForLine(): number {
    if (this.#isHeld) return 0;
    const tooMany = Math.max(0, this.#slots.length - this.#options.maxConcurrent);
    return Math.max(0, this.#ending.size - tooMany - this.#returning.length);
  }

  #returnsNoMore(id: string): void {
    const returning = this.#returning.indexOf(id);
    if (returning >= 0) this.#returning.splice(returning, 1);
  }

  /**
   * From now on, no slot is given away, as if none were free: only `occupy` takes one. When the returned function is called, those
   * that want a slot back get the free ones. The others get them with the next `fill`.
   */
  standStill(): () => void {
    this.#together++;
    this.#still++;
    return () => {
      this.#together--;
      this.#still--;
      while (this.hasFree) {
        const next = this.#returning.shift();
        if (next === undefined) return;
        this.#give(next);
      }
    };
  }

  /** True if an item that asks for a slot gets one at once. */
  protected get hasFree(): boolean {
    return this.#still === 0 && this.#slots.length < this.#options.maxConcurrent;
  }

  #give(id: string): void {
    this.#slots.push(id);
    this.#options.onStart(id);
  }

  /** Carries out several changes before free slots are given away, so that none of them counts as the first. */
  protected together(change: () => void): void {
    this.#together++;
    try {
      change();
    } finally {
      this.#together--;
    }
    this.fill();
  }

  #takeNext(): string | undefined {
    if (this.#together > 0) return undefined;
    return this.#returning.shift() ?? (this.#isHeld ? undefined : this.#line.take());
  }
}
