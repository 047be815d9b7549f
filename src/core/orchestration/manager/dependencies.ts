import type { SessionSpec } from '../contract/session-spec.js';
import type { SessionTree } from '../family/session-tree.js';
import type { CreateSessionOptions } from '../session/create-options.js';
import type { QueuePlan, SessionDependency } from '../session/queue-plan.js';
import type { UnifiedSession } from '../session/record.js';
import { isTerminal } from '../session/status.js';
import { notFound, type SessionRegistry } from '../store/registry.js';
import { OrchestrationError, quote } from '../util/errors.js';
import type { LiveSessions } from './live-sessions.js';

/** What a session waits for, as its options say, and with the priority of the session that leads it. */
export function planOf(
  { after = [], priority, notBefore }: CreateSessionOptions,
  leader: UnifiedSession | undefined,
): QueuePlan {
  const ends = new Map<string, SessionDependency['on']>();
  // If a session is named twice, it has to complete.
  for (const { id, on = 'completed' } of after) if (ends.get(id) !== 'completed') ends.set(id, on);
  const own = priority ?? leader?.priority;
  return Object.freeze({
    ...(ends.size > 0 && { after: Object.freeze([...ends].map(([id, on]) => Object.freeze({ id, on }))) }),
    ...(own !== undefined && { priority: own }),
    ...(notBefore !== undefined && { notBefore }),
  });
}

/** Tells a session's worktree which branches are still to be made by the sessions that it waits for, directly or not. */
export function withAwaitedBranches(
  spec: SessionSpec,
  plan: QueuePlan,
  sessionOf: (id: string) => UnifiedSession | undefined,
): SessionSpec {
  if (spec.worktree?.base === undefined) return spec;
  const awaited = new Set<string>();
  const awaits: string[] = [];
  for (const waiting = [plan]; waiting.length > 0; ) {
    const { after = [] } = waiting.pop() ?? {};
    for (const { id } of after) {
      const session = awaited.has(id) ? undefined : sessionOf(id);
      if (!session) continue;
      awaited.add(id);
      if (session.environment.branch !== undefined) awaits.push(session.environment.branch);
      // What an ended session has waited for has ended, too. There may be thousands of them, on the disk.
      if (!isTerminal(session.status)) waiting.push(session);
    }
  }
  return awaits.length === 0 ? spec : { ...spec, worktree: { ...spec.worktree, awaits } };
}

export interface DependencyCheck {
  registry: SessionRegistry;
  live: LiveSessions;
  tree: SessionTree;
}

/**
 * Refuses a session that could never start. A session can only wait for sessions that are on record already, so sessions cannot wait
 * for each other in a circle. But a session that leads others may wait for them, and so must not come before one of them.
 *
 * @throws OrchestrationError `SESSION_NOT_FOUND`, `ILLEGAL_TRANSITION`, `INVALID_OPTIONS`
 */
export function requireDependencies(
  id: string,
  { after = [] }: QueuePlan,
  parentId: string | undefined,
  { registry, live, tree }: DependencyCheck,
): void {
  for (const [index, dependency] of after.entries()) {
    const option = `Option 'after.${index}.id'`;
    if (dependency.id === id) {
      throw new OrchestrationError('INVALID_OPTIONS', `${option}: session ${id} cannot wait for itself. Leave it out.`);
    }
    if (!registry.outline(dependency.id)) {
      throw new OrchestrationError('SESSION_NOT_FOUND', `${option}: ${notFound(dependency.id).message}`);
    }
    if (live.get(dependency.id)?.leaving) {
      throw new OrchestrationError(
        'ILLEGAL_TRANSITION',
        `${option}: session ${quote(dependency.id)} is being removed. Leave it out, or name another session.`,
      );
    }
  }
  if (after.length === 0) return;
  const leaders = new Set(tree.leadersOf(parentId).map((leader) => leader.id));
  const leader = leaders.size > 0 ? waitedFor(after, { registry, tree }, leaders) : undefined;
  if (leader === undefined) return;
  throw new OrchestrationError(
    'INVALID_OPTIONS',
    `Option 'after': the new session would wait for session ${leader}, which leads it and may wait for it. ` +
      "Leave this out of 'after', or create the session without this 'parentId'.",
  );
}

/** One of these leaders, if the end of a dependency may have to wait for it. */
function waitedFor(
  after: readonly SessionDependency[],
  { registry, tree }: Pick<DependencyCheck, 'registry' | 'tree'>,
  leaders: ReadonlySet<string>,
): string | undefined {
  const seen = new Set<string>();
  const left = after.map(({ id }) => id);
  for (let id = left.pop(); id !== undefined; id = left.pop()) {
    if (leaders.has(id)) return id;
    const status = registry.outline(id)?.status;
    const session = status === undefined || isTerminal(status) ? undefined : registry.peek(id);
    if (!session || seen.has(id)) continue;
    seen.add(id);
    // Also those that have ended: they may be continued while this one waits.
    if (session.status === 'queued') left.push(...(session.after ?? []).map((dependency) => dependency.id));
    if (tree.leads(session)) left.push(...tree.openChildren(id).map((child) => child.id));
  }
  return undefined;
}

/**
 * True if a session failed because its account cannot work. Its work is not lost: a person mends the account, and continues it. So
 * sessions that come after it wait for that.
 */
export function failedForAccount(session: Pick<UnifiedSession, 'status' | 'result'> | undefined): boolean {
  const reason = session?.status === 'failed' ? session.result?.reason : undefined;
  return reason === 'auth' || reason === 'spend_limit';
}

/** What is said of a session that ended because another one did not complete. At most this much of the other one's error. */
const MOST_CAUSE = 500;

/** Why a session that waits for this one can never start. @param record undefined if its files are gone */
export function dependencyFailed(id: string, record: UnifiedSession | undefined): string {
  if (!record) return `session ${id}, which it waited for (after), is not in the state folder any more`;
  const { status, result } = record;
  const why = [result?.reason, result?.error].filter((text) => text !== undefined).join(': ');
  const cause = why.length > MOST_CAUSE ? `${why.slice(0, MOST_CAUSE)}…` : why;
  return `session ${id}, which it waited for (after), ended as '${status}'${cause === '' ? '' : ` (${cause})`}`;
}
