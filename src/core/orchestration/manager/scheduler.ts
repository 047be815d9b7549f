import { Leadership, type LeadershipOptions } from '../family/leadership.js';
import type { SessionFamily } from '../family/session-family.js';
import { SessionSlots, type SessionSlotsOptions } from '../queue/session-slots.js';
import { LiveRecord } from '../run/live-record.js';
import type { RunOptions } from '../run/parts.js';
import { Run } from '../run/run.js';
import type { CreatedAction } from '../session/actions.js';
import type { CreateSessionOptions } from '../session/create-options.js';
import type { SessionEvent } from '../session/events.js';
import { NO_TOKENS, totalTokens } from '../session/observation.js';
import type { Outcome } from '../session/outcome.js';
import type { QueueStatus } from '../session/queue-status.js';
import type { UnifiedSession } from '../session/record.js';
import { hasOpenRun, isTerminal, reduceSession } from '../session/reducer.js';
import type { SessionStore } from '../store/store.js';
import type { Clock } from '../util/clock.js';
import { defined } from '../util/defined.js';
import { OrchestrationError } from '../util/errors.js';
import { demandContinuable } from './continuable.js';
import type { PartsRegistry } from './live-sessions.js';
import type { PreparedSession } from './prepare.js';
import { UsageLimits } from './usage-limit.js';

type SessionTies = Pick<CreateSessionOptions, 'taskId' | 'parentId'>;

/** What a session is told that goes on by itself. */
const GO_ON = 'Continue from where you left off.';

export interface SchedulerOptions
  extends Omit<SessionSlotsOptions, 'onStart' | 'onChange'>,
    Pick<LeadershipOptions, 'executors' | 'commands'> {
  store: SessionStore;
  parts: PartsRegistry;
  clock: Clock;
  emit: (event: SessionEvent) => void;
}

/** Brings the queue's decisions and the runs together: who starts, who ends, whose turn it is next. */
export class SessionScheduler {
  readonly #store: SessionStore;
  readonly #clock: Clock;
  readonly #emit: (event: SessionEvent) => void;
  readonly #queue: SessionSlots;
  readonly #leadership: Leadership;
  readonly #parts: PartsRegistry;
  readonly #usageLimits: UsageLimits;
  #closed = false;

