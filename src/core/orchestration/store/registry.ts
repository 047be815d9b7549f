import { isRecord, type Outline, outlineOf } from '../session/outline.js';
import type { UnifiedSession } from '../session/record.js';
import { reduceSession } from '../session/reducer.js';
import type { SessionFilter } from '../session/sessions.js';
import { isTerminal, STATUSES, TERMINAL } from '../session/status.js';
import { messageOf, OrchestrationError, quote } from '../util/errors.js';
import { RecordsSnapshot } from './records-snapshot.js';
import { SessionIndexes } from './session-indexes.js';

/** The statuses of a session that has not ended. */
const OPEN = STATUSES.filter((status) => !isTerminal(status));

/**
 * The current records, in order of creation, with indexes by task, status, mode and parent. Records of ended sessions may be on
 * the disk only. Then they are read when they are asked for, and only their outlines are in memory.
 */
export class SessionRegistry {
  /** In order of creation: a value that is replaced keeps its place. */
  readonly #sessions = new Map<string, Outline>();
  readonly #indexes = new SessionIndexes();
  /** id → how many sessions were added before it */
  readonly #order = new Map<string, number>();
  /** How many sessions were ever added. */
  #added = 0;
  readonly #snapshots = new Set<RecordsSnapshot>();
  /** The sessions whose records could not be read the last time, so that there is one warning for each. */
  readonly #unreadable = new Set<string>();
  #positionOf: (session: UnifiedSession) => number | undefined = ({ queuePosition }) => queuePosition;
  #readRecord: (id: string) => UnifiedSession = (id) => {
    throw notFound(id);
  };

  /**
   * From now on, waiting sessions have the position that this function returns. It is called when a record is read. So a change of
   * the queue costs the same however many sessions it moves.
   */
  readPositions(positionOf: (session: UnifiedSession) => number | undefined): void {
    this.#positionOf = positionOf;
  }

  /** From now on, records that are not in memory are read with this function. It throws if it cannot read one. */
  readRecords(readRecord: (id: string) => UnifiedSession): void {
    this.#readRecord = readRecord;
  }

  /** Adds a record or replaces the one with its id. */
  set(session: UnifiedSession): void {
    this.#set(session);
  }

  /** Adds a session whose record is on the disk. */
  addOutline(session: Outline): void {
    this.#set(outlineOf(session));
  }

  /** From now on, the record of an ended session is on the disk only. */
  leaveMemory(id: string): void {
    const session = this.#sessions.get(id);
    if (session && isRecord(session) && isTerminal(session.status)) this.#sessions.set(id, outlineOf(session));
  }

  /** Drops a record. Nothing happens if there is none with this id. */
  delete(id: string): void {
    const session = this.#sessions.get(id);
    if (!session) return;
    this.#keepForSnapshots(session);
    this.#indexes.delete(session, this.#orderOf(id));
    this.#sessions.delete(id);
    this.#order.delete(id);
    this.#unreadable.delete(id);
  }

  /** The record. Undefined if there is none, or if it cannot be read from the disk; one warning of the process says why. */
  get(id: string): UnifiedSession | undefined {
    const session = this.#sessions.get(id);
    return session && this.#recordOf(session);
  }

  /** The record without its present position in the queue. */
  peek(id: string): UnifiedSession | undefined {
    const session = this.#sessions.get(id);
    return session && (isRecord(session) ? session : this.#tryToRead(id));
  }

  /** What is known of a session without a read from the disk. */
  outline(id: string): Outline | undefined {
    return this.#sessions.get(id);
  }

  /** True if the record is in memory. */
  isInMemory(id: string): boolean {
    const session = this.#sessions.get(id);
    return session !== undefined && isRecord(session);
  }

  /** @throws OrchestrationError `SESSION_NOT_FOUND` */
  require(id: string): UnifiedSession {
    const session = this.#sessions.get(id);
    if (!session) throw notFound(id);
    return isRecord(session) ? this.#moved(session) : this.#read(id);
  }

  /** Has these records from now on, and no others. */
  reset(sessions: readonly UnifiedSession[]): void {
    this.#sessions.clear();
    this.#unreadable.clear();
    this.#order.clear();
    this.#indexes.clear();
    for (const session of sessions) this.set(session);
  }

  /** The matching records, oldest first. Those that are not in memory are read. */
  list(filter: SessionFilter = {}): UnifiedSession[] {
    return this.outlines(filter).flatMap((session) => this.#recordOf(session) ?? []);
  }

  /** What is known of the matching sessions without a read from the disk, oldest first. */
  outlines(filter: SessionFilter = {}): Outline[] {
    const { mode, status, taskId, parentId } = filter;
    const statuses = status === undefined ? undefined : new Set(typeof status === 'string' ? [status] : status);
    const fits = (session: Outline): boolean =>
      (mode === undefined || session.mode === mode) &&
      (statuses === undefined || statuses.has(session.status)) &&
      (taskId === undefined || session.taskId === taskId) &&
      (parentId === undefined || session.parentId === parentId);
    const candidates = this.#indexes.candidates({ ...filter, ...(statuses && { statuses }) });
    // To sort a large part of all takes longer than to look at all in their order.
    const isMost = candidates && !candidates.isOrdered && candidates.count > this.#sessions.size / 4;
    if (!candidates || isMost) return [...this.#sessions.values()].filter(fits);
    const found = this.#resolve(candidates.ids).filter(fits);
    return candidates.isOrdered ? found : found.sort((a, b) => this.#orderOf(a.id) - this.#orderOf(b.id));
  }

  /**
   * The matching records as they are now, oldest first, to be read one at a time while other work goes on. Go through all of them,
   * or end the iteration.
   */
  snapshot(filter?: SessionFilter): IterableIterator<UnifiedSession> {
    const snapshot = new RecordsSnapshot(
      this.outlines(filter).map((session) => (isRecord(session) ? this.#moved(session) : session.id)),
      (id) => this.get(id),
      () => this.#snapshots.delete(snapshot),
    );
    this.#snapshots.add(snapshot);
    return snapshot;
  }

  /** The sessions that have not ended, without their present positions, in no order. */
  *open(): Generator<UnifiedSession> {
    for (const status of OPEN) {
      for (const id of [...this.#indexes.ofStatus(status)]) {
        const session = this.#sessions.get(id);
        if (session && isRecord(session)) yield session;
      }
    }
  }

  /** How many sessions have ended. */
  get endedCount(): number {
    return this.#indexes.endedCount;
  }

  /** The ended sessions, those first that ended first. Do not change a session while you go through them. */
  ended(): Iterable<{ readonly id: string; readonly endedAt: number }> {
    return this.#indexes.ended(() =>
      this.outlines({ status: TERMINAL }).map((session) => [session, this.#orderOf(session.id)] as const),
    );
  }

  #set(session: Outline): void {
    const { id } = session;
    const before = this.#sessions.get(id);
    if (before) {
      this.#keepForSnapshots(before);
      this.#sessions.set(id, session);
      this.#indexes.replace(before, session, this.#orderOf(id));
      return;
    }
    this.#sessions.set(id, session);
    this.#order.set(id, this.#added++);
    this.#indexes.add(session, this.#orderOf(id));
  }

  /** Called before a session changes whose record is on the disk only. */
  #keepForSnapshots(session: Outline): void {
    if (this.#snapshots.size === 0 || isRecord(session)) return;
    const record = this.#tryToRead(session.id);
    for (const snapshot of this.#snapshots) snapshot.keep(session.id, record);
  }

  #recordOf(session: Outline): UnifiedSession | undefined {
    return isRecord(session) ? this.#moved(session) : this.#tryToRead(session.id);
  }

  #moved(session: UnifiedSession): UnifiedSession {
    if (session.status !== 'queued') return session;
    const position = this.#positionOf(session);
    if (position === session.queuePosition) return session;
    const moved = reduceSession(session, { type: 'moved', ...(position !== undefined && { queuePosition: position }) });
    this.#sessions.set(session.id, moved);
    return moved;
  }

  #tryToRead(id: string): UnifiedSession | undefined {
    try {
      return this.#read(id);
    } catch (error) {
      if (!this.#unreadable.has(id)) process.emitWarning(messageOf(error), 'SessionRecordUnreadable');
      this.#unreadable.add(id);
      return undefined;
    }
  }

  #read(id: string): UnifiedSession {
    try {
      const record = this.#readRecord(id);
      this.#unreadable.delete(id);
      return record;
    } catch (error) {
      throw new OrchestrationError(
        'SESSION_NOT_FOUND',
        `The record of session ${id} cannot be read: ${messageOf(error)}`,
      );
    }
  }

  #orderOf(id: string): number {
    return this.#order.get(id) ?? 0;
  }

  #resolve(ids: Iterable<string>): Outline[] {
    const found: Outline[] = [];
    for (const id of ids) {
      const session = this.#sessions.get(id);
      if (session) found.push(session);
    }
    return found;
  }
}

export function notFound(id: string): OrchestrationError {
  return new OrchestrationError(
    'SESSION_NOT_FOUND',
    `There is no session ${quote(id)} in this manager. list() shows those it has, and recover() takes over those of earlier managers.`,
  );
}
