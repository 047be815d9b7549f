import { customAlphabet } from 'nanoid';
import { deferred } from './deferred.js';
import { OrchestrationError } from './errors.js';
import { type EventStreamOptions, eventStream } from './event-stream.js';
import { AutonomousExecutor } from './executors/autonomous.js';
import type { BaseExecutor } from './executors/base-executor.js';
import { IsolatedEmitter } from './isolated-emitter.js';
import type { QueueStatus } from './queue/simple-queue.js';
import {
  type ResolvedManagerOptions,
  resolveCreateOptions,
  resolveFeedback,
  resolveManagerOptions,
  type SessionManagerOptions,
} from './resolve-options.js';
import type { SessionEvent, SessionManagerEvents } from './session-events.js';
import { prepareSession } from './session-intake.js';
import { isActive, isTerminal } from './session-lifecycle.js';
import type { SessionFilter } from './session-registry.js';
import { SessionScheduler } from './session-scheduler.js';
import { SessionStore } from './session-store.js';
import type { WaitOptions } from './session-waiters.js';
import type { CreateSessionOptions, SessionMode, UnifiedSession } from './types.js';

/** Only what container names allow; 12 of 36 characters make a repeat unthinkable. */
const newId = customAlphabet('0123456789abcdefghijklmnopqrstuvwxyz', 12);

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
  readonly #options: ResolvedManagerOptions;
  readonly #executors: Partial<Record<SessionMode, BaseExecutor>>;
  readonly #store: SessionStore;
  readonly #scheduler: SessionScheduler;
  /** Events that the listeners have not been told of. */
  readonly #untold: SessionEvent[] = [];
  #closing: Promise<void> | undefined;
  readonly #closed = new AbortController();
  /** The latest `create()`: sessions enter the record in the order of the calls. */
  #lastCreate: Promise<void> = Promise.resolve();

  /** @throws OrchestrationError `INVALID_OPTIONS` */
  constructor(options: SessionManagerOptions = {}) {
    super();
    this.#options = resolveManagerOptions(options);
    const { maxConcurrent, maxQueued, stateDir, executors } = this.#options;
    this.#executors = { autonomous: new AutonomousExecutor({ stateDir }), ...executors };
    const emit = (event: SessionEvent): void => this.#tell(event);
    this.#store = new SessionStore(Date.now, emit);
    this.#scheduler = new SessionScheduler({ store: this.#store, now: Date.now, emit, maxConcurrent, maxQueued });
  }

  /**
   * Takes a session in. Resolves when it is recorded, as `starting` or, with a `queuePosition`, as `queued`; it does
   * not wait for the container. Sessions get their places in the order of the calls.
   *
   * @throws OrchestrationError `INVALID_OPTIONS`, `QUEUE_FULL`, `DOCKER_UNAVAILABLE`, `IMAGE_NOT_FOUND`,
   * `CLAUDE_NOT_FOUND`, `WORKSPACE_NOT_FOUND`, `WORKSPACE_NOT_WRITABLE`, `UNSAFE_MOUNT`, `WORKTREE_FAILED`,
   * `STATE_NOT_WRITABLE`, `MANAGER_CLOSED`; nothing is recorded or left behind
   */
  async create(options: CreateSessionOptions): Promise<UnifiedSession> {
    this.#demandOpen();
    const spec = resolveCreateOptions(newId(), options, this.#options.docker);
    const executor = this.#executorOf(spec.mode);
    const { signal } = options;
    signal?.throwIfAborted();
    this.#scheduler.reserve(spec.id);

    const earlier = this.#lastCreate;
    const done = deferred<void>();
    this.#lastCreate = done.promise;
    try {
      const prepared = await prepareSession(spec, executor, this.#options.stateDir, signal);
      await earlier;
      if (signal?.aborted || this.#closing) await prepared.folder.remove();
      signal?.throwIfAborted();
      this.#demandOpen();
      const session = this.#scheduler.admit(prepared, options);
      if (signal) this.#cancelOnAbort(session, signal);
      return session;
    } catch (error) {
      this.#scheduler.giveUp(spec.id);
      throw error;
    } finally {
      void earlier.then(done.resolve);
    }
  }

  /** The record of a session as it is now; undefined for an unknown id. `waitFor` waits for a change. */
  get(id: string): UnifiedSession | undefined {
    return this.#store.registry.get(id);
  }

  /** The matching records, oldest first; all of them without a filter. */
  list(filter?: SessionFilter): UnifiedSession[] {
    return this.#store.registry.list(filter);
  }

  /**
   * Ends a session for good. Resolves when its container is proved gone and its slot is free; one that waits never
   * starts. A session that has ended is answered as it is, and a second call joins the first. `close` ends them all.
   *
   * @param reason stands in `result.error`
   * @throws OrchestrationError `SESSION_NOT_FOUND`, `MANAGER_CLOSED`
   */
  async cancel(id: string, reason = 'cancelled by the user'): Promise<UnifiedSession> {
    if (!isTerminal(this.#store.registry.demand(id).status)) this.#demandOpen();
    return this.#scheduler.cancel(this.#store.registry.demand(id), reason);
  }

  /**
   * Takes a conversation up again with feedback: same id, same worktree, a further run, through the queue like a new
   * session. A run that is under way is stopped first, and its slot kept. Claude remembers what it was told, but not a
   * tool call that was interrupted.
   *
   * @throws OrchestrationError `SESSION_NOT_FOUND`, `INVALID_OPTIONS`, `QUEUE_FULL`, `ILLEGAL_TRANSITION` for a session
   * that waits for a run, or in which Claude never began a conversation
   */
  async continue(id: string, feedback: string): Promise<UnifiedSession> {
    this.#demandOpen();
    return this.#scheduler.continue(this.#store.registry.demand(id), resolveFeedback(feedback));
  }

  /**
   * Resolves with the record when the session reaches a status; by default any end, however it went.
   *
   * @throws OrchestrationError `SESSION_NOT_FOUND`, `ILLEGAL_TRANSITION` where it ends without reaching the status,
   * `MANAGER_CLOSED`
   */
  async waitFor(id: string, options: WaitOptions = {}): Promise<UnifiedSession> {
    const session = this.#store.registry.demand(id);
    if (this.#closed.signal.aborted && !isTerminal(session.status)) this.#demandOpen();
    return this.#store.waiters.wait(session, options);
  }

  /** All events from now on, or one session's, for `for await`. Ends when the manager closes. */
  events(options: EventStreamOptions = {}): AsyncIterableIterator<SessionEvent> {
    const subscribe = (listener: (event: SessionEvent) => void): (() => void) => {
      this.on('event', listener);
      return () => this.off('event', listener);
    };
    return eventStream(subscribe, this.#closed.signal, options);
  }

  /** How many run and wait, and who is next. */
  queueStatus(): QueueStatus {
    return this.#scheduler.status();
  }

  /**
   * Ends the manager. With `detach` (default) running sessions go on in their containers, unwatched; with `cancel`
   * every session is cancelled first. Those that wait never start. Later calls that would change something are refused
   * with `MANAGER_CLOSED`, and nothing of the manager keeps the process alive.
   */
  close({ sessions = 'detach' }: { sessions?: 'detach' | 'cancel' } = {}): Promise<void> {
    this.#closing ??= this.#close(sessions);
    return this.#closing;
  }

  /** Same as `close()`, for `await using`. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #close(sessions: 'detach' | 'cancel'): Promise<void> {
    if (sessions === 'cancel') {
      const open = this.list().filter(({ status }) => !isTerminal(status));
      // Those that wait first, so that no slot that becomes free starts one.
      open.sort((a, b) => Number(isActive(a.status)) - Number(isActive(b.status)));
      await Promise.all(open.map((session) => this.#scheduler.cancel(session, 'the manager was closed')));
    }
    this.#scheduler.close();
    for (const executor of Object.values(this.#executors)) executor.close();
    this.#store.waiters.rejectAll(
      new OrchestrationError('MANAGER_CLOSED', 'The manager was closed while this was awaited.'),
    );
    this.#closed.abort();
  }

  /**
   * Listeners are told in a microtask of their own: they always see a change that is complete, in order, whatever they
   * call from inside an event, and before anybody who awaits that change goes on.
   */
  #tell(event: SessionEvent): void {
    if (this.#untold.push(event) > 1) return;
    queueMicrotask(() => {
      for (const told of this.#untold) {
        // One implementation for a union of event types: TypeScript cannot relate name and payload here.
        (this.emit as (name: string, event: SessionEvent) => boolean).call(this, told.type, told);
        this.emit('event', told);
      }
      this.#untold.length = 0;
    });
  }

  #cancelOnAbort({ id }: UnifiedSession, signal: AbortSignal): void {
    const abort = (): void => void this.cancel(id, 'aborted by its signal').catch(() => {}); // Only a closed manager refuses.
    signal.addEventListener('abort', abort, { once: true });
    if (signal.aborted) abort();
    const forget = (): void => signal.removeEventListener('abort', abort);
    this.waitFor(id).then(forget, forget);
  }

  #executorOf(mode: SessionMode): BaseExecutor {
    const executor = this.#executors[mode];
    if (executor) return executor;
    const known = Object.keys(this.#executors).join(', ');
    throw new OrchestrationError(
      'INVALID_OPTIONS',
      `Option 'mode': there is no executor for '${mode}', only for ${known}. Give one in the manager's 'executors'.`,
    );
  }

  #demandOpen(): void {
    if (!this.#closing) return;
    throw new OrchestrationError('MANAGER_CLOSED', 'This manager was closed; create a new one.');
  }
}
