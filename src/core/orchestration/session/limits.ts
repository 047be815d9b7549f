import { OrchestrationError } from '../util/errors.js';

/**
 * What a session may spend, together with those that it leads. What goes beyond a limit ends the run, and the session as
 * `failed`; a session that has spent exactly its cost or tokens works on, but is not continued. Beyond `children` and `depth`
 * a child is refused.
 */
export interface SessionLimits {
  /**
   * How long one run may work, in milliseconds; reason `timeout`. While it is paused or waits for a person's decision
   * the time does not count.
   */
  readonly durationMs?: number;
  /**
   * How long a run may show no sign of life, in milliseconds; reason `idle`. A tool call has the time-out that it
   * declares (Bash: two minutes where it declares none) on top; time as for `durationMs`.
   */
  readonly idleMs?: number;
  /** US dollars, over all runs; reason `max_cost`. Claude Code itself stops there too, also when no host is there; not in `interactive`. */
  readonly costUsd?: number;
  /** Input, output and cache tokens together, over all runs; reason `max_tokens`. */
  readonly tokens?: number;
  /**
   * How long the session's log may get, in bytes, over all runs; reason `log_limit`. An agent can write into it, and would fill
   * your disk. Default 1 GiB: an agent that takes a turn every five seconds, with 20 kB of log for each, works for three days
   * before it gets there.
   */
  readonly logBytes?: number;
  /**
   * How many sessions an `orchestration` session may lead, those of its children and those that have ended included.
   * Default 16.
   */
  readonly children?: number;
  /** How many generations it may lead: 1 for children that lead nobody. Default 1. */
  readonly depth?: number;
}

/** What `logBytes` is where nobody says otherwise: 1 GiB. */
const DEFAULT_LOG_BYTES = 1024 ** 3;

/** How long a session's log may get, in bytes. */
export function logBytesOf({ logBytes = DEFAULT_LOG_BYTES }: SessionLimits): number {
  return logBytes;
}

/**
 * The limits of a session that another one leads: whatever it does not say itself is as its leader has it.
 *
 * @throws OrchestrationError `INVALID_OPTIONS` where one would be looser
 */
export function tightenLimits(base: SessionLimits, own: SessionLimits = {}): SessionLimits {
  // What is there as `undefined` says nothing, either.
  const said = Object.entries(own).filter(([, value]) => value !== undefined) as [keyof SessionLimits, number][];
  for (const [name, value] of said) {
    const most = base[name];
    if (most === undefined || value <= most) continue;
    throw new OrchestrationError(
      'INVALID_OPTIONS',
      `Option 'limits.${name}': ${value} would loosen the ${most} of the session that leads. A child may only tighten.`,
    );
  }
  return { ...base, ...Object.fromEntries(said) };
}
