import {
  type ContinueOptions,
  type CreateSessionOptions,
  OrchestrationError,
  type OrchestrationErrorCode,
  type QuestionAnswer,
  type QueueStatus,
  type SessionEvent,
  type Sessions,
  type UnifiedSession,
} from '../core/index.js';
import { recordsOf } from '../core/orchestration/session/records-source.js';
import { defined } from '../core/orchestration/util/defined.js';
import { messageOf, quote } from '../core/orchestration/util/errors.js';
import { idProblem, isObject, requireArgument, requireId, requireManager } from './arguments.js';
import { eachRecord } from './each-record.js';
import { type LogEntry, logEntries } from './log-entries.js';
import { type MonitorEvent, monitorEvent } from './monitor-event.js';
import { withQueueNote } from './queued-view.js';
import { type AutonomousSession, type AutonomousSessionDetails, sessionDetails, sessionView } from './session-view.js';

/** The answer of a handler. A handler with such an answer never throws or rejects. */
export type HandlerResult<Data> =
  | { success: true; data: Data }
  | {
      success: false;
      error: string;
      /** The code, for programs. Absent if the error is not an {@link OrchestrationError}. */
      code?: OrchestrationErrorCode;
    };

/**
 * Handlers for a server of your own. As `taskId` you can pass the session's own id, or the `taskId` that the user gave to
 * `create`. If several sessions have this `taskId`, the latest one is meant.
 *
 * Arguments may come straight from a request. If a text is needed, any other value is refused with `INVALID_OPTIONS`: for
 * example `undefined`, which is what a route parameter of another name gives. An empty `taskId`, `requestId` or
 * `questionId` is refused in the same way. A text that names no session is refused with `SESSION_NOT_FOUND`. A missing `taskId` never means "the latest
 * session".
 */
export interface AutonomousHandlers {
  /** All sessions, the newest first. */
  handleAutonomousList(): Promise<HandlerResult<AutonomousSession[]>>;
  /** One session with the details of its work. Error `SESSION_NOT_FOUND`. */
  handleAutonomousGet(taskId: string): Promise<HandlerResult<AutonomousSessionDetails>>;
  /**
   * The latest messages, tool calls and errors of all sessions, the newest first.
   *
   * @param limit how many entries, 1 or more. Default 50
   */
  handleAutonomousLogs(limit?: number): Promise<HandlerResult<LogEntry[]>>;
  /**
   * Reports what happens to a session from now on, until the returned cleanup function is called. A `taskId` may have several
   * monitors. Each has a cleanup function of its own, and ends only by it. If `taskId` is not a text, or is empty, `onEvent` gets an
   * `error` event, and nothing is watched. If no session has this `taskId`, `onEvent` gets an `error` event, and the monitor waits
   * for such a session.
   *
   * If `onEvent` fails at an event, the other monitors still get the event, and the manager reports the failure as `listener-error`.
   *
   * @throws OrchestrationError `INVALID_OPTIONS` if `onEvent` is not a function
   */
  createAutonomousMonitor(taskId: string, onEvent: (event: MonitorEvent) => void): () => void;

  /**
   * As {@link Sessions.create}. The options can name files of this machine, so do not let people that you do not
   * trust choose them.
   */
  handleAutonomousCreate(options: CreateSessionOptions): Promise<HandlerResult<AutonomousSession>>;
  /** As {@link Sessions.cancel}. */
  handleAutonomousCancel(taskId: string, reason?: string): Promise<HandlerResult<AutonomousSession>>;
  /** As {@link Sessions.pause}. */
  handleAutonomousPause(taskId: string): Promise<HandlerResult<AutonomousSession>>;
  /** As {@link Sessions.resume}. */
  handleAutonomousResume(taskId: string): Promise<HandlerResult<AutonomousSession>>;
  /** As {@link Sessions.continue}. */
  handleAutonomousContinue(
    taskId: string,
    feedback: string,
    options?: ContinueOptions,
  ): Promise<HandlerResult<AutonomousSession>>;
  /** As {@link Sessions.steer}: answers when the agent has got the message. */
  handleAutonomousSteer(taskId: string, message: string): Promise<HandlerResult<AutonomousSession>>;
  /** As {@link Sessions.approve}. */
  handleAutonomousApprove(taskId: string, requestId: string, note?: string): Promise<HandlerResult<AutonomousSession>>;
  /** As {@link Sessions.deny}. */
  handleAutonomousDeny(taskId: string, requestId: string, reason?: string): Promise<HandlerResult<AutonomousSession>>;
  /** As {@link Sessions.answer}. */
  handleAutonomousAnswer(
    taskId: string,
    questionId: string,
    answers: readonly QuestionAnswer[],
  ): Promise<HandlerResult<AutonomousSession>>;
  /** As {@link Sessions.remove}: answers with the last state of the session. */
  handleAutonomousRemove(taskId: string, force?: boolean): Promise<HandlerResult<AutonomousSession>>;
  /** As {@link Sessions.queueStatus}. */
  handleAutonomousQueue(): Promise<HandlerResult<QueueStatus>>;
  /** As {@link Sessions.holdQueue}. */
  handleAutonomousHoldQueue(reason?: string): Promise<HandlerResult<QueueStatus>>;
  /** As {@link Sessions.releaseQueue}. */
  handleAutonomousReleaseQueue(account?: string): Promise<HandlerResult<QueueStatus>>;
}

