import { LeaderEffects } from '../family/leader-effects.js';
import type { SessionCommands } from '../family/led-sessions.js';
import type { SessionTree } from '../family/session-tree.js';
import { CommittedRules } from '../git/ignored/committed-rules.js';
import { accountOf } from '../options/account.js';
import type { SessionSlotsOptions } from '../queue/session-slots.js';
import { LiveRecord } from '../run/live-record.js';
import { Run } from '../run/run.js';
import type { ModelPrices } from '../session/model-price.js';
import type { ToolPolicy } from '../session/policy.js';
import type { UnifiedSession } from '../session/record.js';
import type { SessionRun } from '../session/run.js';
import { isTerminal, STATUSES } from '../session/status.js';
import { hasOpenRun } from '../session/transitions.js';
import type { SessionStore } from '../store/store.js';
import type { Clock } from '../util/clock.js';
import { OrchestrationError } from '../util/errors.js';
import { newAccount, requireContinuable } from './continuable.js';
import type { LiveSessions, PreparedSession } from './live-sessions.js';
import { closedBefore, type PendingContinue, PendingContinues } from './pending-continues.js';
import { RunEnds } from './run-ends.js';
import { SessionQueue } from './session-queue.js';

/** What is known of a further run besides its feedback. */
type FurtherRun = Pick<SessionRun, 'fresh' | 'commandId'>;

/** The statuses of a session that has no run to be launched. */
const LAUNCHED = STATUSES.filter((status) => status !== 'starting');

export interface SessionRunsOptions
  extends Omit<SessionSlotsOptions, 'onStart' | 'onChange' | 'mayStart' | 'priorityOf'> {
  stateDir: string;
  store: SessionStore;
  live: LiveSessions;
  clock: Clock;
  /** What agents can do to the sessions that they lead. */
  commands: SessionCommands;
  /** The user's own prices of models. */
  prices: ModelPrices;
}

/**
 * The runs of all sessions. A run begins when the queue gives its session a slot. When the run ends, the session ends, or its
 * next run begins.
 */
export class SessionRuns {
  readonly queue: SessionQueue;
  readonly pending: PendingContinues;
  readonly #store: SessionStore;
  readonly #live: LiveSessions;
  readonly #clock: Clock;
  readonly #prices: ModelPrices;
  readonly #effects: LeaderEffects;
  readonly #ends: RunEnds;
  readonly #committedRules = new CommittedRules();
  #keepsWaiting = false;
  #closed = false;

  constructor({ store, live, clock, commands, prices, ...limits }: SessionRunsOptions) {
    this.#store = store;
    this.#live = live;
    this.#clock = clock;
    this.#prices = prices;
    this.pending = new PendingContinues(clock);
    this.#effects = new LeaderEffects({ registry: store.registry, live, commands, ender: this });
    // A session that is still being prepared has a slot, but is not live yet: its admission starts it.
    const onStart = (id: string): void => {
      if (live.get(id) && !this.#keepsWaiting) this.start(id);
    };
    const onDependencyFailed = (id: string, error: string): void =>
      void this.#effects.ended(this.#endWaiting(id, 'failed', 'dependency_failed', error));
    this.queue = new SessionQueue({ ...limits, store, clock, onStart, onDependencyFailed });
    this.#ends = new RunEnds({
      store,
      live,
      clock,
      queue: this.queue,
      holds: this.queue.holds,
      effects: this.#effects,
      start: (id) => this.start(id),
    });
    const leave = (id: string): void => this.queue.holds.leave(id);
    store.follow({ onAction: ({ id }, { type }) => void (type === 'removed' && leave(id)), onDropped: leave });
    store.journal.onFailure((id, error) => this.#fail(id, error));
  }

  /** Which session leads which. */
  get tree(): SessionTree {
    return this.#effects.tree;
  }

  get isClosed(): boolean {
    return this.#closed;
  }

