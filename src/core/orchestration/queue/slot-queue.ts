import type { QueueStatus } from '../session/queue-status.js';
import { OrchestrationError } from '../util/errors.js';

/** The result of `enqueue`: the item has a slot, or it waits at a position (1 is next). */
export type Admission = { readonly status: 'starting' } | { readonly status: 'queued'; readonly position: number };

export interface SlotQueueOptions {
  /** Number of slots. Positive integer. */
  maxConcurrent: number;
  /** Number of waiting places. Non-negative integer. */
  maxQueued: number;
  /** Called when an item gets a slot for which it has waited, for the first time or again. */
  onStart: (id: string) => void;
  /**
   * False for an item that may not get a slot now. The item keeps its place, and later items go past it. It is asked again after
   * `recheck`. Default: true for every item.
   */
  mayStart?: (id: string) => boolean;
}

const SMALLEST_RING = 16;

/**
 * Decides when sessions run: first in, first out, with a limit on those that run and on those that wait. It knows only ids: its
 * owner starts the items, and says when they have ended. `SimpleQueue` is an owner for any work.
 *
 * Invariants (if the owner gives each id once): `running <= maxConcurrent`; `queued <= maxQueued`; no item waits while a slot
 * is free. Only items from an earlier queue (`occupy`, `rejoin`) may exceed these limits, until they have left. A slot is held
 * until `release`. The owner calls `release` when the session has *ended*, or has to wait for somebody. A session that had to
 * wait asks for a slot again with `reclaim`, and gets one before all sessions that have not begun yet. `enqueue`, `release` and
 * `remove` are O(1), amortized over many calls.
 */
export class SlotQueue {
  readonly #options: SlotQueueOptions;
  /** The items that hold a slot. They are few, so a search is quicker than an index. */
  readonly #slots: string[] = [];
  /** The items that wait: a ring whose size is a power of two. Removed ids leave gaps in it. */
  #ring: (string | undefined)[] = new Array(SMALLEST_RING);
  /**
   * `#first` is the place of the next item in line, and `#end` is the first place behind the line. Both only grow. The index in
   * the ring is the place modulo the ring's size.
   */
  #first = 0;
  #end = 0;
  #queued = 0;
  /** The items that `mayStart` has refused, in their order. All of them came before those in the ring. */
  #refused: string[] = [];
  #isHeld = false;
  /** The items that had a slot and want it back, next first. They are few. */
  readonly #returning: string[] = [];
  /** id → place, for the places before `#indexed`. Filled only when an item is removed, because most ids never need it. */
  readonly #places = new Map<string, number>();
  #indexed = 0;

  constructor(options: SlotQueueOptions) {
    this.#options = options;
  }

