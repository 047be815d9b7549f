import type { Executor } from '../contract/executor.js';
import type { SessionSpec } from '../contract/session-spec.js';
import type { Inheritance } from '../options/resolve.js';
import type { Spending } from '../run/limits.js';
import { mountedFolder, workingFolder } from '../session/agent-place.js';
import type { CreateSessionOptions } from '../session/create-options.js';
import { logBytesOf, type SessionLimits } from '../session/limits.js';
import type { Outline } from '../session/outline.js';
import type { UnifiedSession } from '../session/record.js';
import { DEFAULT_RETRY } from '../session/retry.js';
import { countedUse } from '../session/run-cost.js';
import { isTerminal, type SessionMode, STATUSES } from '../session/status.js';
import type { SessionRegistry } from '../store/registry.js';
import { OrchestrationError } from '../util/errors.js';

/** The default, see `SessionLimits`. */
const MOST_CHILDREN = 16;
const DEEPEST = 1;
/**
 * Longer than any chain that a sensible `depth` allows. The limit is needed because a damaged record could name itself as its
 * parent.
 */
const MOST_LEADERS = 100;

const OPEN = STATUSES.filter((status) => !isTerminal(status));

/** The facts about a session that the tree needs, in addition to its record. */
export interface TreeMember {
  readonly spec: SessionSpec;
  readonly executor: Pick<Executor, 'leads'>;
  /** True while the session is being removed. Then it gets no child any more. Default `false`. */
  readonly leaving?: boolean;
}

/** The sessions of a manager, by id. Undefined if the manager does not have the session. */
export interface TreeMembers {
  get(id: string): TreeMember | undefined;
  /** True if sessions of a mode lead others. Asked for sessions that `get` does not give. Default: false for every mode. */
  leads?(mode: SessionMode): boolean;
}

/** Knows which session leads which others: sessions of a mode that leads, and those that name them as `parentId`. */
export class SessionTree {
  readonly #registry: SessionRegistry;
  readonly #members: TreeMembers;
  /** How many children are being prepared, by the session for which they will count. */
  readonly #coming = new Map<string, number>();

  constructor(registry: SessionRegistry, members: TreeMembers) {
    this.#registry = registry;
    this.#members = members;
  }

  /** The session and its specification, if it leads. */
  leader(id: string | undefined): { session: UnifiedSession; spec: SessionSpec } | undefined {
    const spec = id === undefined ? undefined : this.#members.get(id)?.spec;
    const session = id === undefined || !spec ? undefined : this.#registry.get(id);
    return session && spec && this.leads(session) ? { session, spec } : undefined;
  }

  /** True if a session with this `parentId` has a leader, whether that has ended or not. */
  hasLeader(parentId: string | undefined): boolean {
    const parent = parentId === undefined ? undefined : this.#registry.outline(parentId);
    return parent !== undefined && this.leads(parent);
  }

  leads({ id, mode }: Pick<Outline, 'id' | 'mode'>): boolean {
    return this.#members.get(id)?.executor.leads ?? this.#members.leads?.(mode) ?? false;
  }

  /** The sessions that lead a session with this `parentId`, the nearest first. */
  leadersOf(parentId: string | undefined): UnifiedSession[] {
    const leaders: UnifiedSession[] = [];
    for (let next = this.leader(parentId); next && leaders.length < MOST_LEADERS; ) {
      leaders.push(next.session);
      next = this.leader(next.session.parentId);
    }
    return leaders;
  }

