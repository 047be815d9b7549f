/** Timers of Node.js allow no longer delay. A longer wait is split into parts. */
const LONGEST_MS = 2 ** 31 - 1;

interface Timer {
  readonly due: number;
  readonly callback: () => void;
  handle?: NodeJS.Timeout;
}

/**
 * A clock that can be stopped, with timers that stop together with it. The clock is monotonic: a change of the system's clock
 * has no effect. No timer keeps the process alive.
 */
export class PausableClock {
  readonly #timers = new Set<Timer>();
  #stopped = false;
  #elapsed = 0;
  #since = performance.now();

  /** How many milliseconds the clock has run. */
  now(): number {
    return this.#elapsed + (this.#stopped ? 0 : performance.now() - this.#since);
  }

  /** Calls back when the clock has run for `ms` more milliseconds. @returns cancels the timer */
  after(ms: number, callback: () => void): () => void {
    const timer: Timer = { due: this.now() + ms, callback };
    this.#timers.add(timer);
    if (!this.#stopped) this.#arm(timer);
    return () => this.#forget(timer);
  }

  /** Stops the clock. A second call changes nothing. */
  stop(): void {
    if (this.#stopped) return;
    this.#elapsed = this.now();
    this.#stopped = true;
    for (const { handle } of this.#timers) clearTimeout(handle);
  }

  /** Lets the clock run again. */
  start(): void {
    if (!this.#stopped) return;
    this.#stopped = false;
    this.#since = performance.now();
    for (const timer of this.#timers) this.#arm(timer);
  }

  /** Cancels all timers. */
  clear(): void {
    for (const timer of this.#timers) this.#forget(timer);
  }

  #arm(timer: Timer): void {
    const ms = Math.min(Math.max(0, timer.due - this.now()), LONGEST_MS);
    timer.handle = setTimeout(() => {
      // A timer of Node.js may fire a moment early.
      if (timer.due - this.now() > 1) return this.#arm(timer);
      this.#timers.delete(timer);
      timer.callback();
    }, ms).unref();
  }

  #forget(timer: Timer): void {
    clearTimeout(timer.handle);
    this.#timers.delete(timer);
  }
}
