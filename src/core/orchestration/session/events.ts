import type { ListenerError } from '../util/isolated-emitter.js';
import type { SessionAction } from './actions.js';
import type { ApprovalSource, Denial } from './denial.js';
import type { GuardRequest } from './metadata.js';
import {
  type ObservedDanger,
  type ObservedError,
  type ObservedMessage,
  type ObservedOverage,
  type ObservedPrompt,
  type ObservedSetup,
  type ObservedTool,
  type ObservedToolResult,
  observedEvents,
} from './observed-events.js';
import type { PendingQuestion, QuestionAnswer, QuestionSource } from './question.js';
import type { QueueHold } from './queue-hold.js';
import type { QueueStatus } from './queue-status.js';
import type { SessionResult, UnifiedSession } from './record.js';
import type { SessionRun } from './run.js';
import type { PausedFor, WaitingFor } from './status.js';

interface EventBase<Type extends string> {
  readonly type: Type;
  readonly sessionId: string;
  /** Epoch milliseconds. */
  readonly at: number;
}

interface SessionEventBase<Type extends string> extends EventBase<Type> {
  /**
   * The record immediately after the change. Lines of the log that are read within the same 2 ms may be one change. Then each of
   * their events has the record after the last of these lines.
   */
  readonly session: UnifiedSession;
  /**
   * Present if `recover()` read this from the log of a session that it took over. An earlier process may have reported it
   * before, and `at` is not the time when it happened.
   */
  readonly replayed?: true;
}

/** A session was accepted. */
export type SessionCreatedEvent = SessionEventBase<'session:created'>;
/** The session was taken over from an earlier manager of the same state folder. The record shows its current state. */
export type SessionRecoveredEvent = SessionEventBase<'session:recovered'>;
/** The session waits for a slot, at this position (1 is next). A session of `after` or `notBefore` does so when it may start. */
export interface SessionQueuedEvent extends SessionEventBase<'session:queued'> {
  readonly position: number;
}
/** The session's container (or process) executes. */
export interface SessionStartedEvent extends SessionEventBase<'session:started'> {
  readonly run: SessionRun;
}
/** The agent wrote a message. Agent-controlled text: show it as text only. */
export interface SessionMessageEvent extends SessionEventBase<'session:message'>, ObservedMessage {}
/** Somebody said something to the agent of an `interactive` session, at its terminal or through `steer()`. */
export interface SessionPromptEvent extends SessionEventBase<'session:prompt'>, ObservedPrompt {}
/** The agent called a tool. */
export interface SessionToolEvent extends SessionEventBase<'session:tool'>, ObservedTool {}
/** A tool call ended. */
export interface SessionToolResultEvent extends SessionEventBase<'session:tool-result'>, ObservedToolResult {}
/**
 * Something dangerous happened: one of three kinds. The agent called a tool in a way that is rated dangerous; the policy
 * decides if the call runs. Or a call bypassed the guard (rule `guard.bypassed`), which ends the session. Or something was
 * planted for git on the machine (rule `git.planted`).
 */
