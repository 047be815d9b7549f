/** Failures after which a session may go on by itself. `provider` is a failure of the provider's server or of the connection. */
export type RetryCause = 'provider' | 'oom' | 'lost' | 'error';

/** How a session goes on by itself after a failure that may pass. */
export interface RetryOptions {
  /**
   * How many times in a row the session tries again. A run that makes progress begins a new row, if its failure was the provider's;
   * other failures are counted over all runs. Integer from 0 to 100; default 5. With 0, the session fails at once.
   */
  attempts?: number;
  /** How long the first wait is, in milliseconds. Each further wait is twice as long. Positive integer; default 30,000. */
  initialMs?: number;
  /** How long a wait is at most, in milliseconds. Positive integer, at most a day; default 600,000. */
  maxMs?: number;
  /**
   * The failures after which the session tries again. `provider` is a server error (5xx, overloaded) or a lost connection. `oom`,
   * `lost` and `error` are the reasons of `SessionResult`. Default `['provider']`.
   */
  on?: readonly RetryCause[];
}

/** The options with their defaults. */
export type ResolvedRetry = Required<RetryOptions>;

export const DEFAULT_RETRY: ResolvedRetry = { attempts: 5, initialMs: 30_000, maxMs: 600_000, on: ['provider'] };

/** `false` is the same as no attempt. What an option leaves out comes from the defaults. */
export function resolveRetry(
  given: false | RetryOptions | undefined,
  base: ResolvedRetry = DEFAULT_RETRY,
): ResolvedRetry {
  if (given === false) return { ...base, attempts: 0 };
  const said = Object.fromEntries(Object.entries(given ?? {}).filter(([, value]) => value !== undefined));
  return { ...base, ...said };
}

/**
 * How long to wait before an attempt, in milliseconds. Sessions that failed at the same moment do not all come back at the same
 * moment: the last tenth of the wait depends on the session.
 *
 * @param attempt 1 for the first
 * @param seed of the session
 */
export function retryDelay(
  { initialMs, maxMs }: Pick<ResolvedRetry, 'initialMs' | 'maxMs'>,
  attempt: number,
  seed: string,
): number {
  const full = Math.min(initialMs * 2 ** (attempt - 1), maxMs);
  let hash = attempt;
  for (const letter of seed) hash = (hash * 31 + (letter.codePointAt(0) ?? 0)) % 1_009;
  return Math.round(full * (1 - (0.1 * hash) / 1_009));
}
