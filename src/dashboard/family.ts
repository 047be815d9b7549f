import type { AutonomousSession } from '../handlers/index.js';

type Sessions = ReadonlyMap<string, AutonomousSession>;

/** Children by their parent's id, in order of creation. */
export type Families = ReadonlyMap<string, readonly AutonomousSession[]>;

/** A session below another one; depth 1 is a child. */
export interface Descendant {
  readonly session: AutonomousSession;
  readonly depth: number;
}

/** The session that one is for: by its id, or, of several that a user called so, the latest. */
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

/** All below a session, each before its own children, and once, whatever parents are claimed. */
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

  /** The last first: they are taken from the end. */
  function childrenOf(parentId: string, depth: number): Descendant[] {
    return (families.get(parentId) ?? []).map((session) => ({ session, depth })).reverse();
  }
}

/** What a session has cost with those below it; undefined while nothing is known of any. */
export function costWith(session: AutonomousSession, descendants: readonly Descendant[]): number | undefined {
  const costs = [session, ...descendants.map((one) => one.session)].flatMap(({ stats }) => stats.totalCost ?? []);
  return costs.length === 0 ? undefined : costs.reduce((sum, cost) => sum + cost, 0);
}
