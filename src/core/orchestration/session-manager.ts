import { setMaxListeners } from 'node:events';
import type { Executor } from './contract/executor.js';
import { BaseExecutor } from './executors/base-executor.js';
import { builtInExecutors } from './executors/built-in.js';
import type { RecoverOptions } from './manager/prepare.js';
import type { RecoveryReport } from './manager/recovery.js';
import { Sessions } from './manager/sessions.js';
import { resolveManagerOptions, resolveMessage, resolveNote, type SessionManagerOptions } from './options/resolve.js';
import type { CreateSessionOptions } from './session/create-options.js';
import type { SessionEvent, SessionManagerEvents } from './session/events.js';
import type { QueueStatus } from './session/queue-status.js';
import type { UnifiedSession } from './session/record.js';
import type { SessionMode } from './session/status.js';
import { EventDelivery } from './store/event-delivery.js';
import { type EventStreamOptions, eventStream } from './store/event-stream.js';
import type { SessionFilter } from './store/registry.js';
import type { WaitOptions } from './store/waiters.js';
import { OrchestrationError, quote } from './util/errors.js';
import { IsolatedEmitter } from './util/isolated-emitter.js';

/**
 * Runs many AI coding sessions in one process: queued, isolated, watched.
 *
 * Every session is a frozen record that changes in one way only: action → reducer → registry → listeners. A FIFO queue
 * decides when a session runs, the executor of its mode decides how.
 *
 * @example
 * ```ts
 * const manager = new UnifiedSessionManager();
 * manager.on('session:tool', ({ sessionId, tool }) => console.log(sessionId, tool.name, tool.input));
 * const { id } = await manager.create({ prompt: 'Fix the failing test', cwd: '/home/me/project' });
 * const { status, result } = await manager.waitFor(id);
 * ```
 */
export class UnifiedSessionManager extends IsolatedEmitter<SessionManagerEvents> {
  readonly #sessions: Sessions;
  #closing: Promise<void> | undefined;
  readonly #closed = new AbortController();

