import { setImmediate as turn } from 'node:timers/promises';

/** How long a slice of long work may take, in milliseconds. What follows in the same turn of the event loop comes on top. */
const SLICE_MS = 3;

/** Divides long work into slices. Between two slices, the event loop goes on with everything else. */
export class Turns {
  #since = performance.now();

  /** True if the present slice has been long enough. Then await `next()`. */
  get isOver(): boolean {
    return performance.now() - this.#since >= SLICE_MS;
  }

  /** Begins the next slice. */
  async next(): Promise<void> {
    await turn();
    this.#since = performance.now();
  }
}