  /** All sessions that a session leads, including its children's children, oldest first. */
  below(id: string): UnifiedSession[] {
    const records = this.outlinesBelow(id).flatMap((child) => this.#registry.get(child.id) ?? []);
    return records.sort((a, b) => a.createdAt - b.createdAt);
  }

  /**
   * The ids of a session, of all that lead it, and of all that these lead. Only the session itself if none leads it and it leads
   * none. None if there is no such session.
   */
  family(id: string): string[] {
    let top = this.#registry.outline(id);
    if (!top) return [];
    for (let generation = 0; generation < MOST_LEADERS; generation++) {
      const parent: Outline | undefined = top.parentId === undefined ? undefined : this.#registry.outline(top.parentId);
      if (!parent || !this.leads(parent)) break;
      top = parent;
    }
    if (!this.leads(top)) return [id];
    return [...new Set([id, top.id, ...this.outlinesBelow(top.id).map((child) => child.id)])];
  }

  /** True if a session is in use because of another one of its family: one that has not ended, or one that is being created. */
  isInUse(id: string): boolean {
    return this.family(id).some((each) => {
      const status = this.#registry.outline(each)?.status;
      return this.#coming.has(each) || (status !== undefined && !isTerminal(status));
    });
  }

  /** What is known of the sessions below one without a read from the disk, parents before their children. */
  outlinesBelow(id: string): Outline[] {
    const found = new Map<string, Outline>();
    const add = (parentId: string): void => {
      for (const child of this.#registry.outlines({ parentId })) {
        if (found.has(child.id) || child.id === id) continue;
        found.set(child.id, child);
        if (this.leads(child)) add(child.id);
      }
    };
    add(id);
    return [...found.values()];
  }

  /**
   * Refuses a parent that ended before it was done, because such a session no longer leads any. Also refuses a parent that is
   * removed, or is being removed.
   *
   * @param led true if the new session has already got options from a session that leads it
   * @throws OrchestrationError `ILLEGAL_TRANSITION`
   */
  requireLeading(parentId: string | undefined, led = false): void {
    const { session } = this.leader(parentId) ?? {};
    if (parentId !== undefined && (this.#members.get(parentId)?.leaving || (led && !session))) {
      throw new OrchestrationError(
        'ILLEGAL_TRANSITION',
        `Session ${parentId} is removed and leads no further session; choose another 'parentId'.`,
      );
    }
    if (!session || !isTerminal(session.status) || session.status === 'completed') return;
    throw new OrchestrationError(
      'ILLEGAL_TRANSITION',
      `Session ${session.id} has ended ('${session.status}') and leads no further session; continue it first.`,
    );
  }

  /** The children of a session that have not ended. */
  openChildren(id: string): UnifiedSession[] {
    return this.#registry.list({ parentId: id, status: OPEN });
  }

  /**
   * The reason why a session cannot be removed yet. Undefined if its family does not need it. Sessions inherit from their parent
   * until their first run, and count against the limits of their leaders until these have ended.
   */
  needs({ id, parentId }: Pick<Outline, 'id' | 'parentId'>): string | undefined {
    const child = this.outlinesBelow(id).find(({ status }) => !isTerminal(status));
    if (child) return `session ${child.id} ('${child.status}') below it has not ended`;
    if (this.#coming.has(id)) return 'a session below it is being created';
    const leader = this.leadersOf(parentId).find(({ status }) => !isTerminal(status));
    return leader && `session ${leader.id} ('${leader.status}'), which leads it, has not ended`;
  }

  /**
   * Reserves a place for a child that is about to be made.
   *
   * @returns gives the place back; call it when the child is on record, or will never be
   * @throws OrchestrationError `CHILDREN_LIMIT`
   */
  reserve(parentId: string | undefined): () => void {
    const leaders = this.leadersOf(parentId);
    for (const [index, session] of leaders.entries()) {
      const { id } = session;
      const { children = MOST_CHILDREN, depth = DEEPEST } = this.#limitsOf(id);
      const count = this.outlinesBelow(id).length + (this.#coming.get(id) ?? 0);
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

  /**
   * A description of the limit that a session has exceeded together with those that it leads. Undefined if it has exceeded
   * none.
   */
  excess(session: UnifiedSession): string | undefined {
    const { costUsd, tokens } = this.spending(session);
    const limits = this.#limitsOf(session.id);
    if (limits.costUsd !== undefined && costUsd > limits.costUsd) return `limits.costUsd ($${limits.costUsd})`;
    return limits.tokens !== undefined && tokens > limits.tokens ? `limits.tokens (${limits.tokens})` : undefined;
  }

  /** The cost (what is known of it) and tokens of a session, together with those that it leads. */
  spending(session: UnifiedSession): Spending {
    const all = this.leads(session) ? [session, ...this.below(session.id)] : [session];
    return all.map(countedUse).reduce((sum, { costUsd, tokens }) => ({
      costUsd: sum.costUsd + costUsd,
      tokens: sum.tokens + tokens,
    }));
  }

  #limitsOf(id: string): SessionLimits {
    return this.#members.get(id)?.spec.limits ?? {};
  }
}

/**
 * What a child inherits from a session that leads: its workspace, its container's settings, its policy and limits, and the
 * tools that it may not use.
 *
 * @param docker the Docker options that the child asks for
 * @throws OrchestrationError `INVALID_OPTIONS` if the child would leave the container
 */
export function handedDown(
  { id, environment }: UnifiedSession,
  {
    docker: own,
    policy,
    questions,
    git,
    limits,
    workspaces,
    models,
    claude: { disallowedTools = [] },
    ...spec
  }: SessionSpec,
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
    docker: withoutPorts(own),
    policy,
    ...(spec.setup && { setup: spec.setup }),
    ...(spec.caches && { caches: spec.caches.map(({ env: _, ...cache }) => cache) }),
    ...(models && { models }),
    ...(questions && { questions }),
    ...(git && { git }),
    limits: { ...limits, logBytes: logBytesOf(limits) },
    disallowedTools,
    retry: spec.retry ?? DEFAULT_RETRY,
    onOverage: spec.onOverage ?? 'continue',
    ...(spec.account !== undefined && { account: spec.account }),
    cwd: workingFolder(environment),
    root: mountedFolder(environment),
    ...(workspaces && { workspaces }),
  };
}

/** A port of the machine leads to one container, and an agent that asks for a child opens none. */
function withoutPorts(docker: SessionSpec['docker']): SessionSpec['docker'] {
  if (docker === false) return false;
  const { ports: _, ...rest } = docker;
  return rest;
}

function refused(id: string, why: string): OrchestrationError {
  return new OrchestrationError(
    'CHILDREN_LIMIT',
    `Session ${id} cannot lead a further session: ${why}. Continue one that it has, or set the limit when you create it.`,
  );
}
