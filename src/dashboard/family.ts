import type { AutonomousSession, SessionStats } from '../handlers/index.js';

type Sessions = ReadonlyMap<string, AutonomousSession>;

/** What is known of a cost; nothing as long as nothing was spent. */
export type Cost = Pick<SessionStats, 'totalCost' | 'unpriced'>;

/** Children by their parent's id, in order of creation. */
export type Families = ReadonlyMap<string, readonly AutonomousSession[]>;

/** A session below another session. A child has depth 1. */
export interface Descendant {
  readonly session: AutonomousSession;
  readonly depth: number;
}

/** Finds the parent of a session. `parentId` is a session's id, or a task id; if several sessions have it, the latest counts. */
export function parentsOf(sessions: Sessions): (session: AutonomousSession) => AutonomousSession | undefined {
  const named = new Map<string, AutonomousSession>();
  for (const session of sessions.values()) named.set(session.taskId, session);
  return ({ id, parentId }) => {
    const parent = parentId === undefined ? undefined : (sessions.get(parentId) ?? named.get(parentId));
    return parent?.id === id ? undefined : parent;
  };
}

export function familiesOf(sessions: Sessions): Families {
  const parentOf = parentsOf(sessions);
  const families = new Map<string, AutonomousSession[]>();
  for (const session of sessions.values()) {
    const parent = parentOf(session);
    if (!parent) continue;
    const siblings = families.get(parent.id);
    if (siblings) siblings.push(session);
    else families.set(parent.id, [session]);
  }
  return families;
}

/** All sessions below a session. Each comes before its children, and only once, even if the parents form a circle. */
export function below(id: string, families: Families): Descendant[] {
  const found: Descendant[] = [];
  const seen = new Set([id]);
  const open = childrenOf(id, 1);
  for (let next = open.pop(); next; next = open.pop()) {
    if (seen.has(next.session.id)) continue;
    seen.add(next.session.id);
    found.push(next);
    open.push(...childrenOf(next.session.id, next.depth + 1));
  }
  return found;

  /** In reverse order, because `open.pop()` takes the last one first. */
  function childrenOf(parentId: string, depth: number): Descendant[] {
    return (families.get(parentId) ?? []).map((session) => ({ session, depth })).reverse();
  }
}

/** What is known of the cost of a session and of all sessions below it. */
export function costWith(session: AutonomousSession, descendants: readonly Descendant[]): Cost {
  return costOf([session, ...descendants.map((one) => one.session)]);
}

/** What is known of the cost of all these sessions together. It is unknown if that of one of them is. */
export function costOf(sessions: Iterable<Pick<AutonomousSession, 'stats'>>): Cost {
  let [least, isKnown] = [0, false];
  const models: string[] = [];
  for (const { stats } of sessions) {
    least += stats.totalCost ?? stats.unpriced?.atLeastUsd ?? 0;
    isKnown ||= stats.totalCost !== undefined;
    if (stats.unpriced) models.push(...stats.unpriced.models);
  }
  if (models.length > 0) return { unpriced: { models: [...new Set(models)], atLeastUsd: least } };
  return isKnown ? { totalCost: least } : {};
}
