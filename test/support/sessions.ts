import type { Observation } from '../../src/core/orchestration/monitoring/observation.js';
import { reduceSession, type SessionAction } from '../../src/core/orchestration/session-lifecycle.js';
import type { SessionStatus, UnifiedSession } from '../../src/core/orchestration/types.js';

type Identity = Partial<Pick<UnifiedSession, 'id' | 'mode' | 'taskId' | 'parentId' | 'queuePosition'>>;

/** A session as it is right after its creation: `starting`, or `queued` where a position is given. */
export function createdSession(identity: Identity = {}): UnifiedSession {
  const environment = { docker: true, dockerImage: 'image', cwd: '/work' };
  return reduceSession(undefined, {
    type: 'created',
    at: 1,
    session: { id: 'session', mode: 'autonomous', environment, ...identity },
  });
}

/** A record after some more actions. */
export function afterActions(session: UnifiedSession, ...actions: SessionAction[]): UnifiedSession {
  return actions.reduce(reduceSession, session);
}

/** A running session with one run. */
export function runningSession(identity: Identity = {}): UnifiedSession {
  return afterActions(
    createdSession(identity),
    { type: 'launching', at: 2 },
    { type: 'running', at: 3, containerId: 'c1' },
  );
}

/** A session in any status, with the history that leads there (a status that no action leads to yet is set). */
export function sessionIn(status: SessionStatus, identity: Identity = {}): UnifiedSession {
  switch (status) {
    case 'queued':
      return createdSession({ queuePosition: 2, ...identity });
    case 'starting':
      return createdSession(identity);
    case 'running':
      return runningSession(identity);
    case 'paused':
    case 'waiting_feedback':
      return Object.freeze({ ...runningSession(identity), status });
    case 'completed':
    case 'failed':
    case 'cancelled':
      return afterActions(runningSession(identity), {
        type: 'ended',
        at: 9,
        status,
        result: { exitCode: 0, reason: 'any' },
      });
  }
}

/** A running session after observations that came one a log line, ten milliseconds apart. */
export function observed(session: UnifiedSession, ...observations: Observation[]): UnifiedSession {
  return observations.reduce(
    (record, observation, index) =>
      reduceSession(record, { type: 'observed', at: 100 + index * 10, observations: [observation] }),
    session,
  );
}
