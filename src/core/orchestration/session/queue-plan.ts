/** How soon a session gets a slot, compared to others that wait. */
export type SessionPriority = 'high' | 'normal' | 'low';

/** All priorities, the highest first. */
export const PRIORITIES = ['high', 'normal', 'low'] as const satisfies readonly SessionPriority[];

/** A session that has to end before another one starts. */
export interface SessionDependency {
  /** The id of a session of the same manager. */
  readonly id: string;
  /** `completed`: it has to end well. `ended`: it has to end, however it goes. */
  readonly on: 'completed' | 'ended';
}

/** When a session may start, and before which others. */
export interface QueuePlan {
  /** The sessions that have to end before this one starts. Absent if there are none. */
  readonly after?: readonly SessionDependency[];
  /** Absent if it is `normal`. */
  readonly priority?: SessionPriority;
  /** The session does not start before this time, in epoch milliseconds. */
  readonly notBefore?: number;
}

/** The part of a record or of options that is the plan. */
export function queuePlanOf({ after, priority, notBefore }: QueuePlan): QueuePlan {
  return {
    ...(after !== undefined && { after }),
    ...(priority !== undefined && { priority }),
    ...(notBefore !== undefined && { notBefore }),
  };
}
