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
   * How long a run may show no sign of life while nothing is open that explains the silence, in milliseconds; reason `idle`. A line
   * in the log is a sign of life. An open tool call explains the silence until its result; a call of Bash for as long as its
   * time-out lets it (`BASH_DEFAULT_TIMEOUT_MS` and `BASH_MAX_TIMEOUT_MS` of `docker.env` count). Work in the background
   * explains an hour, and shortening the conversation a quarter of an hour. Thinking explains nothing, so choose a value that is
   * longer than the longest answer of your model. The time is counted as for `durationMs`. Default one hour; in `interactive`
   * no limit.
   */
  readonly idleMs?: number;
  /**
   * How long Claude Code may take until it writes its first line, in milliseconds, from the moment in which the container (or
   * process) executes; reason `no_start`. Waiting for a slot does not count, nor does time in which the run is paused. Newer
   * releases connect to their MCP servers before they write that line. Default two minutes; in `interactive` no limit.
   */
  readonly startMs?: number;
  /**
   * How long the process may stay after the run's last word, in milliseconds. Then it is ended, and the result stands. The time
   * begins with a `result` after which nothing is open, and begins again with each further line in the log. Default 30 seconds;
   * not in `interactive`, where Claude reports no result.
   */
  readonly exitMs?: number;
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

/** The default of `startMs`: two minutes. */
const DEFAULT_START_MS = 120_000;
/** The default of `exitMs`: 30 seconds. */
const DEFAULT_EXIT_MS = 30_000;
/** The default of `idleMs`: an hour. The longest answers of today's models (128,000 tokens) take less. */
const DEFAULT_IDLE_MS = 3_600_000;

/** How long a run may take until its first line, in milliseconds. */
export function startMsOf({ startMs = DEFAULT_START_MS }: SessionLimits): number {
  return startMs;
}

/** How long a process may stay after its run's last word, in milliseconds. */
export function exitMsOf({ exitMs = DEFAULT_EXIT_MS }: SessionLimits): number {
  return exitMs;
}

/**
 * How long a run may show no sign of life, in milliseconds. Undefined for any time. A person who interrupts an agent at its
 * terminal leaves no trace in the log, so with a person there is no default.
 */
export function idleMsOf({ idleMs }: SessionLimits, unattended: boolean): number | undefined {
  return idleMs ?? (unattended ? DEFAULT_IDLE_MS : undefined);
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
