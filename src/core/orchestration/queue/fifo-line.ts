import type { Line } from './line.js';

const SMALLEST_RING = 16;

/** First in, first out. `add`, `take` and `delete` are O(1), amortized over many calls. */
export class FifoLine implements Line {
  /** A ring whose size is a power of two. Removed ids leave gaps in it. */
  #ring: (string | undefined)[] = new Array(SMALLEST_RING);
  /**
   * `#first` is the place of the next item, and `#end` is the first place behind the line. Both only grow. The index in the ring is
   * the place modulo the ring's size.
   */
  #first = 0;
  #end = 0;
  #size = 0;
  /** id → place, for the places before `#indexed`. Filled only when an item is removed, because most ids never need it. */
  readonly #places = new Map<string, number>();
  #indexed = 0;

  get size(): number {
    return this.#size;
  }

  add(id: string): void {
    if (this.#end - this.#first === this.#ring.length) this.#makeRoom();
    this.#ring[this.#end++ & (this.#ring.length - 1)] = id;
    this.#size++;
  }

  take(): string | undefined {
    while (this.#first < this.#end) {
      const place = this.#first++;
      const id = this.#at(place);
      if (id === undefined) continue;
      this.#leave(id, place);
      return id;
    }
    return undefined;
  }

  delete(id: string): boolean {
    this.#index();
    const place = this.#places.get(id);
    if (place === undefined) return false;
    this.#leave(id, place);
    return true;
  }

  has(id: string): boolean {
    this.#index();
    return this.#places.has(id);
  }

  /** O(n), except that the last item is found at once. */
  positionOf(id: string): number | undefined {
    if (this.#at(this.#end - 1) === id) return this.#size;
    const index = this.ids().indexOf(id);
    return index < 0 ? undefined : index + 1;
  }

  ids(most = Number.POSITIVE_INFINITY): string[] {
    const ids: string[] = [];
    for (let place = this.#first; place < this.#end && ids.length < most; place++) {
      const id = this.#at(place);
      if (id !== undefined) ids.push(id);
    }
    return ids;
  }

  #at(place: number): string | undefined {
    return this.#ring[place & (this.#ring.length - 1)];
  }

  #leave(id: string, place: number): void {
    this.#ring[place & (this.#ring.length - 1)] = undefined;
    this.#size--;
    if (place < this.#indexed) this.#places.delete(id);
  }

  #index(): void {
    for (this.#indexed = Math.max(this.#indexed, this.#first); this.#indexed < this.#end; this.#indexed++) {
      const id = this.#at(this.#indexed);
      if (id !== undefined) this.#places.set(id, this.#indexed);
    }
  }

  /** Closes the gaps. If that does not make enough room, doubles the ring. At least half of the ring is free afterwards. */
  #makeRoom(): void {
    const ids = this.ids();
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
