import { setMaxListeners } from 'node:events';
import { customAlphabet } from 'nanoid';
import type { Executor } from './contract/executor.js';
import { BaseExecutor } from './executors/base-executor.js';
import { builtInExecutors } from './executors/built-in.js';
import { SessionCreation } from './manager/create.js';
import { SessionInterventions } from './manager/interventions.js';
import { PartsRegistry } from './manager/live-sessions.js';
import type { RecoverOptions } from './manager/prepare.js';
import { type RecoveryReport, SessionRecovery } from './manager/recovery.js';
import { SessionScheduler } from './manager/scheduler.js';
import { StateOwner } from './manager/state-owner.js';
import { SessionSweep } from './manager/sweep.js';
import {
  type ResolvedManagerOptions,
  resolveFeedback,
  resolveManagerOptions,
  resolveMessage,
  resolveNote,
  type SessionManagerOptions,
} from './options/resolve.js';
import type { CreateSessionOptions } from './session/create-options.js';
import type { SessionEvent, SessionManagerEvents } from './session/events.js';
import type { QueueStatus } from './session/queue-status.js';
import type { UnifiedSession } from './session/record.js';
import { isActive, isTerminal } from './session/reducer.js';
import type { SessionMode } from './session/status.js';
import { SessionJournal } from './store/disk/session-journal.js';
import { type EventStreamOptions, eventStream } from './store/event-stream.js';
import type { SessionFilter } from './store/registry.js';
import { SessionStore } from './store/store.js';
import type { WaitOptions } from './store/waiters.js';
import { SYSTEM_CLOCK } from './util/clock.js';
import { within } from './util/deferred.js';
import { OrchestrationError, shown } from './util/errors.js';
import { IsolatedEmitter } from './util/isolated-emitter.js';
import { AbortSignals } from './util/shared-abort.js';
import { harmlessText } from './util/text.js';

/** Only what container names allow; 12 of 36 characters make a repeat unthinkable. */
const newId = customAlphabet('0123456789abcdefghijklmnopqrstuvwxyz', 12);