export interface SessionDangerEvent extends SessionEventBase<'session:danger'>, ObservedDanger {}
/** A person is asked about a tool call (`state: 'asked'`), or the question was answered. */
export interface SessionApprovalEvent extends SessionEventBase<'session:approval'> {
  readonly state: 'asked' | 'approved' | 'denied';
  readonly request: GuardRequest;
  /** Who answered: a person, the time limit (`timeout`), or the end of the run (`end`). */
  readonly by?: ApprovalSource;
  /** What the person said. If no person answered: why the call was denied. */
  readonly note?: string;
}
/** The agent asks a person something (`state: 'asked'`), or its questions do not wait any more. */
export interface SessionQuestionEvent extends SessionEventBase<'session:question'> {
  /** `unanswered`: no person has answered, and the agent was told to decide for itself. */
  readonly state: 'asked' | 'answered' | 'unanswered';
  readonly question: PendingQuestion;
  /** Why the questions do not wait any more: a person (`answered`), or why nobody answered. */
  readonly by?: QuestionSource;
  /** One for each of `question.questions`, in their order. Only with `answered`. */
  readonly answers?: readonly QuestionAnswer[];
}
/** A tool call was prevented from running. */
export interface SessionDeniedEvent extends SessionEventBase<'session:denied'> {
  readonly denial: Denial;
}
/** A message of `steer()` was handed to the agent. */
export interface SessionSteeredEvent extends SessionEventBase<'session:steered'> {
  readonly message: string;
}
/** The session was frozen, or waits for its provider. */
export interface SessionPausedEvent extends SessionEventBase<'session:paused'> {
  /** When the session goes on by itself. Absent if it was frozen. */
  readonly resumeAt?: number;
  /** Why the session waits until `resumeAt`. */
  readonly pausedFor?: PausedFor;
}
/** The session is no longer frozen. After a wait until `resumeAt`, `session:continued` is emitted instead. */
export type SessionResumedEvent = SessionEventBase<'session:resumed'>;
/** The session has nothing to do until somebody else has done something. */
export interface SessionWaitingEvent extends SessionEventBase<'session:waiting'> {
  readonly waitingFor: WaitingFor;
}
/** The session works again, in a slot. */
export type SessionWorkingEvent = SessionEventBase<'session:working'>;
/** Something went wrong inside the session. The session may well go on. */
export interface SessionErrorEvent extends SessionEventBase<'session:error'>, ObservedError {}
/** The account pays extra for what the session uses. Told once in a run. The agent's log says so. */
export interface SessionOverageEvent extends SessionEventBase<'session:overage'>, ObservedOverage {}
/** A command of the option `setup` began, wrote something, or ended. Its text is agent-controlled: show it as text only. */
export interface SessionSetupEvent extends SessionEventBase<'session:setup'>, ObservedSetup {}
/** A further run was requested: by `continue()`, or automatically after a wait. */
export interface SessionContinuedEvent extends SessionEventBase<'session:continued'> {
  /** Empty if the run begins the conversation anew, with the prompt. */
  readonly feedback: string;
  /** True if the run begins a new conversation. */
  readonly fresh?: true;
}
/** The session ended. No event of this run follows. */
export interface SessionEndedEvent
  extends SessionEventBase<'session:completed' | 'session:failed' | 'session:cancelled'> {
  readonly result: SessionResult;
}
/** The session was forgotten, with its files. This is its last event, and `session` is its last record. */
export type SessionRemovedEvent = SessionEventBase<'session:removed'>;
/** The set of running or waiting sessions changed. `sessionId` is the session that caused the change. */
export interface QueueChangedEvent extends EventBase<'queue:changed'> {
  readonly queue: QueueStatus;
}

/**
 * From now on, the sessions of an account do not start, or no session does. `sessionId` is the session whose run showed the
 * problem. It is empty if a person held the queue.
 */
export interface QueueHeldEvent extends EventBase<'queue:held'>, Omit<QueueHold, 'sessionId'> {}
/** A hold is over, because a person released it or its time has come. */
export interface QueueReleasedEvent extends EventBase<'queue:released'>, Omit<QueueHold, 'sessionId'> {}

/** Everything that a manager reports about its queue. */
export type QueueEvent = QueueChangedEvent | QueueHeldEvent | QueueReleasedEvent;

/** Everything that a manager reports. `type` tells the kinds apart. */
export type SessionEvent =
  | SessionCreatedEvent
  | SessionRecoveredEvent
  | SessionQueuedEvent
  | SessionStartedEvent
  | SessionMessageEvent
  | SessionPromptEvent
  | SessionToolEvent
  | SessionToolResultEvent
  | SessionDangerEvent
  | SessionApprovalEvent
  | SessionQuestionEvent
  | SessionDeniedEvent
  | SessionSteeredEvent
  | SessionPausedEvent
  | SessionResumedEvent
  | SessionWaitingEvent
  | SessionWorkingEvent
  | SessionErrorEvent
  | SessionContinuedEvent
  | SessionEndedEvent
  | SessionRemovedEvent
  | SessionOverageEvent
  | SessionSetupEvent
  | QueueEvent;