  /** @throws OrchestrationError `INVALID_OPTIONS` */
  constructor(options: SessionManagerOptions = {}) {
    super();
    setMaxListeners(0, this.#closed.signal); // Each reader of events() listens for the end; they may be many.
    const resolved = resolveManagerOptions(options);
    requireExecutors(resolved.executors);
    const executors = { ...builtInExecutors(resolved), ...resolved.executors };
    this.#sessions = new Sessions(resolved, executors, new EventDelivery(this));
  }

  /**
   * Takes a session in. Resolves when it is recorded, as `starting` or, with a `queuePosition`, as `queued`; it does
   * not wait for the container. Sessions get their places in the order of the calls.
   *
   * @throws OrchestrationError `INVALID_OPTIONS`, `QUEUE_FULL`, `CHILDREN_LIMIT`, `DOCKER_UNAVAILABLE`, `IMAGE_NOT_FOUND`,
   * `CLAUDE_NOT_FOUND`, `TMUX_NOT_FOUND`, `ONBOARDING_NEEDED`, `ENV_MISSING`, `ILLEGAL_TRANSITION` (its leader has ended),
   * `WORKSPACE_NOT_FOUND`, `WORKSPACE_NOT_WRITABLE`, `UNSAFE_MOUNT`, `WORKTREE_FAILED`, `STATE_LOCKED`, `STATE_NOT_WRITABLE`,
   * `MANAGER_CLOSED`; where `signal` is aborted before it resolves, the signal's own reason. Nothing is recorded or left
   * behind then
   */
  create(options: CreateSessionOptions): Promise<UnifiedSession> {
    return this.#sessions.create(options);
  }

  /** The record of a session as it is now; undefined for an unknown id. `waitFor` waits for a change. */
  get(id: string): UnifiedSession | undefined {
    return this.#sessions.store.registry.get(id);
  }

  /** The matching records, oldest first; all of them without a filter. */
  list(filter?: SessionFilter): UnifiedSession[] {
    return this.#sessions.store.registry.list(filter);
  }

  /**
   * Ends a session for good. Resolves when its container is proved gone and its slot is free. A session that waits never
   * starts. For a session that has ended its record is returned as it is; a second call joins the first. `close` ends all sessions.
   *
   * @param reason stands in `result.error`, without control characters; at most 2,000 characters
   * @throws OrchestrationError `SESSION_NOT_FOUND`, `INVALID_OPTIONS`, `MANAGER_CLOSED`; `STATE_NOT_WRITABLE` if the session has ended and
   * the end could not be written to the disk
   */
  async cancel(id: string, reason?: string): Promise<UnifiedSession> {
    return this.#sessions.cancel(id, reason);
  }

  /**
   * Continues a conversation with feedback: same id, same worktree, a further run, which goes through the queue like a new
   * session. A run that is under way is stopped first, and the session keeps its slot. Claude remembers what it was told, but not a
   * tool call that was interrupted.
   *
   * @param feedback literal text, as `prompt` is. In an `interactive` session more than 120,000 bytes of it end the new run
   * as `failed`, reason `INVALID_OPTIONS`
   * @throws OrchestrationError `SESSION_NOT_FOUND`, `INVALID_OPTIONS`, `QUEUE_FULL`, `ILLEGAL_TRANSITION` for a session
   * that waits for a run, has spent its limits, or in which Claude never began a conversation; `ENV_MISSING`,
   * `STATE_NOT_WRITABLE`, `MANAGER_CLOSED`
   */
  async continue(id: string, feedback: string): Promise<UnifiedSession> {
    return this.#sessions.continue(id, feedback);
  }

  /**
   * Freezes a running session's container (`docker pause`), in the middle of whatever it does; without Docker, the
   * `claude` process. While it is frozen, limits and the deadlines of approvals stand still; time-outs inside the container, Bash's
   * for example, do not. For a session that is frozen already its record is returned as it is. `cancel` and `continue` work on a frozen session.
   *
   * @throws OrchestrationError `SESSION_NOT_FOUND`, `ILLEGAL_TRANSITION` if nothing runs that could be frozen, as in a session
   * that waits for its provider's usage limit (`resumeAt`); `DOCKER_UNAVAILABLE`, `MANAGER_CLOSED`
   */
  async pause(id: string): Promise<UnifiedSession> {
    return this.#sessions.interventions.pause(this.#open(id));
  }

  /**
   * Lets a frozen session go on. A session that waits for its provider's usage limit (`resumeAt`) tries again at once, in a
   * further run. For a session that runs its record is returned as it is.
   *
   * @throws OrchestrationError `SESSION_NOT_FOUND`, `ILLEGAL_TRANSITION`, `DOCKER_UNAVAILABLE`, `MANAGER_CLOSED`
   */
  async resume(id: string): Promise<UnifiedSession> {
    return this.#sessions.interventions.resume(this.#open(id));
  }

  /**
   * Says something to a running agent without stopping it. The agent hears it when its current tool call ends, or, if
   * it is about to stop, goes on with it; messages arrive once each, in the order of the calls. Resolves when the agent
   * was given the message (`session:steered` tells at the same time), which may take as long as its tool call.
   * `continue` reaches it at once, by stopping what it does, and also after its end.
   *
   * @param message at most 8,000 characters
   * @throws OrchestrationError `SESSION_NOT_FOUND`, `INVALID_OPTIONS`, `ILLEGAL_TRANSITION` if nothing runs, or if the run
   * ended before the agent heard it, `STATE_NOT_WRITABLE`, `MANAGER_CLOSED`
   */
  async steer(id: string, message: string): Promise<void> {
    return this.#sessions.interventions.steer(this.#open(id), resolveMessage(message));
  }

  /**
   * Lets a tool call run that waits for a decision (`pendingApprovals`, `session:approval`).
   *
   * @param note kept with the event, at most 2,000 characters; the agent does not hear of it
   * @throws OrchestrationError `SESSION_NOT_FOUND`, `INVALID_OPTIONS` for a longer note, `REQUEST_NOT_FOUND` if the call
   * does not wait (any more), `ILLEGAL_TRANSITION` if nothing runs, `MANAGER_CLOSED`
   */
  async approve(id: string, requestId: string, note?: string): Promise<UnifiedSession> {
    return this.#answer(id, requestId, 'allow', resolveNote('note', note));
  }

  /**
   * Keeps a tool call from running that waits for a decision.
   *
   * @param reason what the agent is told, at most 2,000 characters
   * @throws OrchestrationError as `approve`
   */
  async deny(id: string, requestId: string, reason?: string): Promise<UnifiedSession> {
    return this.#answer(id, requestId, 'deny', resolveNote('reason', reason));
  }

  /**
   * Removes the git worktree that was made for a session which has ended; its branch stays, and a later `continue()`
   * makes it again. A worktree that was there before the session is not touched.
   *
   * @param options.force also where something is not committed, or only its branch has its commits. Default `false`
   * @throws OrchestrationError `SESSION_NOT_FOUND`, `ILLEGAL_TRANSITION` if the session has not ended,
   * or another one works in the worktree; `WORKTREE_HAS_WORK`, `WORKTREE_FAILED`, `MANAGER_CLOSED`; `STATE_NOT_WRITABLE`
   * if it was removed and that could not be written to the disk
   */
  async removeWorktree(id: string, { force = false }: { force?: boolean } = {}): Promise<UnifiedSession> {
    return this.#sessions.interventions.removeWorktree(this.#open(id), force);
  }

  /**
   * Resolves with the record when the session reaches a status; by default any end, however it went.
   *
   * @throws OrchestrationError `SESSION_NOT_FOUND`, `ILLEGAL_TRANSITION` if the session ends without reaching the status,
   * `MANAGER_CLOSED`; the reason of `options.signal` if that is aborted
   */
  async waitFor(id: string, options: WaitOptions = {}): Promise<UnifiedSession> {
    return this.#sessions.waitFor(id, options);
  }

  /**
   * All events from now on, or one session's, for `for await`. It listens from the call on, not from the first `next()`, so
   * that nothing between the two is missed. Leaving the loop ends it, and so does the manager's end, once all before that is
   * read.
   *
   * @throws OrchestrationError `EVENTS_OVERFLOW`, from `next()`, for a reader that is 10,000 events behind: it gets those
   * first, and none that came later
   */
  events(options: EventStreamOptions = {}): AsyncIterableIterator<SessionEvent> {
    const subscribe = (listener: (event: SessionEvent) => void): (() => void) => {
      this.on('event', listener);
      return () => this.off('event', listener);
    };
    return eventStream(subscribe, this.#closed.signal, options);
  }

  /** How many run and wait, and who is next. */
  queueStatus(): QueueStatus {
    return this.#sessions.runs.queue.status();
  }

  /**
   * Takes over what earlier managers of this `stateDir` have left, whether they were closed or killed: sessions that run
   * are watched again from where their runs began (`replayed` marks events that were told before), those that ended
   * meanwhile end with their true exit code, those that waited wait again in their order, and containers that belong to
   * no session are removed. To be called once, before `create()`; a further call finds nothing new, but may give
   * variables that were missing.
   *
   * @throws OrchestrationError `STATE_LOCKED` if another manager uses the folder, `STATE_NOT_WRITABLE`,
   * `DOCKER_UNAVAILABLE` if the engine does not answer and a session may be running; nothing has changed then. `MANAGER_CLOSED` also
   * if the manager is closed during the call: the sessions that it has taken over by then wait for the next manager
   */
  async recover(options: RecoverOptions = {}): Promise<RecoveryReport> {
    this.#sessions.gate.requireOpen();
    return this.#sessions.owner.recover(options);
  }

  /**
   * Ends the manager. With `detach` (default) running sessions go on in their containers, unwatched, and those that wait
   * go on waiting: `recover()` of another manager takes them over. With `cancel` every session is cancelled first; what
   * cannot be ended within half a minute is left to go on. Later calls that would change something are refused with
   * `MANAGER_CLOSED`, and nothing of the manager keeps the process alive. A second call joins the first, whatever its
   * `sessions` says.
   */
  close({ sessions = 'detach' }: { sessions?: 'detach' | 'cancel' } = {}): Promise<void> {
    this.#closing ??= this.#sessions.close(sessions).then(() => this.#closed.abort());
    return this.#closing;
  }

  /** Same as `close()`, for `await using`. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  /** A session to which something is to be done. @throws OrchestrationError `MANAGER_CLOSED`, `SESSION_NOT_FOUND` */
  #open(id: string): UnifiedSession {
    this.#sessions.gate.requireOpen();
    return this.#sessions.store.registry.require(id);
  }

  #answer(id: string, requestId: string, decision: 'allow' | 'deny', note: string | undefined): UnifiedSession {
    return this.#sessions.interventions.answer(this.#open(id), requestId, decision, note);
  }
}

/** @throws OrchestrationError `INVALID_OPTIONS` */
function requireExecutors(executors: Partial<Record<SessionMode, Executor>>): void {
  for (const [mode, executor] of Object.entries(executors)) {
    if (executor instanceof BaseExecutor) continue;
    throw new OrchestrationError(
      'INVALID_OPTIONS',
      `Option 'executors.${mode}': ${quote(executor)} is no executor. Give an instance of a class that extends BaseExecutor.`,
    );
  }
}
