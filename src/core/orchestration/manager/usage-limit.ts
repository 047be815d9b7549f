import { callAt } from '../util/call-at.js';

/** The first wait, if the provider does not say when it allows more requests. */
const FIRST_WAIT_MS = 60_000;
const LONGEST_WAIT_MS = 3_600_000;
/** The longest of Anthropic's windows is a week. If a time is later than this, Anthropic has not said it. */
const MOST_MS = 8 * 86_400_000;
/** The provider's clock and ours need not agree to the second. */
const MARGIN_MS = 5_000;

/**
 * When a session that reached its provider's usage limit tries again, in epoch milliseconds.
 *
 * @param attempts how many runs in a row have ended at the limit without progress, including this one
 * @param resetsAt the time that the provider said, if it said one. This time may already be over
 */
export function resumeTime(now: number, attempts: number, resetsAt: number | undefined): number {
  const backoff = Math.min(FIRST_WAIT_MS * 2 ** (attempts - 1), LONGEST_WAIT_MS);
  if (resetsAt === undefined || resetsAt > now + MOST_MS) return now + backoff;
  if (resetsAt > now) return resetsAt + MARGIN_MS;
  return now + (attempts === 1 ? MARGIN_MS : backoff);
}

/** The sessions that wait until a time, and then go on by themselves. */
export class TimedWaits {
  readonly #now: () => number;
  readonly #timers = new Map<string, () => void>();

  constructor(now: () => number) {
    this.#now = now;
  }

  /** Calls the callback at this time, in epoch milliseconds. */
  wait(id: string, resumeAt: number, callback: () => void): void {
    this.forget(id);
    this.#timers.set(id, callAt(resumeAt, this.#now, callback));
  }

  /** Called when the session no longer waits. */
  forget(id: string): void {
    this.#timers.get(id)?.();
    this.#timers.delete(id);
  }

  close(): void {
    for (const id of this.#timers.keys()) this.forget(id);
  }
}