/** The events of `UnifiedSessionManager`, for `on()`. Each is emitted under its own name, and all of them as `'event'`. */
export type SessionManagerEvents = {
  [Type in SessionEvent['type']]: (event: Extract<SessionEvent, { type: Type }>) => void;
} & {
  event: (event: SessionEvent) => void;
  'listener-error': (failure: ListenerError) => void;
};

const REPLAYED = { replayed: true } as const;

/**
 * The events that a change causes. Pure.
 *
 * @param before the record before the change; undefined if there was none
 */
export function eventsOf(
  action: SessionAction,
  session: UnifiedSession,
  at: number,
  before: Pick<UnifiedSession, 'metadata'> | undefined,
): SessionEvent[] {
  const base = { sessionId: session.id, at, session };
  switch (action.type) {
    case 'created':
      return [{ type: 'session:created', ...base }, ...queuedEvents(base)];
    case 'recovered':
      return [{ type: 'session:recovered', ...base }];
    case 'running': {
      const run = session.runs.at(-1);
      return run ? [{ type: 'session:started', ...base, run }] : [];
    }
    case 'observed':
      // The events are new objects. Logs have many lines, and to copy each event would take longer than all else about it.
      return observedEvents(action, (before ?? session).metadata).map((event) =>
        Object.assign(event, base, action.replayed && REPLAYED),
      );
    case 'asked':
      return [{ type: 'session:approval', ...base, state: 'asked', request: action.request }];
    case 'answered': {
      const { request, decision, by, note } = action;
      const state = decision === 'allow' ? 'approved' : 'denied';
      return [{ type: 'session:approval', ...base, state, request, by, ...(note !== undefined && { note }) }];
    }
    case 'question-asked':
      return [{ type: 'session:question', ...base, state: 'asked', question: action.question }];
    case 'question-answered': {
      const { question, by, answers } = action;
      const state = answers ? 'answered' : 'unanswered';
      return [{ type: 'session:question', ...base, state, question, by, ...(answers && { answers }) }];
    }
    case 'denied':
      return [{ type: 'session:denied', ...base, denial: action.denial }];
    case 'steered':
      return [{ type: 'session:steered', ...base, message: action.message }];
    case 'paused':
      return [{ type: 'session:paused', ...base }];
    case 'suspended':
      return [{ type: 'session:paused', ...base, resumeAt: action.resumeAt, ...pausedFor(session) }];
    case 'resumed':
      return [{ type: 'session:resumed', ...base }];
    case 'resting':
      return [{ type: 'session:waiting', ...base, waitingFor: action.waitingFor }];
    case 'woken':
      return [{ type: 'session:working', ...base }];
    case 'continued':
      return [
        {
          type: 'session:continued',
          ...base,
          feedback: action.feedback ?? '',
          ...(action.fresh && { fresh: true as const }),
        },
        ...queuedEvents(base),
      ];
    case 'queued':
      return queuedEvents(base);
    case 'ended':
      return [{ type: `session:${action.status}`, ...base, result: action.result }];
    case 'removed':
      return [{ type: 'session:removed', ...base }];
    case 'moved':
    case 'launching':
    case 'placed':
    case 'spawned':
    case 'stopping':
    case 'exited':
    case 'worktree-removed':
      return [];
  }
}

type Base = { sessionId: string; at: number; session: UnifiedSession };

function pausedFor({ pausedFor }: UnifiedSession): Pick<SessionPausedEvent, 'pausedFor'> {
  return pausedFor === undefined ? {} : { pausedFor };
}

function queuedEvents(base: Base): SessionEvent[] {
  const position = base.session.queuePosition;
  return position === undefined ? [] : [{ type: 'session:queued', ...base, position }];
}