/**
 * Creates handlers for a manager. The routes of an existing server call them. `createAutonomousApp` also has the routes, the
 * checks of requests, and the events.
 *
 * @example
 * ```ts
 * export const { handleAutonomousList, handleAutonomousGet, handleAutonomousLogs } = createAutonomousHandlers(manager);
 * ```
 * @throws OrchestrationError `INVALID_OPTIONS` if `manager` is not a manager
 */
export function createAutonomousHandlers(manager: Sessions): AutonomousHandlers {
  requireManager(manager);
  const find = (taskId: string): UnifiedSession | undefined => manager.get(taskId) ?? manager.list({ taskId }).at(-1);
  const requireSession = (taskId: string): UnifiedSession => {
    requireId('taskId', taskId);
    const session = find(taskId);
    if (session) return session;
    throw new OrchestrationError('SESSION_NOT_FOUND', 'Session not found');
  };
  /** Changes a session, and answers with its state after the change. */
  const changed = (
    taskId: string,
    change: (id: string) => Promise<unknown>,
  ): Promise<HandlerResult<AutonomousSession>> =>
    answered(async () => {
      const { id } = requireSession(taskId);
      await change(id);
      return sessionView(requireSession(id));
    });

  return {
    handleAutonomousList: () =>
      answered(async () => {
        const views = await eachRecord(manager, (session) => withQueueNote(sessionView(session)));
        return views.reverse();
      }),
    handleAutonomousGet: (taskId) => answered(() => withQueueNote(sessionDetails(requireSession(taskId)))),
    handleAutonomousLogs: (limit = 50) =>
      answered(() => {
        requireArgument('limit', limit, Number.isSafeInteger(limit) && limit > 0, 'a whole number from 1 on');
        return logEntries(recordsOf(manager), limit);
      }),
    handleAutonomousCreate: (options) =>
      answered(async () => {
        requireArgument('options', options, isObject(options), "an object with the options of 'create()'");
        return sessionView(await manager.create(options));
      }),
    handleAutonomousCancel: (taskId, reason) => changed(taskId, (id) => manager.cancel(id, reason)),
    handleAutonomousPause: (taskId) => changed(taskId, (id) => manager.pause(id)),
    handleAutonomousResume: (taskId) => changed(taskId, (id) => manager.resume(id)),
    handleAutonomousContinue: (taskId, feedback, options) =>
      changed(taskId, (id) => manager.continue(id, feedback, ...(options ? [options] : []))),
    handleAutonomousSteer: (taskId, message) => changed(taskId, (id) => manager.steer(id, message)),
    handleAutonomousApprove: (taskId, requestId, note) =>
      changed(taskId, async (id) => {
        requireId('requestId', requestId);
        await manager.approve(id, requestId, note);
      }),
    handleAutonomousDeny: (taskId, requestId, reason) =>
      changed(taskId, async (id) => {
        requireId('requestId', requestId);
        await manager.deny(id, requestId, reason);
      }),
    handleAutonomousAnswer: (taskId, questionId, answers) =>
      changed(taskId, async (id) => {
        requireId('questionId', questionId);
        await manager.answer(id, questionId, answers);
      }),
    handleAutonomousRemove: (taskId, force = false) =>
      answered(async () => {
        requireArgument('force', force, typeof force === 'boolean', 'true or false');
        return sessionView(await manager.remove(requireSession(taskId).id, { force }));
      }),
    handleAutonomousQueue: () => answered(() => manager.queueStatus()),
    handleAutonomousHoldQueue: (reason) => answered(() => manager.holdQueue(reason)),
    handleAutonomousReleaseQueue: (account) => answered(() => manager.releaseQueue(account)),

    createAutonomousMonitor(taskId, onEvent) {
      requireArgument('onEvent', onEvent, typeof onEvent === 'function', 'a function');
      const problem = idProblem('taskId', taskId);
      if (problem !== undefined) {
        onEvent({ type: 'error', taskId: quote(taskId), message: problem });
        return () => {};
      }
      if (!find(taskId)) onEvent({ type: 'error', taskId, message: 'Session not found' });
      // Returns what `onEvent` returns, so that the manager reports a promise that rejects.
      const listener = (event: SessionEvent): unknown => {
        if (!('session' in event) || !mayBe(taskId, event.session)) return undefined;
        const { sessionId, at, replayed } = event;
        // A `taskId` means the latest session that has it. While we watch, a newer session may come.
        const isLast = event.type === 'session:removed' && !find(taskId);
        if (sessionId !== find(taskId)?.id && !isLast) return undefined;
        const told = monitorEvent(event);
        return (
          told && onEvent({ type: 'autonomous-event', taskId, sessionId, at, ...defined({ replayed }), event: told })
        );
      };
      manager.on('event', listener);
      return () => void manager.off('event', listener);
    },
  };
}

/** False if a `taskId` cannot mean this session. Saves the search for the session at the events of all other sessions. */
function mayBe(taskId: string, session: UnifiedSession): boolean {
  return session.id === taskId || session.taskId === taskId;
}

async function answered<Data>(work: () => Data | Promise<Data>): Promise<HandlerResult<Data>> {
  try {
    return { success: true, data: await work() };
  } catch (error) {
    const code = error instanceof OrchestrationError ? { code: error.code } : {};
    return { success: false, error: messageOf(error), ...code };
  }
}
