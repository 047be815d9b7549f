import type { UnifiedSession } from '../session/record.js';
import { reduceSession } from '../session/reducer.js';
import type { SessionFilter } from '../session/sessions.js';
import type { SessionStatus } from '../session/status.js';
import { OrchestrationError, quote } from '../util/errors.js';

type Index<Key> = Map<Key, Set<string>>;

/** The current records in memory, in order of creation, with indexes by task, status and parent. */
export class SessionRegistry {
  readonly #sessions = new Map<string, UnifiedSession>();
  readonly #byStatus: Index<SessionStatus> = new Map();
  readonly #byTask: Index<string> = new Map();
  readonly #byParent: Index<string> = new Map();
  /** id → how many sessions were added before it */
  readonly #order = new Map<string, number>();
  /** How many sessions were ever added. */
  #added = 0;
  #positionOf: (session: UnifiedSession) => number | undefined = ({ queuePosition }) => queuePosition;

  /**
   * From now on, waiting sessions have the position that this function returns. It is called when a record is read. So a change of
   * the queue costs the same however many sessions it moves.
   */
  readPositions(positionOf: (session: UnifiedSession) => number | undefined): void {
    this.#positionOf = positionOf;
  }

  /** Adds a record or replaces the one with its id. */
  set(session: UnifiedSession): void {
    const before = this.#sessions.get(session.id);
    this.#sessions.set(session.id, session);
    if (before?.status === session.status) return;
    if (before) this.#byStatus.get(before.status)?.delete(session.id);
    add(this.#byStatus, session.status, session.id);
    if (before) return;
    this.#order.set(session.id, this.#added++);
    if (session.taskId !== undefined) add(this.#byTask, session.taskId, session.id);
    if (session.parentId !== undefined) add(this.#byParent, session.parentId, session.id);
  }

  /** Drops a record. Nothing happens if there is none with this id. */
  delete(id: string): void {
    const session = this.#sessions.get(id);
    if (!session) return;
    this.#sessions.delete(id);
    this.#order.delete(id);
    this.#byStatus.get(session.status)?.delete(id);
    if (session.taskId !== undefined) drop(this.#byTask, session.taskId, id);
    if (session.parentId !== undefined) drop(this.#byParent, session.parentId, id);
  }

  get(id: string): UnifiedSession | undefined {
    const session = this.#sessions.get(id);
    return session && this.#moved(session);
  }

  /** The record without its present position in the queue. */
  peek(id: string): UnifiedSession | undefined {
    return this.#sessions.get(id);
  }

  /** @throws OrchestrationError `SESSION_NOT_FOUND` */
  require(id: string): UnifiedSession {
    const session = this.get(id);
    if (session) return session;
    throw notFound(id);
  }

  /** Has these records from now on, and no others. */
  reset(sessions: readonly UnifiedSession[]): void {
    for (const map of [this.#sessions, this.#byStatus, this.#byTask, this.#byParent, this.#order]) map.clear();
    for (const session of sessions) this.set(session);
  }

  /** The matching records, oldest first. */
  list(filter: SessionFilter = {}): UnifiedSession[] {
    const { mode, status, taskId, parentId } = filter;
    const statuses = status === undefined ? undefined : new Set(typeof status === 'string' ? [status] : status);
    const fits = (session: UnifiedSession): boolean =>
      (mode === undefined || session.mode === mode) &&
      (statuses === undefined || statuses.has(session.status)) &&
      (taskId === undefined || session.taskId === taskId) &&
      (parentId === undefined || session.parentId === parentId);
    return this.#candidates(filter, statuses)
      .filter(fits)
      .map((session) => this.#moved(session));
  }

  #candidates(filter: SessionFilter, statuses: Set<SessionStatus> | undefined): UnifiedSession[] {
    if (filter.taskId !== undefined) return this.#resolve(this.#byTask.get(filter.taskId));
    if (filter.parentId !== undefined) return this.#resolve(this.#byParent.get(filter.parentId));
    if (!statuses) return [...this.#sessions.values()];
    // A status index is in the order in which sessions reached that status. So its records are sorted back to order of
    // creation.
    const ids = [...statuses].flatMap((status) => [...(this.#byStatus.get(status) ?? [])]);
    return this.#resolve(ids).sort((a, b) => this.#orderOf(a) - this.#orderOf(b));
  }

  #moved(session: UnifiedSession): UnifiedSession {
    if (session.status !== 'queued') return session;
    const position = this.#positionOf(session);
    if (position === session.queuePosition) return session;
    const moved = reduceSession(session, { type: 'moved', ...(position !== undefined && { queuePosition: position }) });
    this.#sessions.set(session.id, moved);
    return moved;
  }

  #orderOf(session: UnifiedSession): number {
    return this.#order.get(session.id) ?? 0;
  }

  #resolve(ids: Iterable<string> = []): UnifiedSession[] {
    return [...ids].flatMap((id) => this.#sessions.get(id) ?? []);
  }
}

export function notFound(id: string): OrchestrationError {
  return new OrchestrationError(
    'SESSION_NOT_FOUND',
    `There is no session ${quote(id)} in this manager. list() shows those it has, and recover() takes over those of earlier managers.`,
  );
}

function add<Key>(index: Index<Key>, key: Key, id: string): void {
  const ids = index.get(key);
  if (ids) ids.add(id);
  else index.set(key, new Set([id]));
}

/** A key without ids is dropped, too, because users make new tasks all the time. */
function drop<Key>(index: Index<Key>, key: Key, id: string): void {
  const ids = index.get(key);
  ids?.delete(id);
  if (ids?.size === 0) index.delete(key);
}
