import { SessionPlans } from '../queue/session-plans.js';
import { levelOf, SessionSlots, type SessionSlotsOptions } from '../queue/session-slots.js';
import type { Admission } from '../queue/slot-queue.js';
import type { QueuePlan } from '../session/queue-plan.js';
import type { QueueStatus } from '../session/queue-status.js';
import type { UnifiedSession } from '../session/record.js';
import type { SessionStore } from '../store/store.js';
import type { Clock } from '../util/clock.js';
import type { Turns } from '../util/turns.js';
import { dependencyFailed, failedForAccount } from './dependencies.js';
import { QueueHolds } from './queue-holds.js';
import { UsageBook } from './usage-book.js';

/** How many sessions an event of the queue names. Otherwise each change of a long queue would cost more than the change itself. */
const MOST_NAMED = 100;
/** How many sessions end, or are told of their place, in one turn of the event loop because of others. Thousands would block it. */
const MOST_A_TURN = 100;

export interface SessionQueueOptions extends Omit<SessionSlotsOptions, 'onChange' | 'priorityOf' | 'mayStart'> {
  store: SessionStore;
  clock: Clock;
  stateDir: string;
  /** Ends a session that can never start, because another one has ended. `error` says so. */
  onDependencyFailed: (id: string, error: string) => void;
}

/**
 * The queue of a manager: the slots, and what sessions wait for besides a slot. Changes are reported to listeners. The positions on
 * record are read from the queue, so a change costs the same however many sessions wait.
 */
export class SessionQueue extends SessionSlots {
  readonly #store: SessionStore;
  readonly #clock: Clock;
  /** Which accounts are held, or whether the whole queue is. */
  readonly holds: QueueHolds;
  readonly usage: UsageBook;
  readonly #onDependencyFailed: SessionQueueOptions['onDependencyFailed'];
  readonly #plans: SessionPlans;
  /** Sessions that have ended or go on, for which their dependants were not looked at yet. Undefined while none is looked at. */
  #unsettled: string[] | undefined;
  /** Sessions that can never start, and the session because of which. They are ended in order. */
  readonly #failing = new Map<string, { readonly dependency: string; readonly isGone: boolean }>();
  /** Sessions that came into line, or left it. */
  readonly #untold = new Set<string>();
  #nextTurn: NodeJS.Immediate | undefined;
  #isClosed = false;

  constructor({ store, clock, stateDir, onDependencyFailed, onStart, ...options }: SessionQueueOptions) {
    const holds = new QueueHolds({
      stateDir,
      clock,
      tell: (event) => store.queueChanged(event),
      onChange: (isHeld, cause) => {
        this.recheck(); // First, so that sessions that were refused keep their places.
        this.setHeld(isHeld);
        this.changed(cause);
      },
    });
    const plans = new SessionPlans({
      now: () => clock.now(),
      statusOf: (id) => store.registry.outline(id)?.status,
      mayComplete: (id) => store.registry.outline(id)?.status === 'failed' && failedForAccount(store.registry.peek(id)),
      onTime: (ids) => this.#mayStart(ids),
    });
    super({
      ...options,
      mayStart: (id) => holds.mayStart(id),
      onChange: (id) => this.changed(id),
      priorityOf: (id) => store.registry.peek(id)?.priority,
      onStart(id) {
        plans.delete(id);
        onStart(id);
      },
    });
    this.holds = holds;
    this.#store = store;
    this.#clock = clock;
    this.usage = new UsageBook(clock, () => this.changed(''));
    this.#onDependencyFailed = onDependencyFailed;
    this.#plans = plans;
    store.registry.readPositions(({ id }) => this.positionOf(id));
  }

  /** As before. A session that has given its slot back gets none while its account or the queue is held. */
  override readmit(id: string): Admission {
    if (this.isRunning(id) || (!this.isHeld && this.holds.mayStart(id))) return super.readmit(id);
    return this.await(id);
  }

  /** Called before a session goes on for which nobody waits. If nothing may start now, it has no slot from now on. */
  giveBackIfHeld(id: string): void {
    if (this.isHeld || !this.holds.mayStart(id)) this.release(id);
  }

  /** Called when it is known better whose login a session has that is not on record yet. */
  relabel(id: string, account: string): void {
    if (!this.holds.relabel(id, account)) return;
    if (!this.isRunning(id)) this.recheck();
    else if (!this.holds.mayStart(id)) {
      this.release(id);
      this.rejoin(id);
    }
  }

  /** Puts a session at the end of the line, even beyond the limit. */
  await(id: string): Admission {
    this.remove(id);
    this.rejoin(id);
    return { status: 'queued', position: this.positionOf(id) ?? super.status(0).queued };
  }

  /** Adds a new session. @throws OrchestrationError `QUEUE_FULL`; the queue is unchanged */
  admit(id: string, plan: QueuePlan): void {
    this.#plans.add(id, plan);
    try {
      const { status } = this.enqueue(id, this.#placeOf(id, plan));
      if (status === 'starting') this.#plans.delete(id);
    } catch (error) {
      this.#plans.delete(id);
      throw error;
    }
  }

  /** Takes back a session that waited in an earlier process; see `resume`. A session that was continued has no plan any more. */
  readmitWaiting({ id, runs, ...plan }: UnifiedSession): void {
    if (runs.length === 0) this.#plans.add(id, plan);
    this.rejoin(id, this.#placeOf(id, plan));
  }

  /** Ends a session if one that it waits for has failed. Call this when the session is on record. */
  settleNew(id: string): void {
    const failed = this.#plans.failedDependency(id);
    if (failed) this.#onDependencyFailed(id, dependencyFailed(failed.id, this.#store.registry.get(failed.id)));
  }

  /**
   * Looks at what the sessions of an earlier process wait for.
   *
   * @param mayCome true for a session that is not taken over yet, and may be later
   */
  async settleRecovered(mayCome: (id: string) => boolean, turns: Turns): Promise<void> {
    for (const id of this.#plans.dependencies()) {
      const isThere = this.#store.registry.outline(id) !== undefined;
      if (isThere || !mayCome(id)) this.#settle(id, () => {}, !isThere);
      if (turns.isOver) await turns.next();
    }
  }

  /** A session that waits in the queue until this one has ended. */
  dependantOf(id: string): string | undefined {
    return this.#plans.dependantOf(id);
  }

  /** Called when a session goes on after its end. Sessions that come after it have to wait again. */
  reopened(id: string): void {
    this.#settle(id, () => {});
  }

  /** Takes a session out of the queue. Returns true if the session held a slot or waited for one. */
  override leave(id: string): boolean {
    let left = false;
    const isOuter = this.#unsettled === undefined;
    this.#settle(id, () => {
      left = super.leave(id);
      this.#plans.delete(id);
    });
    if (left && isOuter) this.changed(id);
    return left;
  }

