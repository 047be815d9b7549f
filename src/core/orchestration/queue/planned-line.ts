import { OrderedSet } from '../util/ordered-set.js';
import type { Line, Place } from './line.js';

const LEVELS = [0, 1, 2];
const USUAL_LEVEL = 1;
/** How many starts in a row may pass over the item that came first. */
const MOST_PASSES = 9;

interface Entry {
  readonly id: string;
  readonly level: number;
  /** Which item came first. */
  readonly number: number;
  /** Why the item may not get a slot now. */
  outside?: 'blocked' | 'refused';
}

/**
 * Items of several levels, some of which may not get a slot yet. Of those that may, the lowest level is next, and within a level the
 * item that came first. At most nine starts in a row pass over the item that came first of all. Then that item is next, whatever
 * its level is. So every item gets a slot in the end.
 *
 * An item that may not get a slot keeps its place, and later items go past it. All calls are O(log n), except for `ids` and
 * `recheck`.
 */
export class PlannedLine implements Line {
  readonly #mayStart: (id: string) => boolean;
  readonly #entries = new Map<string, Entry>();
  readonly #inLine = new OrderedSet<Entry>((a, b) => a.level - b.level || a.number - b.number);
  readonly #outside = new Map<string, Entry>();
  #added = 0;
  /** How many starts in a row have passed over the item that came first. */
  #passes = 0;

  /** @param mayStart false for an item that may not get a slot now. It is asked again after `recheck` */
  constructor(mayStart: (id: string) => boolean) {
    this.#mayStart = mayStart;
  }

  get size(): number {
    return this.#entries.size;
  }

  add(id: string, { level = USUAL_LEVEL, blocked = false }: Place = {}): void {
    const entry: Entry = { id, level, number: this.#added++ };
    this.#entries.set(id, entry);
    if (blocked) this.#exclude(entry, 'blocked');
    else this.#inLine.add(entry);
  }

  take(): string | undefined {
    for (let entry = this.#next(); entry; entry = this.#next()) {
      const { id } = entry;
      if (this.#mayStart(id)) {
        this.#passes = entry === this.#oldest() ? 0 : this.#passes + 1;
        this.delete(id);
        return id;
      }
      this.#inLine.delete(entry);
      this.#exclude(entry, 'refused');
    }
    return undefined;
  }

  delete(id: string): boolean {
    const entry = this.#entries.get(id);
    if (!entry) return false;
    this.#entries.delete(id);
    if (entry.outside) this.#outside.delete(id);
    else this.#inLine.delete(entry);
    return true;
  }

  has(id: string): boolean {
    return this.#entries.has(id);
  }

  /** From now on, the item may not get a slot. Returns false if it does not wait, or is blocked already. */
  block(id: string): boolean {
    const entry = this.#entries.get(id);
    if (!entry || entry.outside === 'blocked') return false;
    if (!entry.outside) this.#inLine.delete(entry);
    this.#exclude(entry, 'blocked');
    return true;
  }

  /** From now on, the item may get a slot. Returns false if it is not blocked. */
  unblock(id: string): boolean {
    const entry = this.#entries.get(id);
    if (entry?.outside !== 'blocked') return false;
    this.#include(entry);
    return true;
  }

  /** Asks `mayStart` again for all items that it has refused. O(n) for n such items. */
  recheck(): void {
    for (const entry of [...this.#outside.values()]) if (entry.outside === 'refused') this.#include(entry);
  }

  positionOf(id: string): number | undefined {
    const entry = this.#entries.get(id);
    if (!entry || entry.outside) return undefined;
    const next = this.#next();
    if (!next || entry === next) return 1;
    const before = this.#inLine.countBefore(entry);
    return before + (this.#inLine.countBefore(next) > before ? 2 : 1);
  }

  ids(most: number): string[] {
    const next = this.#next();
    const ids = next ? [next.id] : [];
    for (const entry of this.#inLine.values()) {
      if (ids.length >= most) break;
      if (entry !== next) ids.push(entry.id);
    }
    return ids;
  }

  /** The items that may not get a slot yet; at most so many. */
  outside(most: number): string[] {
    const ids: string[] = [];
    for (const id of this.#outside.keys()) {
      if (ids.length >= most) break;
      ids.push(id);
    }
    return ids;
  }

  #next(): Entry | undefined {
    return this.#passes < MOST_PASSES ? this.#inLine.first() : this.#oldest();
  }

  #oldest(): Entry | undefined {
    let oldest: Entry | undefined;
    for (const level of LEVELS) {
      const first = this.#inLine.first({ id: '', level, number: 0 });
      if (first && (!oldest || first.number < oldest.number)) oldest = first;
    }
    return oldest;
  }

  #exclude(entry: Entry, why: NonNullable<Entry['outside']>): void {
    entry.outside = why;
    this.#outside.set(entry.id, entry);
  }

  #include(entry: Entry): void {
    delete entry.outside;
    this.#outside.delete(entry.id);
    this.#inLine.add(entry);
  }
}
