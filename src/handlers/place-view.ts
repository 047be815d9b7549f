import type { SessionDependency, SessionPriority, UnifiedSession } from '../core/index.js';

/** The place of a session in the queue. */
export interface PlaceView {
  /** 1 is next. Only while the session is queued, and absent while it may not start because of `after` or `notBefore`. */
  queuePosition?: number;
  /** The sessions that had to end before this one could start. */
  after?: readonly SessionDependency[];
  /** How soon the session gets a slot. Absent if it is `normal`. */
  priority?: SessionPriority;
  /** The session does not start before this time, in epoch milliseconds. */
  notBefore?: number;
}

export function placeView({ queuePosition, after, priority, notBefore }: UnifiedSession) {
  return { queuePosition, after, priority, notBefore };
}
