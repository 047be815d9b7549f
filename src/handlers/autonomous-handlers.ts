import {
  type CreateSessionOptions,
  OrchestrationError,
  type OrchestrationErrorCode,
  type QueueStatus,
  type SessionEvent,
  type UnifiedSession,
  type UnifiedSessionManager,
} from '../core/index.js';
import { messageOf, quote } from '../core/orchestration/util/errors.js';
import { type LogEntry, logEntries } from './log-entries.js';
import { type MonitorEvent, monitorEvent } from './monitor-event.js';
import { type AutonomousSession, type AutonomousSessionDetails, sessionDetails, sessionView } from './session-view.js';

/** What every handler answers; none of them throws or rejects. */
export type HandlerResult<Data> =
  | { success: true; data: Data }
  | {
      success: false;
      error: string;
      /** For programs; absent for what is no {@link OrchestrationError}. */
      code?: OrchestrationErrorCode;
    };

/**
 * Drop-in handlers for a server of your own. Wherever a `taskId` is taken it may be the session's own id, or the id that
 * the user gave to `create`; of several sessions with that one the latest is meant.
 *
 * Arguments may come straight from a request. What is no text where a text is needed (a route parameter of another name is
 * `undefined`), or an empty `taskId` or `requestId`, is refused with `INVALID_OPTIONS`, and a text that names no session with
 * `SESSION_NOT_FOUND`. No argument means "the latest session".
 */
export interface AutonomousHandlers {
  /** All sessions, the newest first. */
  handleAutonomousList(): Promise<HandlerResult<AutonomousSession[]>>;
  /** One session with what is known of its work. Error `SESSION_NOT_FOUND`. */
  handleAutonomousGet(taskId: string): Promise<HandlerResult<AutonomousSessionDetails>>;
  /**
   * The latest messages, tool calls and errors of all sessions, the newest first.
   *
   * @param limit how many of them, 1 or more. Default 50
   */
  handleAutonomousLogs(limit?: number): Promise<HandlerResult<LogEntry[]>>;
  /**
   * Tells what a session does from now on, until the cleanup function that it answers is called. A second monitor of the
   * same `taskId` takes the place of the first. What is no `taskId` is told with an `error` event, and nothing is watched.
   *
   * @throws OrchestrationError `INVALID_OPTIONS` where `onEvent` is no function
   */
  createAutonomousMonitor(taskId: string, onEvent: (event: MonitorEvent) => void): () => void;

  /** As {@link UnifiedSessionManager.create}. Its options name files of this machine: they are not for strangers. */
  handleAutonomousCreate(options: CreateSessionOptions): Promise<HandlerResult<AutonomousSession>>;
  /** As {@link UnifiedSessionManager.cancel}. */
  handleAutonomousCancel(taskId: string, reason?: string): Promise<HandlerResult<AutonomousSession>>;
  /** As {@link UnifiedSessionManager.pause}. */
  handleAutonomousPause(taskId: string): Promise<HandlerResult<AutonomousSession>>;
  /** As {@link UnifiedSessionManager.resume}. */
  handleAutonomousResume(taskId: string): Promise<HandlerResult<AutonomousSession>>;
  /** As {@link UnifiedSessionManager.continue}. */
  handleAutonomousContinue(taskId: string, feedback: string): Promise<HandlerResult<AutonomousSession>>;
  /** As {@link UnifiedSessionManager.steer}: answers when the agent was given the message. */
  handleAutonomousSteer(taskId: string, message: string): Promise<HandlerResult<AutonomousSession>>;
  /** As {@link UnifiedSessionManager.approve}. */
  handleAutonomousApprove(taskId: string, requestId: string, note?: string): Promise<HandlerResult<AutonomousSession>>;
  /** As {@link UnifiedSessionManager.deny}. */
  handleAutonomousDeny(taskId: string, requestId: string, reason?: string): Promise<HandlerResult<AutonomousSession>>;
  /** As {@link UnifiedSessionManager.queueStatus}. */
  handleAutonomousQueue(): Promise<HandlerResult<QueueStatus>>;
}

