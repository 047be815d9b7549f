import { OrchestrationError } from '../util/errors.js';
import type { CreatedAction, SessionAction } from './actions.js';
import type { GuardRequest } from './metadata.js';
import { emptyMetadata, observe } from './metadata-reducer.js';
import type { UnifiedSession } from './record.js';
import type { SessionRun } from './run.js';
import { waitedSince } from './run-time.js';
import type { SessionStatus, TerminalStatus } from './status.js';

const ACTIVE = ['starting', 'running', 'paused', 'waiting_feedback'] as const satisfies readonly SessionStatus[];
const TERMINAL = ['completed', 'failed', 'cancelled'] as const satisfies readonly TerminalStatus[];
/** All statuses. */
export const STATUSES = ['queued', ...ACTIVE, ...TERMINAL] as const satisfies readonly SessionStatus[];

/** How many pauses and how many waits the record of a run keeps. */
const KEPT_TIMES = 50;

/** The actions that need no record before them. */
type FirstAction = 'created' | 'recovered';

/** The statuses in which each action is legal. In any other status the action is refused, never ignored. */
export const LEGAL_FROM: Readonly<Record<Exclude<SessionAction['type'], FirstAction>, readonly SessionStatus[]>> = {
  moved: ['queued'],
  launching: ['queued', 'starting'],
  placed: ['starting'],
  spawned: ['starting'],
  running: ['starting'],
  observed: ACTIVE,
  asked: ['running', 'paused', 'waiting_feedback'],
  answered: ['paused', 'waiting_feedback'],
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
  paused: true,
  resumed: true,
  resting: true,
  woken: true,
  stopping: true,
  exited: true,
  suspended: true,
};

/** True if a session has ended (and can only be continued). */
export function isTerminal(status: SessionStatus): status is TerminalStatus {
  return (TERMINAL as readonly SessionStatus[]).includes(status);
}

/** True if a session has begun and not ended. */
export function isActive(status: SessionStatus): boolean {
  return (ACTIVE as readonly SessionStatus[]).includes(status);
}

/**
 * The next record. Pure: the same record and action give the same result, and neither is changed.
 *
 * @throws OrchestrationError `ILLEGAL_TRANSITION` if the record's status does not allow the action.
 */
export function reduceSession(session: UnifiedSession | undefined, action: SessionAction): UnifiedSession {
  if (action.type === 'created' || action.type === 'recovered') {
    if (session) throw illegal(session, action.type);
    return action.type === 'created' ? create(action) : action.session;
  }
  if (!session || !LEGAL_FROM[action.type].includes(session.status)) throw illegal(session, action.type);
  // `starting` is the status both before and after the launch. `paused` is the status both with a frozen container and without
  // a container. Which actions are legal then depends on whether there is a run.
  const needsRun = NEEDS_RUN[action.type];
  if (needsRun !== undefined && needsRun !== hasOpenRun(session)) throw illegal(session, action.type);
  return Object.freeze(next(session, action));
}

function create({ at, session }: CreatedAction): UnifiedSession {
  return Object.freeze({
    ...session,
    environment: Object.freeze({ ...session.environment }),
    status: session.queuePosition === undefined ? 'starting' : 'queued',
    createdAt: at,
    runs: Object.freeze([]),
    metadata: emptyMetadata(),
  } satisfies UnifiedSession);
}

function next(session: UnifiedSession, action: Exclude<SessionAction, { type: FirstAction }>): UnifiedSession {
  switch (action.type) {
    case 'moved':
      return { ...session, queuePosition: action.queuePosition };
    case 'launching': {
      const { queuePosition: _, ...rest } = session;
      // A continued session already has its run, which was added together with the feedback.
      const last = session.runs.at(-1);
      const runs =
        last && last.launchedAt === undefined
          ? changeRun(session, { launchedAt: action.at })
          : frozen([
              ...session.runs,
              {
                number: session.runs.length + 1,
                requestedAt: last ? action.at : session.createdAt,
                launchedAt: action.at,
              },
            ]);
      return { ...rest, status: 'starting', runs };
    }
    case 'placed':
      return {
        ...session,
        logFile: action.logFile,
        environment: Object.freeze({ ...session.environment, ...action.environment }),
        runs: changeRun(session, {
          logOffset: action.logOffset,
          ...(action.containerName !== undefined && { containerName: action.containerName }),
          ...(action.attachCommand !== undefined && { attachCommand: action.attachCommand }),
        }),
      };
    case 'spawned':
      return { ...session, runs: changeRun(session, { process: Object.freeze({ ...action.process }) }) };
    case 'running':
      return {
        ...session,
        status: 'running',
        startedAt: session.startedAt ?? action.at,
        runs: changeRun(session, {
          startedAt: action.at,
          ...(action.containerId !== undefined && { containerId: action.containerId }),
        }),
      };
    case 'observed':
      return observe(session, action);
    case 'asked':
      return withApprovals(session, [...approvalsOf(session), Object.freeze(action.request)]);
    case 'answered':
      return withApprovals(
        session,
        approvalsOf(session).filter(({ requestId }) => requestId !== action.request.requestId),
      );
    case 'denied':
    case 'steered':
    case 'removed':
      return { ...session };
    case 'paused':
      return { ...session, status: 'paused', runs: changeRun(session, { pausedAt: action.at }) };
    case 'resumed': {
      const deadlines = new Map(action.deadlines);
      const approvals = approvalsOf(session).map((request) =>
        Object.freeze({ ...request, deadline: deadlines.get(request.requestId) ?? request.deadline }),
      );
      return withApprovals({ ...session, status: 'running', runs: unfrozen(session, action.at) }, approvals);
    }
    case 'resting': {
      const waitingAt = session.runs.at(-1)?.waitingAt ?? action.at;
      const runs = changeRun(session, { waitingAt });
      return withApprovals({ ...session, runs, waitingFor: action.waitingFor }, approvalsOf(session));
    }
    case 'woken':
      return awake({ ...session, runs: atWork(session, action.at) });
    case 'stopping':
      return { ...session, runs: changeRun(session, { stop: Object.freeze({ ...action.stop }) }) };
    case 'exited':
      return { ...session, runs: changeRun(session, { exit: Object.freeze({ ...action.end }) }) };
    case 'suspended':
      return {
        ...withApprovals(awake(session), []),
        status: 'paused',
        resumeAt: action.resumeAt,
        runs: changeRun(session, { endedAt: action.at, ...exitCodeOf(action) }),
      };
    case 'ended': {
      const { queuePosition: _, resumeAt: __, ...rest } = withApprovals(awake(session), []);
      const ended = { endedAt: action.at, ...exitCodeOf(action.result) };
      return {
        ...rest,
        status: action.status,
        endedAt: action.at,
        result: Object.freeze({ ...action.result }),
        runs: hasOpenRun(session) ? changeRun(rest, ended) : rest.runs,
      };
    }
    case 'worktree-removed': {
      const { worktree: _, ...environment } = session.environment;
      return { ...session, environment: Object.freeze(environment) };
    }
    case 'continued': {
      const { result: _, endedAt: __, resumeAt: ___, ...rest } = withApprovals(awake(session), []);
      const closed = hasOpenRun(session) ? changeRun(rest, { endedAt: action.at, ...exitCodeOf(action) }) : rest.runs;
      const { feedback, commandId, at: requestedAt } = action;
      const run: SessionRun = {
        number: closed.length + 1,
        feedback,
        ...(commandId !== undefined && { commandId }),
        requestedAt,
      };
      return {
        ...rest,
        status: action.queuePosition === undefined ? 'starting' : 'queued',
        ...(action.queuePosition !== undefined && { queuePosition: action.queuePosition }),
        runs: frozen([...closed, run]),
      };
    }
  }
}

