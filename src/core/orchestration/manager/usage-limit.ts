/** Where the provider does not say when it allows more. */
const FIRST_WAIT_MS = 60_000;
const LONGEST_WAIT_MS = 3_600_000;
/** The longest of Anthropic's windows is a week; what is later than this was not said by them. */
const MOST_MS = 8 * 86_400_000;
/** The provider's clock and ours need not agree to the second. */
const MARGIN_MS = 5_000;
/** A computer that slept has missed its timers, so the clock is looked at now and then. */
const LOOK_MS = 60_000;

/**
 * When a session that reached its provider's usage limit tries again, in epoch milliseconds.
 *
 * @param attempts how many runs in a row have ended at the limit without getting on, this one included
 * @param resetsAt what the provider said, if it said anything; it may be over by now
 */
export function resumeTime(now: number, attempts: number, resetsAt: number | undefined): number {
  const backoff = Math.min(FIRST_WAIT_MS * 2 ** (attempts - 1), LONGEST_WAIT_MS);
  if (resetsAt === undefined || resetsAt > now + MOST_MS) return now + backoff;
  if (resetsAt > now) return resetsAt + MARGIN_MS;
  return now + (attempts === 1 ? MARGIN_MS : backoff);
}

/** Calls back at a time of day, however the computer spent the time until then. @returns what takes it back */
export function callAt(time: number, now: () => number, callback: () => void): () => void {
  let timer: NodeJS.Timeout;
  const look = (): void => {
    const left = time - now();
    if (left <= 0) callback();
    else timer = setTimeout(look, Math.min(left, LOOK_MS));
  };
  timer = setTimeout(look, Math.min(Math.max(0, time - now()), LOOK_MS));
  return () => clearTimeout(timer);
}

/** The sessions that wait until their provider allows more. */
export class UsageLimits {
  readonly #now: () => number;
  /** How often in a row a session's runs ended at the limit, and its tokens by then: whoever used more has got on. */
  readonly #tried = new Map<string, { attempts: number; tokens: number }>();
  readonly #timers = new Map<string, () => void>();

  constructor(now: () => number) {
    this.#now = now;
  }

  /** Calls back when it is time to try again. @returns that time, in epoch milliseconds */
  wait(id: string, tokens: number, resetsAt: number | undefined, callback: () => void): number {
    const before = this.#tried.get(id);
    const attempts = before?.tokens === tokens ? before.attempts + 1 : 1;
    this.#tried.set(id, { attempts, tokens });
    const resumeAt = resumeTime(this.#now(), attempts, resetsAt);
    this.restore(id, resumeAt, callback);
    return resumeAt;
  }

  /** Goes on with a wait that an earlier manager began. */
  restore(id: string, resumeAt: number, callback: () => void): void {
    this.#timers.set(id, callAt(resumeAt, this.#now, callback));
  }

  /** The session got on, or has ended: what it tried before does not count any more. */
  settle(id: string): void {
    this.forget(id);
    this.#tried.delete(id);
  }

  /** The session does not wait any longer. */
  forget(id: string): void {
    this.#timers.get(id)?.();
    this.#timers.delete(id);
  }

  close(): void {
    for (const id of this.#timers.keys()) this.forget(id);
  }
}
