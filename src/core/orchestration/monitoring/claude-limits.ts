import type { Observation } from '../session/observation.js';
import { isObject, type Json } from './content-blocks.js';
import { isCount } from './event-fields.js';

type UsageWindow = Extract<Observation, { kind: 'usage-window' }>;

/** The provider's own names look like this. Any other text of the log is not taken for a name. */
const WINDOW_TYPE = /^[a-z0-9_]{1,40}$/;
const STATUSES = ['allowed', 'allowed_warning', 'rejected'] as const;
/** A larger number is a time in milliseconds already. */
const LATEST_SECONDS = 1e11;
const MOST_UTILIZATION = 100;

/** Reads what the provider tells about the account's windows. Only subscriptions have these events. */
export class UsageWindows {
  #overageTold = false;

  read({ rate_limit_info: info }: Json): Observation[] {
    if (!isObject(info)) return [];
    const status = STATUSES.find((known) => known === info.status);
    if (!status) return [];
    const window = windowOf(info, status);
    return window.overage ? [window, ...this.#overage(window)] : [window];
  }

  /** Tells once in a run that the account pays extra. */
  #overage({ resetsAt }: UsageWindow): Observation[] {
    if (this.#overageTold) return [];
    this.#overageTold = true;
    const until = resetsAt === undefined ? '' : `, until its window is reset at ${new Date(resetsAt).toISOString()}`;
    const message = `The account pays extra usage from now on${until}.`;
    return [
      { kind: 'overage', ...(resetsAt !== undefined && { resetsAt }) },
      { kind: 'error', severity: 'warning', code: 'overage', message },
    ];
  }
}

function windowOf(info: Json, status: UsageWindow['status']): UsageWindow {
  const { rateLimitType: type, utilization } = info;
  const resetsAt = timeOf(info.resetsAt);
  return {
    kind: 'usage-window',
    status,
    ...(typeof type === 'string' && WINDOW_TYPE.test(type) && { type }),
    ...(isCount(utilization) && { utilization: Math.min(utilization, MOST_UTILIZATION) }),
    ...(resetsAt !== undefined && { resetsAt }),
    ...((info.isUsingOverage === true || info.overageInUse === true) && { overage: true }),
  };
}

/** The event has its times in seconds. A `Date` can hold them. */
function timeOf(seconds: unknown): number | undefined {
  if (!isCount(seconds) || seconds > 8.64e15) return undefined;
  return seconds > LATEST_SECONDS ? seconds : seconds * 1_000;
}