  /** Starts as many waiting sessions as there are free slots. */
  resume(): void {
    this.fill();
    const { items, blocked = [] } = this.status(1);
    const [first] = [...items, ...blocked];
    if (first) this.changed(first.id);
  }

  override status(most?: number): QueueStatus {
    const blocked = this.outside(most ?? Number.POSITIVE_INFINITY).map((id) => this.#plans.describe(id));
    const [held, ...more] = this.holds.all;
    const { windows } = this.usage;
    return {
      ...super.status(most),
      ...(blocked.length > 0 && { blocked }),
      ...(held && { held, holds: [held, ...more] }),
      ...(windows.length > 0 && { windows }),
    };
  }

  /** Reports a change to the listeners. */
  changed(cause: string): void {
    this.#store.queueChanged({ type: 'queue:changed', sessionId: cause, at: this.#clock.now(), queue: this.told() });
  }

  /** The status as events have it. */
  told(): QueueStatus {
    return this.status(MOST_NAMED);
  }

  /** From now on, no session starts because its time has come, and none ends because of others that ended before. */
  close(): void {
    this.#isClosed = true;
    clearImmediate(this.#nextTurn); // The next manager looks at all of them again.
    this.#plans.close();
    this.holds.close();
    this.usage.close();
  }

  #placeOf(id: string, { priority }: QueuePlan) {
    return { level: levelOf(priority), blocked: this.#plans.isBlocked(id) };
  }

  /**
   * Carries out a change, and what follows from it for the sessions that come after this one. If one of these ends, too, the ones
   * that come after it follow. They may be thousands in a row, so this is a loop, and what is left goes on in the next turn.
   */
  #settle(id: string, change: () => void, isGone = false): void {
    if (this.#unsettled) {
      this.#unsettled.push(id);
      change();
      return;
    }
    this.#carryOut([id], change, isGone ? id : undefined);
  }

  #carryOut(unsettled: string[], change: () => void, gone?: string): void {
    const touched: string[] = [];
    this.#unsettled = unsettled;
    try {
      this.together(() => {
        change();
        let ends = 0;
        do {
          for (const id of unsettled.splice(0)) this.#dependantsOf(id, id === gone, touched);
        } while (ends++ < MOST_A_TURN && this.#endNext());
      });
    } finally {
      this.#unsettled = undefined;
    }
    this.#tell(touched);
  }

  /** Looks at the sessions that wait for this one. Adds those that came into line, or left it, to `touched`. */
  #dependantsOf(ended: string, isGone: boolean, touched: string[]): void {
    const { changed, failed } = this.#plans.settle(ended, isGone);
    for (const dependant of failed) this.#failing.set(dependant, { dependency: ended, isGone });
    for (const dependant of changed) {
      if (this.setBlocked(dependant, this.#plans.isBlocked(dependant))) touched.push(dependant);
    }
  }

  /** Ends the next session that can never start. Returns false if there is none. */
  #endNext(): boolean {
    const [next] = this.#failing;
    if (!next) return false;
    const [id, { dependency, isGone }] = next;
    this.#failing.delete(id);
    // The session that it waits for may go on again by now. A session that is still being created is ended when it is on record.
    const failed = isGone ? this.#plans.has(id) && dependency : this.#plans.failedDependency(id)?.id;
    if (failed && this.#store.registry.outline(id)?.status === 'queued')
      this.#onDependencyFailed(id, dependencyFailed(failed, this.#store.registry.get(failed)));
    return true;
  }

  #mayStart(ids: readonly string[]): void {
    this.together(() => {
      for (const id of ids) this.setBlocked(id, false);
    });
    this.#tell(ids);
    const [first] = ids;
    if (first !== undefined) this.changed(first);
  }

  /** Sets on record that sessions came into line, or left it, and still wait. */
  #tell(ids: readonly string[]): void {
    for (const id of ids) this.#untold.add(id);
    let most = MOST_A_TURN;
    for (const id of this.#untold) {
      if (most-- === 0) break;
      this.#untold.delete(id);
      if (this.#store.registry.outline(id)?.status !== 'queued' || this.isRunning(id)) continue;
      const queuePosition = this.positionOf(id);
      this.#store.dispatch(id, { type: 'queued', ...(queuePosition !== undefined && { queuePosition }) });
    }
    if (this.#failing.size + this.#untold.size > 0 && !this.#isClosed)
      this.#nextTurn ??= setImmediate(() => this.#goOn());
  }

  /** Goes on with what was left for this turn of the event loop. */
  #goOn(): void {
    this.#nextTurn = undefined;
    const [ending] = this.#failing.keys();
    this.#carryOut([], () => {});
    if (ending !== undefined) this.changed(ending);
  }
}
