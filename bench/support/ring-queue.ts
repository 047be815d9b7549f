/**
 * The reference for SlotQueue: a first-in-first-out queue with a limit on running items, on a ring buffer whose capacity
 * is a power of two. It has only what a fast queue needs: no limit on waiting items, no removal by id, no refusal of unknown
 * ids.
 */
export class RingQueue {
  readonly #limit: number;
  readonly #onStart: (id: string) => void;
  #ring: (string | undefined)[] = new Array(16);
  #mask = 15;
  #head = 0;
  #waiting = 0;
  #running = 0;

  constructor(limit: number, onStart: (id: string) => void) {
    this.#limit = limit;
    this.#onStart = onStart;
  }

  /** Returns whether the item has a slot. If it has, the caller starts it. */
  enqueue(id: string): boolean {
    if (this.#running < this.#limit) {
      this.#running++;
      return true;
    }
    if (this.#waiting > this.#mask) this.#grow();
    this.#ring[(this.#head + this.#waiting++) & this.#mask] = id;
    return false;
  }

  /** Frees a slot and starts the next item in line. */
  release(): void {
    if (this.#waiting === 0) {
      this.#running--;
      return;
    }
    const next = this.#ring[this.#head];
    this.#ring[this.#head] = undefined;
    this.#head = (this.#head + 1) & this.#mask;
    this.#waiting--;
    if (next !== undefined) this.#onStart(next);
  }

  #grow(): void {
    const old = this.#ring;
    const oldMask = this.#mask;
    this.#ring = new Array(old.length * 2);
    for (let index = 0; index < this.#waiting; index++) this.#ring[index] = old[(this.#head + index) & oldMask];
    this.#mask = this.#ring.length - 1;
    this.#head = 0;
  }
}