/**
 * Handlers on a manager, to be called from the routes of an existing server. `createAutonomousApp` has routes, checks and
 * events as well.
 *
 * @example
 * ```ts
 * export const { handleAutonomousList, handleAutonomousGet, handleAutonomousLogs } = createAutonomousHandlers(manager);
 * ```
 */
export function createAutonomousHandlers(manager: UnifiedSessionManager): AutonomousHandlers {
  const monitors = new Map<string, () => void>();

  const find = (taskId: string): UnifiedSession | undefined => manager.get(taskId) ?? manager.list({ taskId }).at(-1);
  const requireSession = (taskId: string): UnifiedSession => {
    requireId('taskId', taskId);
    const session = find(taskId);
    if (session) return session;
    throw new OrchestrationError('SESSION_NOT_FOUND', 'Session not found');
  };
  /** Does something to a session and answers it as it is afterwards. */
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
    handleAutonomousList: () => answered(() => manager.list().reverse().map(sessionView)),
    handleAutonomousGet: (taskId) => answered(() => sessionDetails(requireSession(taskId))),
    handleAutonomousLogs: (limit = 50) =>
      answered(() => {
        requireArgument('limit', limit, Number.isSafeInteger(limit) && limit > 0, 'a whole number from 1 on');
        return logEntries(manager.list(), limit);
      }),
    handleAutonomousCreate: (options) =>
      answered(async () => {
        requireArgument('options', options, isObject(options), "an object with the options of 'create()'");
        return sessionView(await manager.create(options));
      }),
    handleAutonomousCancel: (taskId, reason) => changed(taskId, (id) => manager.cancel(id, reason)),
    handleAutonomousPause: (taskId) => changed(taskId, (id) => manager.pause(id)),
    handleAutonomousResume: (taskId) => changed(taskId, (id) => manager.resume(id)),
    handleAutonomousContinue: (taskId, feedback) => changed(taskId, (id) => manager.continue(id, feedback)),
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
    handleAutonomousQueue: () => answered(() => manager.queueStatus()),

    createAutonomousMonitor(taskId, onEvent) {
      requireArgument('onEvent', onEvent, typeof onEvent === 'function', 'a function');
      const problem = idProblem('taskId', taskId);
      if (problem !== undefined) {
        onEvent({ type: 'error', taskId: quote(taskId), message: problem });
        return () => {};
      }
      monitors.get(taskId)?.();
      if (!find(taskId)) onEvent({ type: 'error', taskId, message: 'Session not found' });
      const listener = (event: SessionEvent): void => {
        if (event.type === 'queue:changed') return;
        // Whom it means may change: the latest session that is called so.
        if (event.sessionId !== find(taskId)?.id) return;
        const told = monitorEvent(event);
        if (told) onEvent({ type: 'autonomous-event', taskId, event: told });
      };
      const cleanup = (): void => {
        manager.off('event', listener);
        if (monitors.get(taskId) === cleanup) monitors.delete(taskId);
      };
      manager.on('event', listener);
      monitors.set(taskId, cleanup);
      return cleanup;
    },
  };
}

async function answered<Data>(work: () => Data | Promise<Data>): Promise<HandlerResult<Data>> {
  try {
    return { success: true, data: await work() };
  } catch (error) {
    const code = error instanceof OrchestrationError ? { code: error.code } : {};
    return { success: false, error: messageOf(error), ...code };
  }
}

/** @throws OrchestrationError `INVALID_OPTIONS` */
function requireId(argument: string, value: unknown): void {
  const problem = idProblem(argument, value);
  if (problem !== undefined) throw new OrchestrationError('INVALID_OPTIONS', problem);
}

/** Why a value is no id, in words: without this check `undefined` would mean any session. */
function idProblem(argument: string, value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? undefined : argumentProblem(argument, value, 'a text, not empty');
}

/** @throws OrchestrationError `INVALID_OPTIONS` */
function requireArgument(argument: string, value: unknown, fits: boolean, needed: string): void {
  if (!fits) throw new OrchestrationError('INVALID_OPTIONS', argumentProblem(argument, value, needed));
}

function argumentProblem(argument: string, value: unknown, needed: string): string {
  return `Argument '${argument}': it has to be ${needed}. Received ${quote(value)}.`;
}

function isObject(value: unknown): boolean {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
