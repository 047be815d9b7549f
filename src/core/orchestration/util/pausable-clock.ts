/** Timers of Node take no more; what is later is waited for in parts. */
const LONGEST_MS = 2 ** 31 - 1;

interface Timer {
  readonly due: number;
  readonly callback: () => void;
  handle?: NodeJS.Timeout;
}

/**
 * Time that can be stopped, and timers that stop with it. It is monotonic: a change of the system's clock moves nothing.
 * No timer keeps the process alive.
 */
export class PausableClock {
  readonly #timers = new Set<Timer>();
  #stopped = false;
  #elapsed = 0;
  #since = performance.now();

  /** Milliseconds that it has run. */
  now(): number {
    return this.#elapsed + (this.#stopped ? 0 : performance.now() - this.#since);
  }

  /** Calls back when it has run that much further. @returns what takes the timer back */
  after(ms: number, callback: () => void): () => void {
    const timer: Timer = { due: this.now() + ms, callback };
    this.#timers.add(timer);
    if (!this.#stopped) this.#arm(timer);
    return () => this.#forget(timer);
  }

  /** Stops it; a second call changes nothing. */
  stop(): void {
    if (this.#stopped) return;
    this.#elapsed = this.now();
    this.#stopped = true;
    for (const { handle } of this.#timers) clearTimeout(handle);
  }

  /** Lets it run on. */
  start(): void {
    if (!this.#stopped) return;
    this.#stopped = false;
    this.#since = performance.now();
    for (const timer of this.#timers) this.#arm(timer);
  }

  /** Takes all timers back. */
  clear(): void {
    for (const timer of this.#timers) this.#forget(timer);
  }

  #arm(timer: Timer): void {
    const ms = Math.min(Math.max(0, timer.due - this.now()), LONGEST_MS);
    timer.handle = setTimeout(() => {
      // A timer may ring a moment early.
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
