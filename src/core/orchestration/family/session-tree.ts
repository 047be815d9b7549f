import type { Executor } from '../contract/executor.js';
import type { SessionSpec } from '../contract/session-spec.js';
import type { Inheritance } from '../options/resolve.js';
import type { Spending } from '../run/limits.js';
import type { CreateSessionOptions } from '../session/create-options.js';
import { logBytesOf, type SessionLimits } from '../session/limits.js';
import { NO_TOKENS, totalTokens } from '../session/observation.js';
import type { UnifiedSession } from '../session/record.js';
import { isTerminal } from '../session/reducer.js';
import type { SessionRegistry } from '../store/registry.js';
import { OrchestrationError } from '../util/errors.js';

/** Where nobody says anything, see `SessionLimits`. */
const MOST_CHILDREN = 16;
const DEEPEST = 1;
/** Longer than any chain that `depth` allows in earnest; a damaged record could name itself. */
const MOST_LEADERS = 100;

/** A session as the tree sees it, besides its record. */
export interface TreeMember {
  readonly spec: SessionSpec;
  readonly executor: Pick<Executor, 'leads'>;
}

/** The sessions of a manager, by id; undefined for one that it does not have. */
export interface TreeMembers {
  get(id: string): TreeMember | undefined;
}

/** Who leads whom: sessions of a mode that leads, and those that name them as `parentId`. */
export class SessionTree {
  readonly #registry: SessionRegistry;
  readonly #members: TreeMembers;
  /** Children that are being prepared, by whom they will count for. */
  readonly #coming = new Map<string, number>();

  constructor(registry: SessionRegistry, members: TreeMembers) {
    this.#registry = registry;
    this.#members = members;
  }

  /** The session and what it hands down, where it leads. */
  leader(id: string | undefined): { session: UnifiedSession; spec: SessionSpec } | undefined {
    const session = id === undefined ? undefined : this.#registry.get(id);
    const spec = session && this.#members.get(session.id)?.spec;
    return session && spec && this.leads(session) ? { session, spec } : undefined;
  }

  leads({ id }: UnifiedSession): boolean {
    return this.#members.get(id)?.executor.leads === true;
  }

  /** Who leads a session with this `parentId`, the nearest first. */
  leadersOf(parentId: string | undefined): UnifiedSession[] {
    const leaders: UnifiedSession[] = [];
    for (let next = this.leader(parentId); next && leaders.length < MOST_LEADERS; ) {
      leaders.push(next.session);
      next = this.leader(next.session.parentId);
    }
    return leaders;
  }

  /** Whom a session leads, its children's children too, oldest first. */
  below(id: string): UnifiedSession[] {
    const found = new Map<string, UnifiedSession>();
    const add = (parentId: string): void => {
      for (const child of this.#registry.list({ parentId })) {
        if (found.has(child.id) || child.id === id) continue;
        found.set(child.id, child);
        if (this.leads(child)) add(child.id);
      }
    };
    add(id);
    return [...found.values()].sort((a, b) => a.createdAt - b.createdAt);
  }

  /**
   * Whoever ended before it was done leads nobody any more.
   *
   * @throws OrchestrationError `ILLEGAL_TRANSITION`
   */
  requireLeading(parentId: string | undefined): void {
    const { session } = this.leader(parentId) ?? {};
    if (!session || !isTerminal(session.status) || session.status === 'completed') return;
    throw new OrchestrationError(
      'ILLEGAL_TRANSITION',
      `Session ${session.id} has ended ('${session.status}') and leads no further session; continue it first.`,
    );
  }

  /** Its children that have not ended. */
  openChildren(id: string): UnifiedSession[] {
    return this.#registry.list({ parentId: id }).filter(({ status }) => !isTerminal(status));
  }

  /**
   * Takes a place for a child that is about to be made.
   *
   * @returns gives it back; to be called when the child is on record, or will never be
   * @throws OrchestrationError `CHILDREN_LIMIT`
   */
  reserve(parentId: string | undefined): () => void {
    const leaders = this.leadersOf(parentId);
    for (const [index, session] of leaders.entries()) {
      const { id } = session;
      const { children = MOST_CHILDREN, depth = DEEPEST } = this.#limitsOf(id);
      const count = this.below(id).length + (this.#coming.get(id) ?? 0);
      const spent = this.excess(session);
      if (spent !== undefined) throw refused(id, `with those that it leads it has spent its ${spent}`);
      if (count >= children) throw refused(id, `it leads ${count} already (limits.children)`);
      if (index >= depth) throw refused(id, `it leads no more than ${depth} generations (limits.depth)`);
    }
    for (const { id } of leaders) this.#coming.set(id, (this.#coming.get(id) ?? 0) + 1);
    let reserved = true;
    return () => {
      if (!reserved) return;
      reserved = false;
      for (const { id } of leaders) {
        const left = (this.#coming.get(id) ?? 1) - 1;
        if (left > 0) this.#coming.set(id, left);
        else this.#coming.delete(id);
      }
    };
  }

  /** The limit that a session has spent with those that it leads, in words; undefined where it has not. */
  excess(session: UnifiedSession): string | undefined {
    const { costUsd, tokens } = this.spending(session);
    const limits = this.#limitsOf(session.id);
    if (limits.costUsd !== undefined && costUsd > limits.costUsd) return `limits.costUsd ($${limits.costUsd})`;
    return limits.tokens !== undefined && tokens > limits.tokens ? `limits.tokens (${limits.tokens})` : undefined;
  }

  /** What a session has cost, with those that it leads. */
  spending(session: UnifiedSession): Spending {
    const all = this.leads(session) ? [session, ...this.below(session.id)] : [session];
    return {
      costUsd: all.reduce((sum, { metadata }) => sum + (metadata.costUsd ?? 0), 0),
      tokens: all.reduce((sum, { metadata }) => sum + totalTokens(metadata.tokens ?? NO_TOKENS), 0),
    };
  }

  #limitsOf(id: string): SessionLimits {
    return this.#members.get(id)?.spec.limits ?? {};
  }
}

/**
 * What the child gets of a session that leads: its workspace, its container's settings, its policy and limits, and the tools
 * that it may not use.
 *
 * @param docker what the child asks for
 * @throws OrchestrationError `INVALID_OPTIONS` where it would leave the container
 */
export function handedDown(
  { id, environment }: UnifiedSession,
  { docker: own, policy, limits, workspaces, claude: { disallowedTools = [] } }: SessionSpec,
  docker: CreateSessionOptions['docker'],
): Inheritance {
  if (docker === false && own !== false) {
    throw new OrchestrationError(
      'INVALID_OPTIONS',
      `Option 'docker': session ${id} leads the new one and runs in a container, so false would loosen that. Leave it out.`,
    );
  }
  return {
    led: true,
    docker: own,
    policy,
    limits: { ...limits, logBytes: logBytesOf(limits) },
    disallowedTools,
    cwd: environment.worktree ?? environment.cwd,
    ...(workspaces && { workspaces }),
  };
}

function refused(id: string, why: string): OrchestrationError {
  return new OrchestrationError(
    'CHILDREN_LIMIT',
    `Session ${id} cannot lead a further session: ${why}. Continue one that it has, or set the limit when you create it.`,
  );
}
