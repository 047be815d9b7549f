import { OrchestrationError } from '../util/errors.js';
import type { SessionAction } from './actions.js';
import type { UnifiedSession } from './record.js';
import { ACTIVE, type SessionStatus, TERMINAL } from './status.js';

/** The actions that need no record before them. */
export type FirstAction = 'created' | 'recovered';

/** The statuses in which each action is legal. In any other status the action is refused, never ignored. */
export const LEGAL_FROM: Readonly<Record<Exclude<SessionAction['type'], FirstAction>, readonly SessionStatus[]>> = {
  moved: ['queued'],
  queued: ['queued'],
  launching: ['queued', 'starting'],
  placed: ['starting'],
  spawned: ['starting'],
  running: ['starting'],
  observed: ACTIVE,
  asked: ['running', 'paused', 'waiting_feedback'],
  answered: ['paused', 'waiting_feedback'],
  'question-asked': ['running', 'paused', 'waiting_feedback'],
  'question-answered': ['running', 'paused', 'waiting_feedback'],
  denied: ACTIVE,
  steered: ACTIVE,
  paused: ['running', 'waiting_feedback'],
  resumed: ['paused'],
  resting: ['running', 'paused', 'waiting_feedback'],
  woken: ['running', 'paused', 'waiting_feedback'],
  stopping: ACTIVE,
  exited: ACTIVE,
  suspended: ACTIVE,
  ended: ['queued', ...ACTIVE],
  'worktree-removed': TERMINAL,
  removed: TERMINAL,
  continued: [...ACTIVE, ...TERMINAL],
};

/** True if an action is only legal while a run is open, false if it is only legal while no run is open. */
const NEEDS_RUN: Partial<Record<SessionAction['type'], boolean>> = {
  launching: false,
  placed: true,
  spawned: true,
  running: true,
  asked: true,
  'question-asked': true,
  paused: true,
  resumed: true,
  resting: true,
  woken: true,
  stopping: true,
  exited: true,
  suspended: true,
};

/** True if a run was launched and is not over. */
export function hasOpenRun(session: UnifiedSession): boolean {
  const run = session.runs.at(-1);
  return run?.launchedAt !== undefined && run.endedAt === undefined;
}

/**
 * Refuses an action that is not legal in the record's state. `starting` is the status both before and after the launch. `paused`
 * is the status both with a frozen container and without a container. Which actions are legal then depends on whether there is
 * a run.
 *
 * @throws OrchestrationError `ILLEGAL_TRANSITION`
 */
export function requireLegal(
  session: UnifiedSession | undefined,
  type: Exclude<SessionAction['type'], FirstAction>,
): asserts session is UnifiedSession {
  if (!session || !LEGAL_FROM[type].includes(session.status)) throw illegal(session, type);
  const needsRun = NEEDS_RUN[type];
  if (needsRun !== undefined && needsRun !== hasOpenRun(session)) throw illegal(session, type);
}

/** The error for an action that the record's state does not allow. */
export function illegal(session: UnifiedSession | undefined, type: SessionAction['type']): OrchestrationError {
  if (!session) return new OrchestrationError('ILLEGAL_TRANSITION', `'${type}' needs a session; it was never created.`);
  const from = type === 'created' || type === 'recovered' ? 'a new session' : LEGAL_FROM[type].join(', ');
  const run = hasOpenRun(session) ? 'with' : 'without';
  return new OrchestrationError(
    'ILLEGAL_TRANSITION',
    `Session ${session.id} is '${session.status}' ${run} a run: '${type}' is not possible then (it is from ${from}).`,
  );
}
