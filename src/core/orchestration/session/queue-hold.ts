/**
 * Why sessions do not start although slots are free. A hold concerns the sessions of one account, or all sessions if a person has
 * held the queue. Sessions that run are not touched.
 */
export interface QueueHold {
  /**
   * `auth`: the provider refused the login. `spend_limit`: the account has no money left, or reached a cap. `usage_limit`: the
   * account has used up a window, until `until`. `overage`: the account pays extra usage, until `until`, and only the sessions whose
   * `onOverage` is `'wait'` or `'end'` do not start. Otherwise the text that `holdQueue()` was given.
   */
  readonly reason: string;
  /** What happened and what to do, for a person. It may quote the provider, so show it as text only. */
  readonly message: string;
  /** The account whose sessions do not start. Absent if no session starts. */
  readonly account?: string;
  /** In epoch milliseconds. */
  readonly since: number;
  /** When the hold ends by itself, in epoch milliseconds. Absent if a person has to end it with `releaseQueue()`. */
  readonly until?: number;
  /** The session whose run showed the problem. Absent if a person held the queue. */
  readonly sessionId?: string;
}

/** What the provider told about one window of a subscription. The agent's log says so: show it, but do not rely on it. */
export interface UsageWindow {
  readonly account: string;
  /** The provider's name: `five_hour`, `seven_day`, `seven_day_opus`, `overage`, … */
  readonly type: string;
  readonly status: 'allowed' | 'allowed_warning' | 'rejected';
  /** How much of the window is used: 0 to 1. It may be above 1. Absent if the provider did not tell. */
  readonly utilization?: number;
  /** In epoch milliseconds. */
  readonly resetsAt?: number;
  /** True if the account pays extra for what it uses. */
  readonly overage?: true;
  /** When the provider told this, in epoch milliseconds. */
  readonly at: number;
}