  /**
   * Adds an item. If the item gets a slot at once, the caller starts it, and `onStart` is not called.
   *
   * @throws OrchestrationError `QUEUE_FULL`; the queue is unchanged.
   */
  enqueue(id: string): Admission {
    const { maxConcurrent, maxQueued } = this.#options;
    if (this.#slots.length < maxConcurrent && !this.#isHeld && this.#mayStart(id)) {
      this.#slots.push(id);
      return { status: 'starting' };
    }
    if (this.#queued >= maxQueued) {
      throw new OrchestrationError(
        'QUEUE_FULL',
        `The queue is full: ${maxConcurrent} run (maxConcurrent) and ${maxQueued} wait (maxQueued). ` +
          'Wait for one to end, or raise a limit.',
      );
    }
    this.rejoin(id);
    return { status: 'queued', position: this.#queued };
  }

  /** Takes back an item that had a slot in an earlier queue, even beyond the limit. */
  occupy(id: string): void {
    this.#slots.push(id);
  }

  /** Takes back an item that waited in an earlier queue. It goes to the end of the line, even beyond the limit; see `fill`. */
  rejoin(id: string): void {
    if (this.#end - this.#first === this.#ring.length) this.#makeRoom();
    this.#ring[this.#end++ & (this.#ring.length - 1)] = id;
    this.#queued++;
  }

  /** Gives free slots to the waiting items. Call this after `rejoin`. */
  fill(): void {
    while (this.#slots.length < this.#options.maxConcurrent) {
      const next = this.#takeNext();
      if (next === undefined) return;
      this.#slots.push(next);
      this.#options.onStart(next);
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

  get isHeld(): boolean {
    return this.#isHeld;
  }

  /** Call this when the answers of `mayStart` may have changed. Gives free slots to those that may start now. */
  recheck(): void {
    const ids = this.#waiting();
    this.#refused = [];
    this.#setRing(ids);
    this.fill();
  }

  /** Frees the slot of an item, and gives it to the next item. Returns true if the item had a slot. */
  release(id: string): boolean {
    const slot = this.#slots.indexOf(id);
    if (slot < 0) return false;
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
    if (this.#slots.length < this.#options.maxConcurrent) {
      this.#slots.push(id);
      return true;
    }
    this.#returning.push(id);
    return false;
  }

  /** Removes a waiting item, so that it never gets a slot. Returns true if the item was in line (not after `reclaim`). */
  remove(id: string): boolean {
    const returning = this.#returning.indexOf(id);
    if (returning >= 0) this.#returning.splice(returning, 1);
    const refused = this.#refused.indexOf(id);
    if (refused >= 0) {
      this.#refused.splice(refused, 1);
      this.#queued--;
      return true;
    }
    this.#index();
    const place = this.#places.get(id);
    if (place === undefined) return false;
    this.#leave(id, place);
    return true;
  }

  /** True if an item holds a slot. */
  isRunning(id: string): boolean {
    return this.#slots.includes(id);
  }

  /** The position at which an item waits, 1 being next. Undefined if the item does not wait. O(n). */
  positionOf(id: string): number | undefined {
    const index = this.#waiting().indexOf(id);
    return index < 0 ? undefined : index + 1;
  }

  status(): QueueStatus {
    const { maxConcurrent, maxQueued } = this.#options;
    const items = this.#waiting().map((id, index) => ({ id, position: index + 1 }));
    return { running: this.#slots.length, queued: this.#queued, maxConcurrent, maxQueued, items };
  }

  #takeNext(): string | undefined {
    const back = this.#returning.shift();
    if (back !== undefined) return back;
    if (this.#isHeld) return undefined;
    while (this.#first < this.#end) {
      const place = this.#first++;
      const id = this.#at(place);
      if (id === undefined) continue;
      this.#leave(id, place);
      if (this.#mayStart(id)) return id;
      this.#refused.push(id);
      this.#queued++;
    }
    return undefined;
  }

  #mayStart(id: string): boolean {
    return this.#options.mayStart?.(id) ?? true;
  }

  #at(place: number): string | undefined {
    return this.#ring[place & (this.#ring.length - 1)];
  }

  #leave(id: string, place: number): void {
    this.#ring[place & (this.#ring.length - 1)] = undefined;
    this.#queued--;
    if (place < this.#indexed) this.#places.delete(id);
  }

  #index(): void {
    for (this.#indexed = Math.max(this.#indexed, this.#first); this.#indexed < this.#end; this.#indexed++) {
      const id = this.#at(this.#indexed);
      if (id !== undefined) this.#places.set(id, this.#indexed);
    }
  }

  #waiting(): string[] {
    const ids = [...this.#refused];
    for (let place = this.#first; place < this.#end; place++) {
      const id = this.#at(place);
      if (id !== undefined) ids.push(id);
    }
    return ids;
  }

  /** Closes the gaps. If that does not make enough room, doubles the ring. At least half of the ring is free afterwards. */
  #makeRoom(): void {
    this.#setRing(this.#waiting().slice(this.#refused.length));
  }

  #setRing(ids: readonly string[]): void {
    let size = SMALLEST_RING;
    while (size < ids.length * 2) size *= 2;
    this.#ring = new Array(size);
    for (const [place, id] of ids.entries()) this.#ring[place] = id;
    this.#first = 0;
    this.#end = ids.length;
    this.#places.clear();
    this.#indexed = 0;
  }
}
