import type { AutonomousSession } from '../handlers/index.js';

type Sessions = ReadonlyMap<string, AutonomousSession>;

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

/** The cost of a session and of all sessions below it, in USD. Undefined while no cost is known. */
export function costWith(session: AutonomousSession, descendants: readonly Descendant[]): number | undefined {
  const costs = [session, ...descendants.map((one) => one.session)].flatMap(({ stats }) => stats.totalCost ?? []);
  return costs.length === 0 ? undefined : costs.reduce((sum, cost) => sum + cost, 0);
}
