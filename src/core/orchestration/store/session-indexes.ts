import type { Outline } from '../session/outline.js';
import type { SessionFilter } from '../session/sessions.js';
import type { SessionStatus } from '../session/status.js';
import { isTerminal, TERMINAL } from '../session/status.js';
import { OrderedSet } from '../util/ordered-set.js';

/** The ids of a key: one without a set of its own, because most tasks have one session, and there may be thousands of tasks. */
type Ids = string | Set<string>;
type Index<Key> = Map<Key, Ids>;

interface Ended {
  readonly id: string;
  readonly endedAt: number;
  readonly order: number;
}

/** A filter with its statuses as a set. */
export type ResolvedFilter = Omit<SessionFilter, 'status'> & { readonly statuses?: ReadonlySet<SessionStatus> };

/** Which sessions there are of each status, mode, task and parent, and in which order the ended ones have ended. */
export class SessionIndexes {
  readonly #byStatus: Index<SessionStatus> = new Map();
  readonly #byMode: Index<string> = new Map();
  readonly #byTask: Index<string> = new Map();
  readonly #byParent: Index<string> = new Map();
  /** Made when it is first asked for, because most managers keep all sessions, and have no use for it. */
  #ended: OrderedSet<Ended> | undefined;

  /** @param order how many sessions were added before it */
  add(session: Outline, order: number): void {
    const { id, mode, status, taskId, parentId } = session;
    addTo(this.#byStatus, status, id);
    addTo(this.#byMode, mode, id);
    if (taskId !== undefined) addTo(this.#byTask, taskId, id);
    if (parentId !== undefined) addTo(this.#byParent, parentId, id);
    if (isTerminal(status)) this.#ended?.add(endOf(session, order));
  }

  /** Called when a session has changed. Its mode, task and parent never do. */
  replace(before: Outline, after: Outline, order: number): void {
    const { id } = after;
    if (before.status !== after.status) {
      dropFrom(this.#byStatus, before.status, id);
      addTo(this.#byStatus, after.status, id);
    } else if (before.endedAt === after.endedAt) return;
    if (isTerminal(before.status)) this.#ended?.delete(endOf(before, order));
    if (isTerminal(after.status)) this.#ended?.add(endOf(after, order));
  }

  delete(session: Outline, order: number): void {
    const { id, mode, status, taskId, parentId } = session;
    dropFrom(this.#byStatus, status, id);
    dropFrom(this.#byMode, mode, id);
    if (taskId !== undefined) dropFrom(this.#byTask, taskId, id);
    if (parentId !== undefined) dropFrom(this.#byParent, parentId, id);
    if (isTerminal(status)) this.#ended?.delete(endOf(session, order));
  }

  clear(): void {
    for (const index of [this.#byStatus, this.#byMode, this.#byTask, this.#byParent]) index.clear();
    this.#ended = undefined;
  }

  /** The ids of a status, in the order in which sessions have reached it. */
  ofStatus(status: SessionStatus): Iterable<string> {
    return idsIn(this.#byStatus.get(status));
  }

  /** How many sessions have ended. */
  get endedCount(): number {
    return TERMINAL.reduce((count, status) => count + sizeOf(this.#byStatus.get(status)), 0);
  }

  /**
   * The ended sessions, those first that ended first. Do not change a session while you go through them.
   *
   * @param all gives all ended sessions; called only the first time
   */
  ended(all: () => Iterable<readonly [session: Outline, order: number]>): Iterable<{ id: string; endedAt: number }> {
    if (!this.#ended) {
      this.#ended = new OrderedSet((a, b) => a.endedAt - b.endedAt || a.order - b.order);
      for (const [session, order] of all()) this.#ended.add(endOf(session, order));
    }
    return this.#ended.values();
  }

  /**
   * The smallest index that has all sessions of a filter: their ids, whether they are in the order of creation, and how many there
   * are. Undefined if no index is of use.
   */
  candidates({ statuses, mode, taskId, parentId }: ResolvedFilter): Candidates | undefined {
    const inOrder = (ids: Ids | undefined): Candidates => ({ count: sizeOf(ids), ids: idsIn(ids), isOrdered: true });
    const found: Candidates[] = [];
    if (taskId !== undefined) found.push(inOrder(this.#byTask.get(taskId)));
    if (parentId !== undefined) found.push(inOrder(this.#byParent.get(parentId)));
    if (mode !== undefined) found.push(inOrder(this.#byMode.get(mode)));
    if (statuses) {
      const sets = [...statuses].flatMap((status) => this.#byStatus.get(status) ?? []);
      const count = sets.reduce((sum, ids) => sum + sizeOf(ids), 0);
      found.push({ count, ids: joined(sets), isOrdered: false });
    }
    return found.reduce<Candidates | undefined>(
      (least, next) => (least && least.count <= next.count ? least : next),
      undefined,
    );
  }
}

export interface Candidates {
  readonly ids: Iterable<string>;
  readonly count: number;
  /** True if the ids are in the order in which their sessions were added. */
  readonly isOrdered: boolean;
}

function* joined(sets: readonly Ids[]): Generator<string> {
  for (const ids of sets) yield* idsIn(ids);
}

function idsIn(ids: Ids | undefined): Iterable<string> {
  return typeof ids === 'string' ? [ids] : (ids ?? []);
}

function sizeOf(ids: Ids | undefined): number {
  return typeof ids === 'string' ? 1 : (ids?.size ?? 0);
}

function endOf({ id, endedAt = 0 }: Outline, order: number): Ended {
  return { id, endedAt, order };
}

function addTo<Key>(index: Index<Key>, key: Key, id: string): void {
  const ids = index.get(key);
  if (ids === undefined) index.set(key, id);
  else if (typeof ids === 'string') index.set(key, new Set([ids, id]));
  else ids.add(id);
}

/** A key without ids is dropped, too, because users make new tasks all the time. */
function dropFrom<Key>(index: Index<Key>, key: Key, id: string): void {
  const ids = index.get(key);
  if (ids instanceof Set) ids.delete(id);
  if (ids === id || (ids instanceof Set && ids.size === 0)) index.delete(key);
}
