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

/** The sessions that wait until their provider allows more requests. */
export class UsageLimits {
  readonly #now: () => number;
  /**
   * How many runs of a session in a row have ended at the limit, and how many tokens the session had used by then. If it has used
   * more tokens the next time, it has made progress.
   */
  readonly #tried = new Map<string, { attempts: number; tokens: number }>();
  readonly #timers = new Map<string, () => void>();

  constructor(now: () => number) {
    this.#now = now;
  }

  /** Calls the callback when it is time to try again. @returns this time, in epoch milliseconds */
  wait(id: string, tokens: number, resetsAt: number | undefined, callback: () => void): number {
    const before = this.#tried.get(id);
    const attempts = before?.tokens === tokens ? before.attempts + 1 : 1;
    this.#tried.set(id, { attempts, tokens });
    const resumeAt = resumeTime(this.#now(), attempts, resetsAt);
    this.restore(id, resumeAt, callback);
    return resumeAt;
  }

  /** Continues a wait that an earlier manager began. */
  restore(id: string, resumeAt: number, callback: () => void): void {
    this.#timers.set(id, callAt(resumeAt, this.#now, callback));
  }

  /** Called when the session has made progress, or has ended. Its earlier attempts no longer count. */
  settle(id: string): void {
    this.forget(id);
    this.#tried.delete(id);
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
