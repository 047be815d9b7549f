import type { CreatedAction, SessionAction } from './actions.js';
import type { GuardRequest } from './metadata.js';
import { emptyMetadata, observe } from './metadata-reducer.js';
import type { UnifiedSession } from './record.js';
import type { SessionRun } from './run.js';
import { atWork, changeRun, frozen, unfrozen } from './run-changes.js';
import { type FirstAction, hasOpenRun, illegal, requireLegal } from './transitions.js';

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
  requireLegal(session, action.type);
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
        pausedFor: action.failure?.pausedFor ?? 'usage_limit',
        runs: changeRun(session, {
          endedAt: action.at,
          ...exitCodeOf(action),
          ...(action.failure && { failure: Object.freeze({ ...action.failure }) }),
        }),
      };
    case 'ended': {
      const { queuePosition: _, resumeAt: __, pausedFor: ___, ...rest } = withApprovals(awake(session), []);
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
      const { result: _, endedAt: __, resumeAt: ___, pausedFor: ____, ...rest } = withApprovals(awake(session), []);
      const closed = hasOpenRun(session) ? changeRun(rest, { endedAt: action.at, ...exitCodeOf(action) }) : rest.runs;
      const { feedback, commandId, at: requestedAt } = action;
      const run: SessionRun = {
        number: closed.length + 1,
        ...(feedback !== undefined && { feedback }),
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

function exitCodeOf(from: { readonly exitCode?: number }): { exitCode?: number } {
  return from.exitCode === undefined ? {} : { exitCode: from.exitCode };
}
