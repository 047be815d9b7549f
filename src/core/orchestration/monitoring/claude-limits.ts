import type { Observation } from '../session/observation.js';
import { isObject, type Json } from './content-blocks.js';
import { isCount } from './event-fields.js';

/** Only subscriptions have this event. Its time is in seconds. */
export function readRateLimit({ rate_limit_info: info }: Json): Observation[] {
  if (!isObject(info) || info.status !== 'rejected') return [];
  return [{ kind: 'usage-limit', ...(isCount(info.resetsAt) && { resetsAt: info.resetsAt * 1000 }) }];
}
