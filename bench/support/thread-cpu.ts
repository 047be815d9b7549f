import { openSync, readSync } from 'node:fs';

/**
 * The CPU time of the thread that made it. Unlike a clock, it stands still while other processes use the CPU. The system counts it
 * in steps of up to 2 ms.
 */
export class ThreadCpu {
  readonly #file = openSync('/proc/thread-self/schedstat', 'r');
  readonly #buffer = Buffer.alloc(64);

  /** In milliseconds, from the start of the thread. */
  now(): number {
    const length = readSync(this.#file, this.#buffer, 0, this.#buffer.length, 0);
    return Number.parseInt(this.#buffer.toString('latin1', 0, length), 10) / 1e6;
  }
}
