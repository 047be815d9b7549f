import type { QueuePlan, SessionDependency } from '../session/queue-plan.js';
import type { BlockedItem } from '../session/queue-status.js';
import type { SessionStatus, TerminalStatus } from '../session/status.js';
import { isTerminal } from '../session/status.js';
import { callAt } from '../util/call-at.js';
import { OrderedSet } from '../util/ordered-set.js';

export interface SessionPlansOptions {
  now: () => number;
  /** The status of a session. Undefined if there is no such session (yet). */
  statusOf: (id: string) => SessionStatus | undefined;
  /** True if a session that has failed is expected to be continued, so that it may complete yet. Default: false for every session. */
  mayComplete?: (id: string) => boolean;
  /** Called when it is time for sessions that waited for no more than that. */
  onTime: (ids: readonly string[]) => void;
}

interface Waiting {
  readonly id: string;
  readonly plan: QueuePlan;
  /** The sessions that have not ended yet. */
  readonly open: Set<string>;
  /** The time that has not come yet. */
  at?: number | undefined;
}

/** What became of the sessions that wait for another one. */
export interface Settled {
  /** These may have to wait again, or may start now. */
  readonly changed: readonly string[];
  /** These can never start. */
  readonly failed: readonly string[];
}

/** What waiting sessions wait for besides a slot: other sessions, and a time. All calls are O(log n) a session that they concern. */
export class SessionPlans {
  readonly #options: SessionPlansOptions;
  readonly #waiting = new Map<string, Waiting>();
  /** id → the sessions that wait in the queue and name it in `after`, also if it has ended. */
  readonly #dependants = new Map<string, Set<string>>();
  readonly #times = new OrderedSet<Waiting & { at: number }>(
    (a, b) => a.at - b.at || (a.id < b.id ? -1 : +(a.id > b.id)),
  );
  #cancelCall = (): void => {};
  #nextCall = Number.POSITIVE_INFINITY;

  constructor(options: SessionPlansOptions) {
    this.#options = options;
  }

  /** Adds a session that comes into the queue. */
  add(id: string, plan: QueuePlan): void {
    const { after = [], notBefore = 0 } = plan;
    const isEarly = notBefore > this.#options.now();
    if (after.length === 0 && !isEarly) return;
    const waiting: Waiting = { id, plan, open: new Set(), ...(isEarly && { at: notBefore }) };
    this.#waiting.set(id, waiting);
    for (const dependency of after) {
      const dependants = this.#dependants.get(dependency.id) ?? new Set();
      this.#dependants.set(dependency.id, dependants.add(id));
      if (this.#stateOf(dependency) !== 'met') waiting.open.add(dependency.id);
    }
    if (!hasTime(waiting)) return;
    this.#times.add(waiting);
    this.#callAtNext();
  }

  /** Called when a session no longer waits in the queue. */
  delete(id: string): void {
    const waiting = this.#waiting.get(id);
    if (!waiting) return;
    this.#waiting.delete(id);
    if (hasTime(waiting)) this.#times.delete(waiting);
    if (this.#times.size === 0) this.#callNobody();
    for (const { id: dependency } of waiting.plan.after ?? []) {
      const dependants = this.#dependants.get(dependency);
      dependants?.delete(id);
      if (dependants?.size === 0) this.#dependants.delete(dependency);
    }
  }

  /** True if a session waits in the queue, and has something to wait for, or had. */
  has(id: string): boolean {
    return this.#waiting.has(id);
  }

  /** True if a session may not start yet. */
  isBlocked(id: string): boolean {
    const waiting = this.#waiting.get(id);
    return waiting !== undefined && (waiting.open.size > 0 || waiting.at !== undefined);
  }

  /** A session that waits in the queue and names this one in `after`. */
  dependantOf(id: string): string | undefined {
    return this.#dependants.get(id)?.values().next().value;
  }

  /** The first dependency of a waiting session that has ended in a way that does not let the session start. */
  failedDependency(id: string): SessionDependency | undefined {
    return this.#waiting.get(id)?.plan.after?.find((dependency) => this.#stateOf(dependency) === 'failed');
  }

  /** The sessions that waiting sessions name in `after`. */
  dependencies(): string[] {
    return [...this.#dependants.keys()];
  }

  /**
   * Called when a session has ended, or goes on after its end.
   *
   * @param isGone true if the session is not there any more, and never will be
   */
  settle(id: string, isGone = false): Settled {
    const changed: string[] = [];
    const failed: string[] = [];
    for (const dependant of this.#dependants.get(id) ?? []) {
      const waiting = this.#waiting.get(dependant);
      const dependency = waiting?.plan.after?.find((one) => one.id === id);
      if (!waiting || !dependency) continue;
      const state = isGone ? endOf(dependency, 'failed') : this.#stateOf(dependency);
      if (state === 'met') waiting.open.delete(id);
      else waiting.open.add(id);
      (state === 'failed' ? failed : changed).push(dependant);
    }
    return { changed, failed };
  }

  /** What a session waits for. */
  describe(id: string): BlockedItem {
    const { open = new Set<string>(), at } = this.#waiting.get(id) ?? {};
    return { id, ...(open.size > 0 && { after: [...open] }), ...(at !== undefined && { notBefore: at }) };
  }

  /** From now on, no time is waited for. */
  close(): void {
    this.#cancelCall();
    this.#nextCall = Number.NEGATIVE_INFINITY;
  }

  /** A timer that nobody waits for would keep the process alive. */
  #callNobody(): void {
    if (this.#nextCall === Number.NEGATIVE_INFINITY) return;
    this.#cancelCall();
    this.#nextCall = Number.POSITIVE_INFINITY;
  }

  #stateOf(dependency: SessionDependency): 'open' | 'met' | 'failed' {
    const status = this.#options.statusOf(dependency.id);
    const state = status !== undefined && isTerminal(status) ? endOf(dependency, status) : 'open';
    return state === 'failed' && this.#options.mayComplete?.(dependency.id) ? 'open' : state;
  }

  /** One timer for all, because there may be thousands that wait for a time. */
  #callAtNext(): void {
    const at = this.#times.first()?.at;
    if (at === undefined || at >= this.#nextCall) return;
    this.#cancelCall();
    this.#nextCall = at;
    this.#cancelCall = callAt(at, this.#options.now, () => this.#come());
  }

  #come(): void {
    this.#nextCall = Number.POSITIVE_INFINITY;
    const now = this.#options.now();
    const free: string[] = [];
    for (let first = this.#times.first(); first && first.at <= now; first = this.#times.first()) {
      this.#times.delete(first);
      delete (first as Waiting).at;
      if (first.open.size === 0) free.push(first.id);
    }
    this.#callAtNext();
    if (free.length > 0) this.#options.onTime(free);
  }
}

function endOf({ on }: SessionDependency, status: TerminalStatus): 'met' | 'failed' {
  return on === 'ended' || status === 'completed' ? 'met' : 'failed';
}

function hasTime(waiting: Waiting): waiting is Waiting & { at: number } {
  return waiting.at !== undefined;
}