function approvalsOf(session: UnifiedSession): readonly GuardRequest[] {
  return session.pendingApprovals ?? [];
}

function awake({ waitingFor: _, ...session }: UnifiedSession): UnifiedSession {
  return withApprovals(session, approvalsOf(session));
}

/** A running session has the status `waiting_feedback` while a person is asked, or while it has nothing to do. */
function withApprovals(session: UnifiedSession, approvals: readonly GuardRequest[]): UnifiedSession {
  const { pendingApproval: _, pendingApprovals: __, ...rest } = session;
  const [first] = approvals;
  const runs = session.status === 'running' || session.status === 'waiting_feedback';
  const waits = first !== undefined || session.waitingFor !== undefined;
  return {
    ...rest,
    status: runs ? (waits ? 'waiting_feedback' : 'running') : session.status,
    ...(first && { pendingApproval: first, pendingApprovals: frozen([...approvals]) }),
  };
}

/** True if a run was launched and is not over. */
export function hasOpenRun(session: UnifiedSession): boolean {
  const run = session.runs.at(-1);
  return run?.launchedAt !== undefined && run.endedAt === undefined;
}

function changeRun(session: Pick<UnifiedSession, 'runs'>, change: Partial<SessionRun>): readonly SessionRun[] {
  return replaceRun(session, (run) => ({ ...run, ...change }));
}

function replaceRun(
  { runs }: Pick<UnifiedSession, 'runs'>,
  replace: (last: SessionRun) => SessionRun,
): readonly SessionRun[] {
  const last = runs.at(-1);
  return last ? frozen([...runs.slice(0, -1), replace(last)]) : runs;
}

/** Records the end of a pause. Time in which the run was frozen does not count as work. */
function unfrozen(session: UnifiedSession, at: number): readonly SessionRun[] {
  return replaceRun(session, ({ pausedAt = at, ...run }) => ({
    ...run,
    pausedMs: (run.pausedMs ?? 0) + Math.max(0, at - pausedAt),
    pauses: latest(run.pauses, { pausedAt, resumedAt: at }),
  }));
}

/** Records the end of a wait: the run has something to do again. */
function atWork(session: UnifiedSession, at: number): readonly SessionRun[] {
  return replaceRun(session, ({ waitingAt = at, ...run }) => ({
    ...run,
    waitedMs: (run.waitedMs ?? 0) + waitedSince({ ...run, waitingAt }, at),
    waits: latest(run.waits, { waitingAt, workingAt: at }),
  }));
}

function latest<T extends object>(times: readonly T[] = [], time: T): readonly T[] {
  return frozen([...times.slice(1 - KEPT_TIMES), time]);
}

function frozen<T extends object>(items: T[]): readonly T[] {
  return Object.freeze(items.map((item) => Object.freeze(item)));
}

function exitCodeOf(from: { readonly exitCode?: number }): { exitCode?: number } {
  return from.exitCode === undefined ? {} : { exitCode: from.exitCode };
}

function illegal(session: UnifiedSession | undefined, type: SessionAction['type']): OrchestrationError {
  if (!session) return new OrchestrationError('ILLEGAL_TRANSITION', `'${type}' needs a session; it was never created.`);
  const from = type === 'created' || type === 'recovered' ? 'a new session' : LEGAL_FROM[type].join(', ');
  const run = hasOpenRun(session) ? 'with' : 'without';
  return new OrchestrationError(
    'ILLEGAL_TRANSITION',
    `Session ${session.id} is '${session.status}' ${run} a run: '${type}' is not possible then (it is from ${from}).`,
  );
}
