import { type Outline, outlineOf } from '../session/outline.js';
import type { SessionMode } from '../session/status.js';
import { isTerminal } from '../session/status.js';
import type { EndedEntry } from '../store/disk/ended-index.js';
import { type LeftSession, leftSessions } from '../store/disk/left-sessions.js';
import { restoredRecord } from '../store/disk/stored-record.js';
import type { Turns } from '../util/turns.js';
import type { EndedSession } from './ended-sessions.js';
import { MOST_ENDED_IN_MEMORY } from './most-in-memory.js';

/** What earlier managers have left. */
export interface Left {
  /** The sessions that were read as a whole: those that have not ended, and those that these need. */
  readonly left: readonly LeftSession[];
  /** The other sessions that have ended. */
  readonly known: readonly EndedSession[];
}

/** Reads the sessions of a state folder, and of those that have ended no more than is needed. */
export class LeftEnded {
  readonly #stateDir: string;
  readonly #leads: (mode: SessionMode) => boolean;

  /** @param leads true if sessions of a mode lead others */
  constructor(stateDir: string, leads: (mode: SessionMode) => boolean) {
    this.#stateDir = stateDir;
    this.#leads = leads;
  }

  /** @param index what is known of ended sessions without a look at their records */
  async read(ids: readonly string[], index: ReadonlyMap<string, EndedEntry>, turns: Turns): Promise<Left> {
    const left: LeftSession[] = [];
    let ended: EndedSession[] = [];
    const unknown = ids.filter((id) => !index.has(id));
    for await (const session of leftSessions(this.#stateDir, unknown)) {
      const { spec, record } = session;
      if (spec === 'unread' && typeof record === 'object') {
        const restored = restoredRecord(record);
        const { account } = restored;
        ended.push({
          outline: outlineOf(restored),
          ticket: record.ticket,
          ...(account !== undefined && { account }),
          record: restored,
        });
        // All records together may be too large for the memory.
        if (ended.length % MOST_AT_ONCE === 0) ended = withLatestRecords(ended);
      } else left.push(session);
      if (turns.isOver) await turns.next();
    }
    const known = withLatestRecords(ended);
    await turns.next();
    for (const id of ids) {
      const entry = index.get(id);
      if (entry) known.push({ ...entry, isIndexed: true });
    }
    await turns.next();
    const needed = this.#neededBy(left, known);
    await turns.next();
    // Whoever leads a session that has not ended, or is led by it, counts for its limits.
    for await (const session of leftSessions(this.#stateDir, [...needed], () => false)) left.push(session);
    return { left, known: needed.size === 0 ? known : known.filter(({ outline }) => !needed.has(outline.id)) };
  }

  /** The ended sessions in the families of those that have not ended. */
  #neededBy(left: readonly LeftSession[], known: readonly EndedSession[]): Set<string> {
    const isRelated = ({ mode, status, parentId }: Pick<Outline, 'mode' | 'status' | 'parentId'>): boolean =>
      !isTerminal(status) && (parentId !== undefined || this.#leads(mode));
    // Most state folders have none, and then nothing has to be searched.
    if (!left.some(({ record }) => typeof record === 'object' && isRelated(record.session))) return new Set();
    const all = new Map<string, Pick<Outline, 'id' | 'mode' | 'status' | 'parentId'>>();
    const children = new Map<string, string[]>();
    const add = (session: Pick<Outline, 'id' | 'mode' | 'status' | 'parentId'>): void => {
      all.set(session.id, session);
      if (session.parentId === undefined) return;
      const siblings = children.get(session.parentId) ?? [];
      siblings.push(session.id);
      children.set(session.parentId, siblings);
    };
    for (const { outline } of known) add(outline);
    for (const { record } of left) if (typeof record === 'object') add(record.session);
    const needed = new Set<string>();
    const seen = new Set<string>();
    const waiting = [...all.values()].filter(({ status }) => !isTerminal(status)).map(({ id }) => id);
    for (let id = waiting.pop(); id !== undefined; id = waiting.pop()) {
      const session = all.get(id);
      if (!session || seen.has(id)) continue;
      seen.add(id);
      if (isTerminal(session.status)) needed.add(id);
      const parent = session.parentId === undefined ? undefined : all.get(session.parentId);
      if (parent && this.#leads(parent.mode)) waiting.push(parent.id);
      if (this.#leads(session.mode)) waiting.push(...(children.get(id) ?? []));
    }
    for (const { id } of left) needed.delete(id); // They were read already.
    return needed;
  }
}

const MOST_AT_ONCE = 500;

/** Leaves out the records of all but the sessions that ended last. */
function withLatestRecords(ended: readonly EndedSession[]): EndedSession[] {
  const inMemory = ended.filter(({ record }) => record !== undefined);
  if (inMemory.length <= MOST_ENDED_IN_MEMORY) return [...ended];
  const ends = inMemory.map(({ outline }) => outline.endedAt ?? 0).sort((a, b) => b - a);
  const last = ends[MOST_ENDED_IN_MEMORY] ?? Number.POSITIVE_INFINITY;
  return ended.map(({ record, ...session }) =>
    record !== undefined && (session.outline.endedAt ?? 0) > last ? { ...session, record } : session,
  );
}
