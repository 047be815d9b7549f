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
export class UnifiedSessionManager extends IsolatedEmitter<SessionManagerEvents> {
  readonly #sessions: Sessions;
  #closing: Promise<void> | undefined;
  readonly #closed = new AbortController();

  /** @throws OrchestrationError `INVALID_OPTIONS` */
  constructor(options: SessionManagerOptions = {}) {
    super();
    setMaxListeners(0, this.#closed.signal); // Each reader of events() adds a listener, and there may be many readers.
    const resolved = resolveManagerOptions(options);
    requireExecutors(resolved.executors);
    const executors = { ...builtInExecutors(resolved), ...resolved.executors };
    this.#sessions = new Sessions(resolved, executors, new EventDelivery(this));
  }

  /**
   * Creates a session. Resolves when the session is recorded: as `starting`, or as `queued` with a `queuePosition`. Does not wait
   * for the container. Sessions get their places in the queue in the order of the calls.
   *
   * @throws OrchestrationError `INVALID_OPTIONS`, `QUEUE_FULL`, `CHILDREN_LIMIT`, `DOCKER_UNAVAILABLE`, `IMAGE_NOT_FOUND`,
   * `CLAUDE_NOT_FOUND`, `TMUX_NOT_FOUND`, `ONBOARDING_NEEDED`, `ENV_MISSING`, `ILLEGAL_TRANSITION` (its leader has ended),
   * `WORKSPACE_NOT_FOUND`, `WORKSPACE_NOT_WRITABLE`, `UNSAFE_MOUNT`, `WORKTREE_FAILED`, `STATE_LOCKED`, `STATE_NOT_WRITABLE`,
   * `MANAGER_CLOSED`; the signal's own reason if `signal` is aborted before `create()` resolves. In all these cases, nothing is
   * recorded or left behind
   */
  create(options: CreateSessionOptions): Promise<UnifiedSession> {
    return this.#sessions.create(options);
  }

  /** The record of a session as it is now. Undefined for an unknown id. `waitFor` waits for a change. */
  get(id: string): UnifiedSession | undefined {
    return this.#sessions.store.registry.get(id);
  }

  /** The matching records, oldest first. Without a filter, all records. */
  list(filter?: SessionFilter): UnifiedSession[] {
    return this.#sessions.store.registry.list(filter);
  }

  /**
   * Ends a session for good. Resolves when its container is proved gone and its slot is free. If the session waits for a slot, it
   * never starts. If the session has already ended, its record is returned unchanged. A second call joins the first. `close` can
   * end all sessions.
   *
   * @param reason the text for `result.error`, without control characters; at most 2,000 characters
   * @throws OrchestrationError `SESSION_NOT_FOUND`, `INVALID_OPTIONS`, `MANAGER_CLOSED`; `STATE_NOT_WRITABLE` if the session has
   * ended and the end could not be written to the disk
   */
  async cancel(id: string, reason?: string): Promise<UnifiedSession> {
    return this.#sessions.cancel(id, reason);
  }

  /**
   * Continues the conversation of a session with feedback. The session keeps its id and its worktree, and gets a further run. The
   * run goes through the queue like a new session. If a run is under way, that run is stopped first, and the session keeps its
   * slot. Claude remembers what it was told, but not a tool call that was interrupted.
   *
   * @param feedback literal text, like `prompt`. In an `interactive` session, feedback of more than 120,000 bytes ends the new
   * run as `failed`, reason `INVALID_OPTIONS`
   * @throws OrchestrationError `SESSION_NOT_FOUND`, `INVALID_OPTIONS`, `QUEUE_FULL`, `ILLEGAL_TRANSITION` for a session
   * that waits for a run, has spent its limits, or in which Claude never began a conversation; `ENV_MISSING`,
   * `STATE_NOT_WRITABLE`, `MANAGER_CLOSED`
   */
  async continue(id: string, feedback: string): Promise<UnifiedSession> {
    return this.#sessions.continue(id, feedback);
  }

  /**
   * Freezes the container of a running session (`docker pause`), in the middle of whatever it does. Without Docker, freezes the
   * `claude` process. While the session is frozen, limits and the deadlines of approvals stand still. Time-outs inside the
   * container, for example Bash's, do not. If the session is already frozen, its record is returned unchanged. `cancel` and
   * `continue` also work on a frozen session.
   *
   * @throws OrchestrationError `SESSION_NOT_FOUND`, `ILLEGAL_TRANSITION` if nothing runs that could be frozen, for example in a
   * session that waits for its provider's usage limit (`resumeAt`); `DOCKER_UNAVAILABLE`, `MANAGER_CLOSED`
   */
  async pause(id: string): Promise<UnifiedSession> {
    return this.#sessions.interventions.pause(this.#open(id));
  }

  /**
   * Lets a frozen session go on. If the session waits for its provider's usage limit (`resumeAt`), it tries again at once, in a
   * further run. If the session already runs, its record is returned unchanged.
   *
   * @throws OrchestrationError `SESSION_NOT_FOUND`, `ILLEGAL_TRANSITION`, `DOCKER_UNAVAILABLE`, `MANAGER_CLOSED`
   */
  async resume(id: string): Promise<UnifiedSession> {
    return this.#sessions.interventions.resume(this.#open(id));
  }

  /**
   * Sends a message to a running agent without stopping it. The agent gets the message when its current tool call ends. If the
   * agent is about to stop, it goes on with the message. Each message arrives once, in the order of the calls. Resolves when the
   * agent was given the message, which may take as long as its tool call. `session:steered` is emitted at the same time.
   * `continue`, in contrast, reaches the agent at once, because it stops the agent's work. It also works after the session's end.
   *
   * @param message at most 8,000 characters
   * @throws OrchestrationError `SESSION_NOT_FOUND`, `INVALID_OPTIONS`, `ILLEGAL_TRANSITION` if nothing runs, or if the run ended
   * before the agent got the message, `STATE_NOT_WRITABLE`, `MANAGER_CLOSED`
   */
  async steer(id: string, message: string): Promise<void> {
    return this.#sessions.interventions.steer(this.#open(id), resolveMessage(message));
  }

  /**
   * Allows a tool call that waits for a decision (`pendingApprovals`, `session:approval`).
   *
   * @param note kept with the event, at most 2,000 characters; the agent does not get it
   * @throws OrchestrationError `SESSION_NOT_FOUND`, `INVALID_OPTIONS` for a longer note, `REQUEST_NOT_FOUND` if the call
   * does not wait (any more), `ILLEGAL_TRANSITION` if nothing runs, `MANAGER_CLOSED`
   */
  async approve(id: string, requestId: string, note?: string): Promise<UnifiedSession> {
    return this.#answer(id, requestId, 'allow', resolveNote('note', note));
  }

  /**
   * Denies a tool call that waits for a decision. The call does not run.
   *
   * @param reason the text for the agent, at most 2,000 characters
   * @throws OrchestrationError as `approve`
   */
  async deny(id: string, requestId: string, reason?: string): Promise<UnifiedSession> {
    return this.#answer(id, requestId, 'deny', resolveNote('reason', reason));
  }

  /**
   * Removes the git worktree that was made for a session. The session must have ended. The branch of the worktree stays, and a
   * later `continue()` makes the worktree again. A worktree that was there before the session is not touched.
   *
   * @param options.force also removes the worktree if changes are not committed, or if only its branch has its commits. Default
   * `false`
   * @throws OrchestrationError `SESSION_NOT_FOUND`, `ILLEGAL_TRANSITION` if the session has not ended, or another session works
   * in the worktree; `WORKTREE_HAS_WORK`, `WORKTREE_FAILED`, `MANAGER_CLOSED`; `STATE_NOT_WRITABLE` if the worktree was removed
   * and this could not be written to the disk
   */
  async removeWorktree(id: string, { force = false }: { force?: boolean } = {}): Promise<UnifiedSession> {
    return this.#sessions.interventions.removeWorktree(this.#open(id), force);
  }

  /**
   * Resolves with the record when the session reaches a status. Default: when the session ends, however it went.
   *
   * @throws OrchestrationError `SESSION_NOT_FOUND`, `ILLEGAL_TRANSITION` if the session ends without reaching the status,
   * `MANAGER_CLOSED`; the reason of `options.signal` if that is aborted
   */
  async waitFor(id: string, options: WaitOptions = {}): Promise<UnifiedSession> {
    return this.#sessions.waitFor(id, options);
  }

  /**
   * All events from now on, or the events of one session, for `for await`. It listens from the call on, not only from the first
   * `next()`, so no event between the two is missed. The iteration ends when you leave the loop. It also ends when the manager
   * has ended and all earlier events are read.
   *
   * @throws OrchestrationError `EVENTS_OVERFLOW`, from `next()`, if a reader is 10,000 events behind. The reader gets these
   * events first, and no later events
   */
  events(options: EventStreamOptions = {}): AsyncIterableIterator<SessionEvent> {
    const subscribe = (listener: (event: SessionEvent) => void): (() => void) => {
      this.on('event', listener);
      return () => this.off('event', listener);
    };
    return eventStream(subscribe, this.#closed.signal, options);
  }

  /** How many sessions run and wait, and which session is next. */
  queueStatus(): QueueStatus {
    return this.#sessions.runs.queue.status();
  }

  /**
   * Takes over what earlier managers of this `stateDir` have left, whether they were closed or killed. Sessions that run are
   * observed again from the beginning of their runs; `replayed` marks events that may have been reported before. Sessions whose
   * runs have ended since then end with their true exit code. Sessions that waited wait again, in their order. Containers that
   * belong to no session are removed. Call this once, before `create()`. A further call finds nothing new, but may give variables
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
   * waiting. `recover()` of another manager takes them over. With `cancel`, every session is cancelled first. If a session cannot
   * be ended within half a minute, it goes on. Later calls that would change something are refused with `MANAGER_CLOSED`. Nothing
   * of the manager keeps the process alive. A second call joins the first, whatever its `sessions` says.
   */
  close({ sessions = 'detach' }: { sessions?: 'detach' | 'cancel' } = {}): Promise<void> {
    this.#closing ??= this.#sessions.close(sessions).then(() => this.#closed.abort());
    return this.#closing;
  }

  /** Same as `close()`, for `await using`. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  /** The session that a call acts on. @throws OrchestrationError `MANAGER_CLOSED`, `SESSION_NOT_FOUND` */
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
