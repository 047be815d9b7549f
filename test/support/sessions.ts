import type { SessionAction } from '../../src/core/orchestration/session/actions.js';
import type { GuardRequest } from '../../src/core/orchestration/session/metadata.js';
import type { Observation } from '../../src/core/orchestration/session/observation.js';
import type { PendingQuestion } from '../../src/core/orchestration/session/question.js';
import type { UnifiedSession } from '../../src/core/orchestration/session/record.js';
import { reduceSession } from '../../src/core/orchestration/session/reducer.js';
import type { SessionStatus } from '../../src/core/orchestration/session/status.js';

type Identity = Partial<Pick<UnifiedSession, 'id' | 'mode' | 'taskId' | 'parentId' | 'queuePosition'>>;

/** A session right after its creation: `starting`, or `queued` if a position is given. */
export function createdSession(identity: Identity = {}): UnifiedSession {
  const environment = { docker: true, dockerImage: 'image', cwd: '/work' };
  return reduceSession(undefined, {
    type: 'created',
    at: 1,
    session: { id: 'session', mode: 'autonomous', environment, ...identity },
  });
}

/** A record after some further actions. */
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

/** A tool call that a person is asked about. */
export function guardRequest(requestId: string, change: Partial<GuardRequest> = {}): GuardRequest {
  const call = { toolUseId: `toolu-${requestId}`, tool: 'Bash', input: Object.freeze({ command: 'make release' }) };
  return { requestId, ...call, askedAt: 5, deadline: 600_005, ...change };
}

/** A question of the agent that waits for a person. */
export function pendingQuestion(questionId: string, change: Partial<PendingQuestion> = {}): PendingQuestion {
  const question = { text: 'Go on?', options: [{ label: 'Yes' }, { label: 'No' }], multiSelect: false };
  return {
    questionId,
    toolUseId: `toolu-${questionId}`,
    questions: [question],
    askedAt: 5,
    deadline: 600_005,
    ...change,
  };
}

/** The id of the approval that `sessionIn('waiting_feedback')` waits for. */
export const ASKED = 'request-1';

/** A session that waits for its provider's usage limit: paused, without a run. */
export function suspendedSession(identity: Identity = {}): UnifiedSession {
  return afterActions(runningSession(identity), { type: 'suspended', at: 8, resumeAt: 60_008, exitCode: 1 });
}

/** A session in any status, with a history that leads to that status. */
export function sessionIn(status: SessionStatus, identity: Identity = {}): UnifiedSession {
  switch (status) {
    case 'queued':
      return createdSession({ queuePosition: 2, ...identity });
    case 'starting':
      return createdSession(identity);
    case 'running':
      return runningSession(identity);
    case 'paused':
      return afterActions(runningSession(identity), { type: 'paused', at: 5 });
    case 'waiting_feedback':
      return afterActions(runningSession(identity), { type: 'asked', at: 5, request: guardRequest(ASKED) });
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

/** A running session after observations: one for each log line, ten milliseconds apart. */
export function observed(session: UnifiedSession, ...observations: Observation[]): UnifiedSession {
  return observations.reduce(
    (record, observation, index) =>
      reduceSession(record, { type: 'observed', at: 100 + index * 10, observations: [observation] }),
    session,
  );
}
