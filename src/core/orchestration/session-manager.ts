import { setMaxListeners } from 'node:events';
import type { Executor } from './contract/executor.js';
import { BaseExecutor } from './executors/base-executor.js';
import { builtInExecutors } from './executors/built-in.js';
import { ManagedSessions } from './manager/managed-sessions.js';
import type { RecoverOptions } from './manager/prepare.js';
import type { RecoveryReport } from './manager/recovery.js';
import type { SessionManagerOptions } from './options/manager-options.js';
import { resolveManagerOptions } from './options/resolve.js';
import type { CreateSessionOptions } from './session/create-options.js';
import type { SessionEvent, SessionManagerEvents } from './session/events.js';
import type { TypedId } from './session/output-schema.js';
import type { QuestionAnswer } from './session/question.js';
import type { QueueStatus } from './session/queue-status.js';
import type { UnifiedSession } from './session/record.js';
import { RECORDS, type RecordsSource } from './session/records-source.js';
import type { ContinueOptions, EventStreamOptions, SessionFilter, Sessions, WaitOptions } from './session/sessions.js';
import type { SessionMode } from './session/status.js';
import { EventDelivery } from './store/event-delivery.js';
import { emittedEvents } from './store/event-stream.js';
import { OrchestrationError, quote } from './util/errors.js';
import { IsolatedEmitter } from './util/isolated-emitter.js';

/**
 * Runs many AI coding sessions in one process: queued, isolated, watched.
 *
 * Every session is a frozen record that changes in one way only: action → reducer → registry → listeners. A queue
 * decides when a session runs, and the executor of its mode decides how it runs.
 *
 * @example
 * ```ts
 * const manager = new UnifiedSessionManager();
 * manager.on('session:tool', ({ sessionId, tool }) => console.log(sessionId, tool.name, tool.input));
 * const { id } = await manager.create({ prompt: 'Fix the failing test', cwd: '/home/me/project' });
 * const { status, result } = await manager.waitFor(id);
 * ```
 */
export class UnifiedSessionManager extends IsolatedEmitter<SessionManagerEvents> implements Sessions {
  readonly #sessions: ManagedSessions;
  #closing: Promise<void> | undefined;
  readonly #closed = new AbortController();