  /**
   * Begins a run of a session that has a slot.
   *
   * @param adopt set if an earlier process has launched the last run of the record
   */
  start(id: string, adopt?: Pick<ToolPolicy, 'onHostLost'>): void {
    if (this.#closed) return;
    const live = this.#live.require(id);
    const session = this.#store.registry.require(id);
    const last = session.runs.at(-1);
    const record = new LiveRecord(id, this.#store, this.#clock);
    record.onChange((changed, action) => {
      if (action.type !== 'observed') return;
      this.#effects.spentBy(changed);
      const account = this.queue.holds.accountOf(id);
      if (account !== undefined) this.queue.usage.observe(account, action.observations, action.at);
    });
    const run: Run = new Run({
      executor: live.executor,
      record,
      slot: this.queue.slotOf(id),
      lead: this.#effects.leadOf(id),
      isLast: (outcome) => this.#ends.isLast(id, run, outcome),
      committedRules: this.#committedRules,
      prices: this.#prices,
      adopt,
      missingEnv: live.missingEnv,
      acceptsOutput: live.acceptsOutput,
      request: {
        spec: live.spec,
        session,
        run: last && (adopt || last.launchedAt === undefined) ? last.number : session.runs.length + 1,
        folder: live.folder,
        feedback: live.feedback,
        conversationId: live.feedback === undefined ? undefined : session.conversationId,
      },
    });
    live.run = run;
    void run.finished.then((outcome) => void (outcome && this.#ends.finish(id, run, outcome)));
  }

  /**
   * Takes over a session of an earlier manager, in the state of its record. If the session ran, its run goes on in its slot. If
   * the session waited, it waits again after `queue.readmitWaiting()`.
   */
  restore(prepared: PreparedSession, session: UnifiedSession): void {
    const { id, status, resumeAt } = session;
    const live = this.#live.add(prepared, session.runs.at(-1)?.feedback);
    // A run that is under way keeps the login that it was launched with.
    const { account = accountOf(prepared.spec) } = hasOpenRun(session)
      ? session
      : { ...session, ...newAccount(session, live) };
    this.queue.holds.enter(id, account, prepared.spec.onOverage);
    const isElsewhere = isTerminal(status) || hasOpenRun(session) || resumeAt !== undefined;
    // It had a slot, and nothing of it runs. While nothing may start, it waits in line, before those that waited.
    const waits = status === 'starting' && !isElsewhere && (this.queue.isHeld || !this.queue.holds.mayStart(id));
    const known = { ...session, account, ...(waits && { status: 'queued' as const }) };
    this.#store.dispatch(id, { type: 'recovered', session: Object.freeze(known) });
    if (waits) {
      this.queue.await(id);
      return;
    }
    if (isTerminal(status) || status === 'queued') return;
    // A session that waits until a time has no slot.
    if (resumeAt !== undefined) {
      this.#ends.restoreWait(id, resumeAt);
      return;
    }
    if (session.waitingFor === undefined || this.queue.keepsSlot(session.waitingFor)) this.queue.occupy(id);
    this.start(id, hasOpenRun(session) ? (prepared.adoptedPolicy ?? {}) : undefined);
  }

  /** Ends the children of sessions that ended in an earlier process, if that process was killed before it could end them. */
  endOrphans(): void {
    const { registry } = this.#store;
    const parents = new Set([...registry.open()].flatMap(({ parentId }) => parentId ?? []));
    for (const id of parents) {
      const parent = registry.outline(id);
      if (parent) void this.#effects.ended(parent);
    }
  }

  /** Ends a session for good; see `UnifiedSessionManager.cancel`. */
  async cancel(session: UnifiedSession, reason: string): Promise<UnifiedSession> {
    const { id } = session;
    this.pending.cancel(id);
    if (isTerminal(session.status)) {
      await this.removed(id);
      return session;
    }
    const cancelled = await this.#cancel(id, reason);
    await this.#effects.ended(cancelled);
    await Promise.all([cancelled, ...this.tree.outlinesBelow(id)].map((one) => this.removed(one.id)));
    await this.#store.journal.saved(id);
    return cancelled;
  }

  /** Resolves when nothing is left of a session that has ended, and its slot is free. Without an id: see `RunEnds.allRemoved`. */
  removed(id?: string): Promise<void> {
    return id === undefined ? this.#ends.allRemoved() : this.#ends.removed(id);
  }

  /** Adds a run; see `UnifiedSessionManager.continue`. */
  async continue(id: string, call: PendingContinue, feedback: string, how: FurtherRun = {}): Promise<UnifiedSession> {
    call.requireWanted();
    const session = this.#store.registry.require(id);
    const live = this.#live.require(id);
    requireContinuable(session, live, this.tree.spending(session), how.fresh);
    if (live.run) return this.#stopToContinue(id, live.run, feedback, how);
    if (!isTerminal(session.status)) return this.#ends.goOn(id, feedback, how);
    if (this.#ends.isRemoving(id)) {
      await this.removed(id);
      if (this.#keepsWaiting) throw closedBefore();
      return this.continue(id, call, feedback, how);
    }
    const changed = newAccount(session, live);
    if (changed.account !== undefined) this.queue.holds.relabel(id, changed.account);
    // While nothing starts, what failed waits as well, even if all places are taken.
    const admission = this.queue.holds.mayStart(id) ? this.queue.enqueue(id) : this.queue.await(id);
    live.feedback = feedback;
    const next = this.#store.dispatch(id, {
      type: 'continued',
      at: this.#clock.now(),
      feedback,
      ...how,
      ...changed,
      ...(admission.status === 'queued' && { queuePosition: admission.position }),
    });
    this.queue.reopened(id);
    this.queue.changed(id);
    if (admission.status === 'starting') this.start(id);
    await this.#store.journal.saved(id);
    return next;
  }

  /** Goes on with a session that waits until a time. */
  goOnNow(session: UnifiedSession): UnifiedSession {
    return this.#ends.goOn(session.id);
  }

  /** From now on, no waiting session is started, even if a slot is free. */
  keepWaiting(): void {
    this.#keepsWaiting = true;
  }

  /** Resolves when every session that was given a slot executes or has ended, and the record on disk says so. */
  async launched(): Promise<void> {
    const { registry, waiters, journal } = this.#store;
    const starting = (): UnifiedSession[] => registry.list({ status: 'starting' });
    // A run that ends may go on with feedback, and then a further run is launched.
    for (let some = starting(); some.length > 0; some = starting()) {
      await Promise.all(some.map((session) => waiters.wait(session, { status: LAUNCHED })));
    }
    await journal.settled();
  }

  /**
   * Detaches this process from all runs. Nothing starts any more. Resolves when no launch is under way, and nothing is left of the
   * sessions that have ended, as far as that is possible in time.
   */
  async close(): Promise<void> {
    this.#closed = true;
    this.#ends.close();
    this.queue.close();
    await Promise.all([this.#ends.allRemoved(), ...this.#live.runs().map((run) => run.detach())]);
  }

  async #cancel(id: string, reason: string): Promise<UnifiedSession> {
    const { run } = this.#live.require(id);
    if (run) {
      run.stop({ status: 'cancelled', reason: 'cancelled', error: reason });
      return this.#store.waiters.wait(this.#store.registry.require(id), {});
    }
    this.#ends.forgetWait(id);
    return this.#endWaiting(id, 'cancelled', 'cancelled', reason);
  }

  /** Ends a session that has no run. */
  #endWaiting(id: string, status: 'failed' | 'cancelled', reason: string, error: string): UnifiedSession {
    const at = this.#clock.now();
    const ended = this.#store.dispatch(id, { type: 'ended', at, status, result: { reason, error } });
    this.queue.leave(id);
    return ended;
  }

  async #stopToContinue(id: string, run: Run, feedback: string, how: FurtherRun): Promise<UnifiedSession> {
    const error = 'stopped to be continued with feedback';
    run.stop({ status: 'cancelled', reason: 'cancelled', error, feedback, ...how });
    await run.finished;
    if (this.#closed) throw closedBefore();
    await this.#store.journal.saved(id);
    const next = this.#store.registry.require(id);
    if (!isTerminal(next.status)) return next;
    throw new OrchestrationError(
      'ILLEGAL_TRANSITION',
      `Session ${id} ended ('${next.status}', ${next.result?.reason}) before it could be continued.`,
    );
  }

  /** Called when a session's data cannot be written to the disk. Stops the run, because it must not go on unobserved. */
  #fail(id: string, { code, message }: OrchestrationError): void {
    const run = this.#live.get(id)?.run;
    if (run && !run.stopping) run.stop({ status: 'failed', reason: code, error: message });
  }
}
