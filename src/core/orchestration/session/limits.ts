import { OrchestrationError } from '../util/errors.js';

/**
 * What a session may spend, together with the sessions that it leads. If it spends more than a limit, the run ends, and the
 * session ends as `failed`. If it has spent exactly its cost or tokens, it works on, but is not continued. Beyond `children`
 * and `depth`, a new child is refused.
 */
export interface SessionLimits {
  /**
   * How long one run may work, in milliseconds; reason `timeout`. Time in which the run is paused or waits for a person's
   * decision does not count.
   */
  readonly durationMs?: number;
  /**
   * How long a run may show no sign of life, in milliseconds; reason `idle`. During a tool call, the timeout that the call
   * declares is added (Bash: two minutes if it declares none). The time is counted as for `durationMs`.
   */
  readonly idleMs?: number;
  /**
   * US dollars, over all runs; reason `max_cost`. Claude Code itself also stops at this cost, even if no process of the library
   * runs; not in `interactive`.
   */
  readonly costUsd?: number;
  /** Input, output and cache tokens together, over all runs; reason `max_tokens`. */
  readonly tokens?: number;
  /**
   * How long the session's log may get, in bytes, over all runs; reason `log_limit`. An agent can write into the log, and would
   * otherwise fill your disk. Default 1 GiB. If an agent takes a turn every five seconds, with 20 kB of log for each, it works
   * for three days before it reaches that.
   */
  readonly logBytes?: number;
  /**
   * How many sessions an `orchestration` session may lead, including those of its children and those that have ended. Default
   * 16.
   */
  readonly children?: number;
  /** How many generations the session may lead: 1 for children that lead no sessions themselves. Default 1. */
  readonly depth?: number;
}

/** The default of `logBytes`: 1 GiB. */
const DEFAULT_LOG_BYTES = 1024 ** 3;

/** How long a session's log may get, in bytes. */
export function logBytesOf({ logBytes = DEFAULT_LOG_BYTES }: SessionLimits): number {
  return logBytes;
}

/**
 * The limits of a session that another one leads. Limits that it does not set itself are those of its leader.
 *
 * @throws OrchestrationError `INVALID_OPTIONS` if one of its limits would be looser
 */
export function tightenLimits(base: SessionLimits, own: SessionLimits = {}): SessionLimits {
  // A key with the value `undefined` counts as not set.
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