  constructor({ store, parts, clock, emit, executors, commands, ...limits }: SchedulerOptions) {
    this.#store = store;
    this.#parts = parts;
    this.#clock = clock;
    this.#emit = emit;
    this.#usageLimits = new UsageLimits(() => clock.now());
    this.#leadership = new Leadership({
      registry: store.registry,
      executors,
      commands,
      specOf: (id) => parts.get(id)?.spec,
      runOf: (id) => parts.get(id)?.supervisor,
      cancel: (session, reason) => this.cancel(session, reason),
    });
    // One that is still being prepared has a slot, but no record yet: admit() starts it.
    this.#queue = new SessionSlots({
      ...limits,
      onStart: (id) => void (this.#parts.get(id) && this.#start(id)),
      onChange: (id) => this.#queueChanged(id),
    });
  }

  /** Takes a place for a session that is about to be prepared. @throws OrchestrationError `QUEUE_FULL` */
  reserve(id: string): void {
    this.#queue.enqueue(id);
  }

  /** Whether a session is in the queue, also before it is on record. */
  isReserved(id: string): boolean {
    return this.#queue.isRunning(id) || this.#queue.positionOf(id) !== undefined;
  }

  /** Gives the place back: the session cannot be prepared. */
  giveUp(id: string): void {
    this.#leaveQueue(id);
  }

  /**
   * Writes down a session whose place was reserved: from now on it survives this host.
   *
   * @throws OrchestrationError `STATE_NOT_WRITABLE`
   */
  async announce(prepared: PreparedSession, options: SessionTies): Promise<void> {
    const record = reduceSession(undefined, this.#creation(prepared, options));
    await this.#store.journal.begin(prepared.folder, prepared.spec, record);
  }

  /** Records it, and starts it where its place is a slot. */
  admit(prepared: PreparedSession, options: SessionTies): UnifiedSession {
    const { spec } = prepared;
    this.#parts.set(spec.id, { ...prepared });
    this.#store.dispatch(spec.id, this.#creation(prepared, options));
    this.#queueChanged(spec.id);
    const created = this.#store.registry.demand(spec.id);
    if (created.status === 'starting') this.#start(spec.id);
    return created;
  }

  /**
   * Takes a session of an earlier manager in, as its record stands. One that ran goes on in its slot; one that waited
   * does so again with `rejoin()`.
   */
  restore(prepared: PreparedSession, session: UnifiedSession): void {
    const { id, status, resumeAt } = session;
    const run = session.runs.at(-1);
    this.#parts.set(id, { ...prepared, ...(run?.feedback !== undefined && { feedback: run.feedback }) });
    this.#store.dispatch(id, { type: 'recovered', session });
    if (isTerminal(status) || status === 'queued') return;
    if (session.waitingFor === undefined || this.#queue.keepsSlot(session.waitingFor)) this.#queue.occupy(id);
    if (resumeAt !== undefined) this.#usageLimits.restore(id, resumeAt, () => this.#goOn(id, GO_ON));
    else this.#start(id, hasOpenRun(session) ? (prepared.underWay ?? {}) : undefined);
  }

  /** Who leads whom. */
  get family(): SessionFamily {
    return this.#leadership.family;
  }

  /** Puts a restored session at the end of the line; those in it start with `resume()`. */
  rejoin(id: string): void {
    this.#queue.rejoin(id);
  }

  /** Starts as many of those that wait as there are slots. */
  resume(): void {
    this.#queue.fill();
    const [first] = this.#queue.status().items;
    if (first) this.#queueChanged(first.id);
  }

  /** Ends a session for good; see `UnifiedSessionManager.cancel`. */
  async cancel(session: UnifiedSession, reason: string): Promise<UnifiedSession> {
    const { id } = session;
    if (isTerminal(session.status)) return session;
    const cancelled = await this.#cancel(session, reason);
    await this.#leadership.ended(cancelled);
    await this.#store.journal.saved(id);
    return cancelled;
  }

  async #cancel(session: UnifiedSession, reason: string): Promise<UnifiedSession> {
    const { id } = session;
    const { supervisor } = this.#parts.demand(id);
    if (supervisor) {
      supervisor.stop({ status: 'cancelled', reason: 'cancelled', error: reason });
      return this.#store.waiters.wait(session, {});
    }
    this.#usageLimits.forget(id);
    const cancelled = this.#store.dispatch(id, {
      type: 'ended',
      at: this.#clock.now(),
      status: 'cancelled',
      result: { reason: 'cancelled', error: reason },
    });
    this.#leaveQueue(id);
    return cancelled;
  }

  /** Ends the children that a host has left which was killed before it could. */
  endOrphans(): void {
    for (const session of this.#store.registry.list()) void this.#leadership.ended(session);
  }

  /** What a session needs on disk cannot be written: it must not run on unseen. */
  fail(id: string, { code, message }: OrchestrationError): void {
    const supervisor = this.#parts.get(id)?.supervisor;
    if (supervisor && !supervisor.stopping) supervisor.stop({ status: 'failed', reason: code, error: message });
  }

  /** Adds a run; see `UnifiedSessionManager.continue`. */
  async continue(session: UnifiedSession, feedback: string, commandId?: string): Promise<UnifiedSession> {
    const { id } = session;
    const parts = this.#parts.demand(id);
    demandContinuable(session, parts, parts.supervisor, this.family.spending(session));
    if (parts.supervisor) {
      const error = 'stopped to be continued with feedback';
      parts.supervisor.stop({ status: 'cancelled', reason: 'cancelled', error, feedback, ...defined({ commandId }) });
      await parts.supervisor.finished;
      if (this.#closed)
        throw new OrchestrationError('MANAGER_CLOSED', 'The manager was closed before the run could be continued.');
      await this.#store.journal.saved(id);
      const next = this.#store.registry.demand(id);
      if (!isTerminal(next.status)) return next;
      throw new OrchestrationError(
        'ILLEGAL_TRANSITION',
        `Session ${id} ended ('${next.status}', ${next.result?.reason}) before it could be continued.`,
      );
    }
    if (!isTerminal(session.status)) return this.#goOn(id, feedback, { commandId });
    const admission = this.#queue.enqueue(id);
    parts.feedback = feedback;
    const next = this.#store.dispatch(id, {
      type: 'continued',
      at: this.#clock.now(),
      feedback,
      ...defined({ commandId }),
      ...(admission.status === 'queued' && { queuePosition: admission.position }),
    });
    this.#queueChanged(id);
    if (admission.status === 'starting') this.#start(id);
    await this.#store.journal.saved(id);
    return next;
  }

  /** Does not wait for the usage limit any longer. */
  goOnNow(session: UnifiedSession): UnifiedSession {
    return this.#goOn(session.id, GO_ON);
  }

  status(): QueueStatus {
    return this.#queue.status();
  }

  /** Lets go of all runs; nothing starts any more. Resolves when no launch is under way. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#usageLimits.close();
    const runs = this.#parts.runs();
    await Promise.all(runs.map((run) => run.detach()));
  }

  get isClosed(): boolean {
    return this.#closed;
  }

  #creation({ spec, environment }: PreparedSession, { taskId, parentId }: SessionTies): CreatedAction {
    const queuePosition = this.#queue.positionOf(spec.id);
    return {
      type: 'created',
      at: this.#clock.now(),
      session: {
        id: spec.id,
        mode: spec.mode,
        environment,
        ...(taskId !== undefined && { taskId }),
        ...(parentId !== undefined && { parentId }),
        ...(queuePosition !== undefined && { queuePosition }),
      },
    };
  }

  /** @param adopt set where another host has launched the run that its record ends with */
  #start(id: string, adopt?: RunOptions['adopt']): void {
    if (this.#closed) return;
    const parts = this.#parts.demand(id);
    const session = this.#store.registry.demand(id);
    const last = session.runs.at(-1);
    const record = new LiveRecord(id, this.#store, this.#clock);
    record.onChange((changed, action) => {
      if (action.type === 'observed') this.#leadership.spentBy(changed);
    });
    const supervisor = new Run({
      executor: parts.executor,
      record,
      slot: this.#queue.slotOf(id),
      lead: this.#leadership.leadOf(id),
      adopt,
      missingEnv: parts.missingEnv,
      request: {
        spec: parts.spec,
        session,
        run: last && (adopt || last.launchedAt === undefined) ? last.number : session.runs.length + 1,
        folder: parts.folder,
        feedback: parts.feedback,
        conversationId: parts.feedback === undefined ? undefined : session.channelCoderSession,
      },
    });
    parts.supervisor = supervisor;
    void supervisor.finished.then((outcome) => void (outcome && this.#finish(id, outcome)));
  }

  #finish(id: string, { status, result, usageLimit, final }: Outcome): void {
    const parts = this.#parts.demand(id);
    const feedback = parts.supervisor?.continuing;
    delete parts.supervisor;
    const { exitCode } = result;
    const session = this.#store.registry.demand(id);
    const told = session.runs.at(-1)?.stop;
    if (feedback !== undefined && !final) {
      this.#goOn(id, feedback, { exitCode, commandId: told?.commandId });
      return;
    }
    // It may have been told to end after its run was over.
    const stop = usageLimit && told;
    if (usageLimit && !stop && session.channelCoderSession !== undefined) {
      this.#suspend(session, usageLimit.resetsAt, exitCode);
      return;
    }
    this.#usageLimits.settle(id);
    const ended = this.#store.dispatch(id, {
      type: 'ended',
      at: this.#clock.now(),
      status: stop?.status ?? status,
      result: stop ? { ...result, reason: stop.reason, error: stop.error } : result,
    });
    this.#leaveQueue(id);
    void this.#leadership.ended(ended);
  }

  /** Waits, in its slot, until the provider allows more. */
  #suspend({ id, metadata }: UnifiedSession, resetsAt: number | undefined, exitCode: number | undefined): void {
    const tokens = totalTokens(metadata.tokens ?? NO_TOKENS);
    const resumeAt = this.#usageLimits.wait(id, tokens, resetsAt, () => this.#goOn(id, GO_ON));
    const at = this.#clock.now();
    this.#store.dispatch(id, { type: 'suspended', at, resumeAt, ...(exitCode !== undefined && { exitCode }) });
  }

  /** Adds a run to a session that has not ended: it has kept its slot, unless it had given that back. */
  #goOn(
    id: string,
    feedback: string,
    known: { exitCode?: number | undefined; commandId?: string | undefined } = {},
  ): UnifiedSession {
    const parts = this.#parts.demand(id);
    this.#usageLimits.forget(id);
    parts.feedback = feedback;
    const admission = this.#queue.readmit(id);
    const at = this.#clock.now();
    const next = this.#store.dispatch(id, {
      type: 'continued',
      at,
      feedback,
      ...(admission.status === 'queued' && { queuePosition: admission.position }),
      ...defined(known),
    });
    if (admission.status === 'starting') this.#start(id);
    else this.#queueChanged(id);
    return next;
  }

  #leaveQueue(id: string): void {
    if (this.#queue.leave(id)) this.#queueChanged(id);
  }

  /** Brings the positions on record up to date and tells the listeners. */
  #queueChanged(cause: string): void {
    const queue = this.#queue.status();
    for (const { id, position } of queue.items) {
      const session = this.#store.registry.get(id);
      if (session?.status === 'queued' && session.queuePosition !== position) {
        this.#store.dispatch(id, { type: 'moved', queuePosition: position });
      }
    }
    this.#emit({ type: 'queue:changed', sessionId: cause, at: this.#clock.now(), queue });
  }
}
