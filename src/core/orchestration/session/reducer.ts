import type { CreatedAction, SessionAction } from './actions.js';
import { emptyMetadata, observe } from './metadata-reducer.js';
import {
  approvalsOf,
  awake,
  withAnswer,
  withApprovals,
  withDeadlines,
  withNothingAsked,
  withQuestion,
  withStatus,
} from './pending.js';
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

function create({ at, session, blocked }: CreatedAction): UnifiedSession {
  return Object.freeze({
    ...session,
    environment: Object.freeze({ ...session.environment }),
    status: session.queuePosition === undefined && !blocked ? 'starting' : 'queued',
    createdAt: at,
    runs: Object.freeze([]),
    metadata: emptyMetadata(),
  } satisfies UnifiedSession);
}

function next(session: UnifiedSession, action: Exclude<SessionAction, { type: FirstAction }>): UnifiedSession {
  switch (action.type) {
    case 'moved':
    case 'queued': {
      const { queuePosition: _, ...rest } = session;
      return { ...rest, ...(action.queuePosition !== undefined && { queuePosition: action.queuePosition }) };
    }
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
          ...(action.ports && { ports: Object.freeze(action.ports) }),
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
    case 'question-asked':
      return withQuestion(session, action.question);
    case 'question-answered':
      return withAnswer(session, action.question, action);
    case 'denied':
    case 'steered':
    case 'removed':
      return { ...session };
    case 'paused':
      return { ...session, status: 'paused', runs: changeRun(session, { pausedAt: action.at }) };
    case 'resumed':
      return withDeadlines({ ...session, status: 'running', runs: unfrozen(session, action.at) }, action.deadlines);
    case 'resting': {
      const waitingAt = session.runs.at(-1)?.waitingAt ?? action.at;
      const runs = changeRun(session, { waitingAt });
      return withStatus({ ...session, runs, waitingFor: action.waitingFor });
    }
    case 'woken':
      return awake({ ...session, runs: atWork(session, action.at) });
    case 'stopping':
      return { ...session, runs: changeRun(session, { stop: Object.freeze({ ...action.stop }) }) };
    case 'exited':
      return { ...session, runs: changeRun(session, { exit: Object.freeze({ ...action.end }) }) };
    case 'suspended':
      return {
        ...withNothingAsked(awake(session)),
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
      const { queuePosition: _, resumeAt: __, pausedFor: ___, ...rest } = withNothingAsked(awake(session));
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
      const { result: _, endedAt: __, resumeAt: ___, pausedFor: ____, ...open } = withNothingAsked(awake(session));
      const rest = action.fresh ? withoutConversation(open) : open;
      const closed = hasOpenRun(session) ? changeRun(rest, { endedAt: action.at, ...exitCodeOf(action) }) : rest.runs;
      const { feedback, commandId, outputRetry, at: requestedAt } = action;
      const run: SessionRun = {
        number: closed.length + 1,
        ...(feedback !== undefined && { feedback }),
        ...(action.fresh && { fresh: true as const }),
        ...(commandId !== undefined && { commandId }),
        ...(outputRetry !== undefined && { outputRetry }),
        requestedAt,
      };
      return {
        ...rest,
        ...(action.account !== undefined && { account: action.account }),
        status: action.queuePosition === undefined ? 'starting' : 'queued',
        ...(action.queuePosition !== undefined && { queuePosition: action.queuePosition }),
        runs: frozen([...closed, run]),
      };
    }
  }
}

function exitCodeOf(from: { readonly exitCode?: number }): { exitCode?: number } {
  return from.exitCode === undefined ? {} : { exitCode: from.exitCode };
}

/** The next run begins a conversation of its own. */
function withoutConversation<Session extends Pick<UnifiedSession, 'conversationId' | 'channelCoderSession'>>({
  conversationId: _,
  channelCoderSession: __,
  ...rest
}: Session): Omit<Session, 'conversationId' | 'channelCoderSession'> {
  return rest;
}