  /** @throws OrchestrationError `INVALID_OPTIONS` */
  constructor(options: SessionManagerOptions = {}) {
    super();
    setMaxListeners(0, this.#closed.signal); // Each reader of events() adds a listener, and there may be many readers.
    const resolved = resolveManagerOptions(options);
    const { stateDir, channelCoder, login } = resolved;
    for (const executor of requireExecutors(resolved.executors)) {
      executor.attach({ stateDir, ...(channelCoder && { channelCoder }), ...(login !== undefined && { login }) });
    }
    const executors = { ...builtInExecutors(resolved), ...resolved.executors };
    this.#sessions = new ManagedSessions(resolved, executors, new EventDelivery(this));
  }

  create<T = unknown>(options: CreateSessionOptions<T>): Promise<UnifiedSession<T>> {
    return this.#sessions.create(options) as Promise<UnifiedSession<T>>;
  }

  get<T = unknown>(id: string | TypedId<T>): UnifiedSession<T> | undefined {
    return this.#sessions.store.registry.get(id) as UnifiedSession<T> | undefined;
  }

  list(filter?: SessionFilter): UnifiedSession[] {
    return this.#sessions.store.registry.list(filter);
  }

  /** @internal Who overrides `list()` decides which records are seen. */
  [RECORDS](): RecordsSource | undefined {
    return this.list === UnifiedSessionManager.prototype.list ? this.#sessions.store.registry : undefined;
  }

  async cancel(id: string, reason?: string): Promise<UnifiedSession> {
    return this.#sessions.cancel(id, reason);
  }

  async continue(id: string, feedback: string, options?: ContinueOptions): Promise<UnifiedSession> {
    return this.#sessions.continue(id, feedback, options);
  }

  async pause(id: string): Promise<UnifiedSession> {
    return this.#sessions.pause(id);
  }

  async resume(id: string): Promise<UnifiedSession> {
    return this.#sessions.resume(id);
  }

  async steer(id: string, message: string): Promise<void> {
    return this.#sessions.steer(id, message);
  }

  async approve(id: string, requestId: string, note?: string): Promise<UnifiedSession> {
    return this.#sessions.approve(id, requestId, note);
  }

  async deny(id: string, requestId: string, reason?: string): Promise<UnifiedSession> {
    return this.#sessions.deny(id, requestId, reason);
  }

  async answer(id: string, questionId: string, answers: readonly QuestionAnswer[]): Promise<UnifiedSession> {
    return this.#sessions.answer(id, questionId, answers);
  }

  async removeWorktree(id: string, options?: { force?: boolean }): Promise<UnifiedSession> {
    return this.#sessions.removeWorktree(id, options);
  }

  async remove(id: string, options?: { force?: boolean }): Promise<UnifiedSession> {
    return this.#sessions.remove(id, options);
  }

  async waitFor<T = unknown>(id: string | TypedId<T>, options: WaitOptions = {}): Promise<UnifiedSession<T>> {
    return (await this.#sessions.waitFor(id, options)) as UnifiedSession<T>;
  }

  events(options: EventStreamOptions = {}): AsyncIterableIterator<SessionEvent> {
    return emittedEvents(this, this.#closed.signal, options);
  }

  queueStatus(): QueueStatus {
    return this.#sessions.runs.queue.status();
  }

  async holdQueue(reason?: string): Promise<QueueStatus> {
    return this.#sessions.holdQueue(reason);
  }

  async releaseQueue(account?: string): Promise<QueueStatus> {
    return this.#sessions.releaseQueue(account);
  }

  /**
   * Takes over what earlier managers of this `stateDir` have left, whether they were closed or killed. Sessions that run are
   * observed again from the beginning of their runs; `replayed` marks events that may have been reported before. Sessions whose
   * runs have ended since then end with their true exit code. Sessions that waited wait again, in their order. Containers that
   * belong to no session are removed. Ended sessions that had left the memory of the earlier manager (see `get`) are there again, but
   * no event tells of them. The event loop is not blocked, however many sessions there are. Call this once, before `create()`. A further call finds nothing new, but may give variables
   * that were missing.
   *
   * @throws OrchestrationError `STATE_LOCKED` if another manager uses the folder, `STATE_NOT_WRITABLE`, `DOCKER_UNAVAILABLE` if
   * the engine does not answer and a session may be running. In these cases, nothing has changed. `MANAGER_CLOSED` also if the
   * manager is closed during the call. Then the sessions that it has already taken over wait for the next manager
   */
  async recover(options: RecoverOptions = {}): Promise<RecoveryReport> {
    this.#sessions.gate.requireOpen();
    return this.#sessions.owner.recover(options);
  }

  /**
   * Ends the manager. With `detach` (default), running sessions go on in their containers, unobserved, and waiting sessions go on
   * waiting. `recover()` of another manager takes them over. Launches that are under way are awaited: afterwards their sessions
   * run or have failed, and the record on disk says so. The containers of sessions that have ended are gone by then, too. With
   * `cancel`, every session is cancelled first. If a session cannot be launched or ended within half a minute, it is left as it is.
   * Later calls that would change something are refused with `MANAGER_CLOSED`. Nothing of the manager keeps the process alive. A
   * second call joins the first, whatever its `sessions` says.
   */
  close({ sessions = 'detach' }: { sessions?: 'detach' | 'cancel' } = {}): Promise<void> {
    this.#closing ??= this.#sessions.close(sessions).then(() => this.#closed.abort());
    return this.#closing;
  }

  /** Same as `close()`, for `await using`. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}

/** @throws OrchestrationError `INVALID_OPTIONS` */
function requireExecutors(executors: Partial<Record<SessionMode, Executor>>): BaseExecutor[] {
  return Object.entries(executors).map(([mode, executor]) => {
    if (executor instanceof BaseExecutor) return executor;
    throw new OrchestrationError(
      'INVALID_OPTIONS',
      `Option 'executors.${mode}': ${quote(executor)} is no executor. Give an instance of a class that extends BaseExecutor.`,
    );
  });
}