/** How long `close()` waits for sessions to end, and for the disk. */
const CLOSE_MS = 30_000;
/** How long it waits for processes that are just being started; what comes later finds itself let go of. */
const LAUNCH_MS = 2_000;

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
  readonly #executors: Record<SessionMode, Executor>;
  readonly #store: SessionStore;
  readonly #scheduler: SessionScheduler;
  readonly #interventions: SessionInterventions;
  readonly #owner: StateOwner;
  /** Events that the listeners have not been told of. */
  readonly #untold: SessionEvent[] = [];
  #closing: Promise<void> | undefined;
  readonly #closed = new AbortController();
  readonly #creation: SessionCreation;

  /** @throws OrchestrationError `INVALID_OPTIONS` */
  constructor(options: SessionManagerOptions = {}) {
    super();
    setMaxListeners(0, this.#closed.signal); // Each reader of events() listens for the end; they may be many.
    this.#options = resolveManagerOptions(options);
    requireExecutors(this.#options.executors);
    const { maxConcurrent, maxQueued, releaseSlotWhileWaiting, stateDir, executors } = this.#options;
    this.#executors = { ...builtInExecutors({ stateDir }), ...executors };
    const emit = (event: SessionEvent): void => this.#tell(event);
    const journal = new SessionJournal({
      defaults: this.#options,
      onError: (id, error) => this.#scheduler.fail(id, error),
    });
    this.#store = new SessionStore(Date.now, emit, journal);
    const parts = new PartsRegistry();
    this.#scheduler = new SessionScheduler({
      store: this.#store,
      parts,
      clock: SYSTEM_CLOCK,
      emit,
      maxConcurrent,
      maxQueued,
      releaseSlotWhileWaiting,
      executors: this.#executors,
      commands: {
        create: async (options, id) => this.get(id) ?? this.#creation.create(options, id),
        continue: (id, feedback, commandId) => this.#continue(id, feedback, commandId),
        cancel: (id, reason) => this.cancel(id, reason),
        waitFor: (id, options) => this.waitFor(id, options),
      },
    });
    this.#interventions = new SessionInterventions(this.#store, parts, this.#scheduler);
    const sweep = new SessionSweep({ stateDir, executors: this.#executors, registry: this.#store.registry });
    const recovery = new SessionRecovery({
      options: this.#options,
      executors: this.#executors,
      store: this.#store,
      parts,
      scheduler: this.#scheduler,
      sweep,
      now: Date.now,
    });
    this.#owner = new StateOwner({ stateDir, recovery, sweep });
    this.#creation = new SessionCreation({
      options: this.#options,
      executors: this.#executors,
      store: this.#store,
      parts,
      scheduler: this.#scheduler,
      owner: this.#owner,
      demandOpen: () => this.#demandOpen(),
      // Only a closed manager refuses.
      signals: new AbortSignals((id) => void this.cancel(id, 'aborted by its signal').catch(() => {})),
    });
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
    return this.#creation.create(options, newId());
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
   * @param reason stands in `result.error`, without control characters; at most 2,000 characters
   * @throws OrchestrationError `SESSION_NOT_FOUND`, `INVALID_OPTIONS`, `MANAGER_CLOSED`; `STATE_NOT_WRITABLE` where it has ended and the disk
   * did not take that down
   */
  async cancel(id: string, reason?: string): Promise<UnifiedSession> {
    const why = harmlessText(resolveNote('reason', reason) ?? 'cancelled by the user');
    if (!isTerminal(this.#store.registry.demand(id).status)) this.#demandOpen();
    return this.#scheduler.cancel(this.#store.registry.demand(id), why);
  }

  /**
   * Takes a conversation up again with feedback: same id, same worktree, a further run, through the queue like a new
   * session. A run that is under way is stopped first, and its slot kept. Claude remembers what it was told, but not a
   * tool call that was interrupted.
   *
   * @param feedback literal text, as `prompt` is. In an `interactive` session more than 120,000 bytes of it end the new run
   * as `failed`, reason `INVALID_OPTIONS`
   * @throws OrchestrationError `SESSION_NOT_FOUND`, `INVALID_OPTIONS`, `QUEUE_FULL`, `ILLEGAL_TRANSITION` for a session
   * that waits for a run, has spent its limits, or in which Claude never began a conversation; `ENV_MISSING`,
   * `STATE_NOT_WRITABLE`, `MANAGER_CLOSED`
   */
  continue(id: string, feedback: string): Promise<UnifiedSession> {
    return this.#continue(id, feedback);
  }

  async #continue(id: string, feedback: string, commandId?: string): Promise<UnifiedSession> {
    this.#demandOpen();
    return this.#scheduler.continue(this.#store.registry.demand(id), resolveFeedback(feedback), commandId);
  }

  /**
   * Freezes a running session's container (`docker pause`), in the middle of whatever it does; without Docker, the
   * `claude` process. Limits and the deadlines of approvals stand still meanwhile; time-outs inside the container, Bash's
   * for example, do not. One that is frozen already is answered as it is. `cancel` and `continue` work on it, too.
   *
   * @throws OrchestrationError `SESSION_NOT_FOUND`, `ILLEGAL_TRANSITION` where nothing runs that could be frozen, as in one
   * that waits for its provider's usage limit (`resumeAt`); `DOCKER_UNAVAILABLE`, `MANAGER_CLOSED`
   */
  async pause(id: string): Promise<UnifiedSession> {
    this.#demandOpen();
    return this.#interventions.pause(this.#store.registry.demand(id));
  }

  /**
   * Lets a frozen session go on; one that waits for its provider's usage limit (`resumeAt`) tries again at once, in a
   * further run. One that runs is answered as it is.
   *
   * @throws OrchestrationError `SESSION_NOT_FOUND`, `ILLEGAL_TRANSITION`, `DOCKER_UNAVAILABLE`, `MANAGER_CLOSED`
   */
  async resume(id: string): Promise<UnifiedSession> {
    this.#demandOpen();
    return this.#interventions.resume(this.#store.registry.demand(id));
  }

  /**
   * Says something to a running agent without stopping it. The agent hears it when its current tool call ends, or, if
   * it is about to stop, goes on with it; messages arrive once each, in the order of the calls. Resolves when the agent
   * was given the message (`session:steered` tells at the same time), which may take as long as its tool call.
   * `continue` reaches it at once, by stopping what it does, and also after its end.
   *
   * @param message at most 8,000 characters
   * @throws OrchestrationError `SESSION_NOT_FOUND`, `INVALID_OPTIONS`, `ILLEGAL_TRANSITION` where nothing runs or the run
   * ended before the agent heard it, `STATE_NOT_WRITABLE`, `MANAGER_CLOSED`
   */
  async steer(id: string, message: string): Promise<void> {
    this.#demandOpen();
    return this.#interventions.steer(this.#store.registry.demand(id), resolveMessage(message));
  }

  /**
   * Lets a tool call run that waits for a decision (`pendingApprovals`, `session:approval`).
   *
   * @param note kept with the event, at most 2,000 characters; the agent does not hear of it
   * @throws OrchestrationError `SESSION_NOT_FOUND`, `INVALID_OPTIONS` for a longer note, `REQUEST_NOT_FOUND` where the call
   * does not wait (any more), `ILLEGAL_TRANSITION` where nothing runs, `MANAGER_CLOSED`
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
   * makes it anew. A worktree that was there before the session is not touched.
   *
   * @param options.force also where something is not committed, or only its branch has its commits. Default `false`
   * @throws OrchestrationError `SESSION_NOT_FOUND`, `ILLEGAL_TRANSITION` where the session has not ended,
   * or another one works in the worktree; `WORKTREE_HAS_WORK`, `WORKTREE_FAILED`, `MANAGER_CLOSED`; `STATE_NOT_WRITABLE`
   * where it is removed and the disk did not take that down
   */
  async removeWorktree(id: string, { force = false }: { force?: boolean } = {}): Promise<UnifiedSession> {
    this.#demandOpen();
    return this.#interventions.removeWorktree(this.#store.registry.demand(id), force);
  }

  /**
   * Resolves with the record when the session reaches a status; by default any end, however it went.
   *
   * @throws OrchestrationError `SESSION_NOT_FOUND`, `ILLEGAL_TRANSITION` where it ends without reaching the status,
   * `MANAGER_CLOSED`; the own reason of `options.signal` where that is aborted
   */
  async waitFor(id: string, options: WaitOptions = {}): Promise<UnifiedSession> {
    const session = this.#store.registry.demand(id);
    if (this.#closed.signal.aborted && !isTerminal(session.status)) this.#demandOpen();
    return this.#store.waiters.wait(session, options);
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
    return this.#scheduler.status();
  }

  /**
   * Takes over what earlier managers of this `stateDir` have left, whether they were closed or killed: sessions that run
   * are watched again from where their runs began (`replayed` marks events that were told before), those that ended
   * meanwhile end with their true exit code, those that waited wait again in their order, and containers that belong to
   * no session are removed. To be called once, before `create()`; a further call finds nothing new, but may give
   * variables that were missing.
   *
   * @throws OrchestrationError `STATE_LOCKED` where another manager uses the folder, `STATE_NOT_WRITABLE`,
   * `DOCKER_UNAVAILABLE` where nobody can tell what became of a session; nothing has changed then. `MANAGER_CLOSED` also
   * where it is closed meanwhile: what it has taken over by then waits for the next manager
   */
  async recover(options: RecoverOptions = {}): Promise<RecoveryReport> {
    this.#demandOpen();
    return this.#owner.recover(options);
  }

  /**
   * Ends the manager. With `detach` (default) running sessions go on in their containers, unwatched, and those that wait
   * go on waiting: `recover()` of another manager takes them over. With `cancel` every session is cancelled first; what
   * cannot be ended within half a minute is left to go on. Later calls that would change something are refused with
   * `MANAGER_CLOSED`, and nothing of the manager keeps the process alive. A second call joins the first, whatever its
   * `sessions` says.
   */
  close({ sessions = 'detach' }: { sessions?: 'detach' | 'cancel' } = {}): Promise<void> {
    this.#closing ??= this.#close(sessions);
    return this.#closing;
  }

  /** Same as `close()`, for `await using`. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #answer(id: string, requestId: string, decision: 'allow' | 'deny', note: string | undefined): UnifiedSession {
    this.#demandOpen();
    return this.#interventions.answer(this.#store.registry.demand(id), requestId, decision, note);
  }

  async #close(sessions: 'detach' | 'cancel'): Promise<void> {
    const deadline = performance.now() + CLOSE_MS;
    const left = (): number => Math.max(1_000, deadline - performance.now());
    await this.#owner.settled(left());
    if (sessions === 'cancel') {
      const open = this.list().filter(({ status }) => !isTerminal(status));
      // Those that wait first, so that no slot that becomes free starts one.
      open.sort((a, b) => Number(isActive(a.status)) - Number(isActive(b.status)));
      const cancelled = open.map((session) => this.#scheduler.cancel(session, 'the manager was closed'));
      await within(Promise.allSettled(cancelled), left());
    }
    // What is just being launched is on record, or not launched: the next manager must not do it again.
    await within(this.#scheduler.close(), LAUNCH_MS);
    for (const executor of new Set(Object.values(this.#executors))) executor.close();
    await within(this.#store.journal.settled(), left());
    await this.#owner.release(); // Nobody else may begin before all is written.
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

  #demandOpen(): void {
    if (!this.#closing) return;
    throw new OrchestrationError('MANAGER_CLOSED', 'This manager was closed; create a new one.');
  }
}

/** @throws OrchestrationError `INVALID_OPTIONS` */
function requireExecutors(executors: Partial<Record<SessionMode, Executor>>): void {
  for (const [mode, executor] of Object.entries(executors)) {
    if (executor instanceof BaseExecutor) continue;
    throw new OrchestrationError(
      'INVALID_OPTIONS',
      `Option 'executors.${mode}': ${shown(executor)} is no executor. Give an instance of a class that extends BaseExecutor.`,
    );
  }
}
