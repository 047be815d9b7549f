import type { AutonomousSession } from '../handlers/index.js';

/** A span of time in which a session did one thing. */
export interface Segment {
  readonly kind: 'queued' | 'starting' | 'running' | 'waiting' | 'paused';
  readonly from: number;
  readonly to: number;
  /** The number of the run. The first run has 1. */
  readonly run: number;
}

/** A session's time in segments, in order. A segment that has not ended yet ends at `now`. */
export function segmentsOf(session: Pick<AutonomousSession, 'runs' | 'createdAt' | 'endedAt'>, now: number): Segment[] {
  const last = session.endedAt ?? now;
  if (session.runs.length === 0) return [{ kind: 'queued', from: session.createdAt, to: last, run: 1 }];
  return session.runs.flatMap((view, index) => {
    const {
      number: run,
      requestedAt,
      launchedAt,
      startedAt,
      endedAt,
      pausedAt,
      pauses = [],
      waitingAt,
      waits = [],
    } = view;
    // The run was withdrawn from the queue. The record does not say when.
    if (endedAt === undefined && index < session.runs.length - 1) return [];
    const end = endedAt ?? last;
    const segments: Segment[] = [];
    const add = (kind: Segment['kind'], from: number | undefined, to: number): void => {
      if (from !== undefined && to > from) segments.push({ kind, from, to, run });
    };
    add('queued', requestedAt, launchedAt ?? end);
    add('starting', launchedAt, startedAt ?? end);
    if (startedAt === undefined) return segments;
    const rests = [...waits, ...(waitingAt === undefined ? [] : [{ waitingAt, workingAt: end }])];
    const unfrozen = (from: number, to: number): void => {
      let at = from;
      for (const rest of rests) {
        const [began, over] = [Math.max(rest.waitingAt, at), Math.min(rest.workingAt, to)];
        if (over <= began) continue;
        add('running', at, began);
        add('waiting', began, over);
        at = over;
      }
      add('running', at, to);
    };
    let at = startedAt;
    const frozen = [...pauses, ...(pausedAt === undefined ? [] : [{ pausedAt, resumedAt: end }])];
    for (const pause of frozen) {
      unfrozen(at, pause.pausedAt);
      add('paused', pause.pausedAt, pause.resumedAt);
      at = pause.resumedAt;
    }
    unfrozen(at, end);
    return segments;
  });
}

/** The time of all segments of one kind, in milliseconds. */
export function timeOf(kind: Segment['kind'], segments: readonly Segment[]): number {
  return segments.reduce((sum, segment) => (segment.kind === kind ? sum + segment.to - segment.from : sum), 0);
}

/** Whether a session has ended. */
export function isOver(state: AutonomousSession['state']): boolean {
  return state === 'completed' || state === 'failed' || state === 'cancelled';
}
