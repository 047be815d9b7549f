/** What a session may spend. Each limit that is reached ends the run, and the session as `failed`. */
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
  /** US dollars, over all runs; reason `max_cost`. Claude Code itself stops there too, also when no host is there. */
  readonly costUsd?: number;
  /** Input, output and cache tokens together, over all runs; reason `max_tokens`. */
  readonly tokens?: number;
}
