import type { RunLead } from '../run/parts.js';
import type { Run } from '../run/run.js';
import type { Outline } from '../session/outline.js';
import type { UnifiedSession } from '../session/record.js';
import { isTerminal, type SessionMode } from '../session/status.js';
import type { SessionRegistry } from '../store/registry.js';
import { LedSessions, type SessionCommands } from './led-sessions.js';
import { runOrchestrate } from './orchestrate-command.js';
import { SessionTree, type TreeMember } from './session-tree.js';

/** A session of the manager, with its current run if there is one. */
interface RunningMembers {
  get(id: string): (TreeMember & { readonly run: Run | undefined }) | undefined;
  leads(mode: SessionMode): boolean;
}

export interface LeaderEffectsOptions {
  registry: SessionRegistry;
  live: RunningMembers;
  /** The actions of agents on the sessions that they lead. */
  commands: SessionCommands;
  /** Ends a session for good. */
  ender: {
    cancel(session: UnifiedSession, reason: string): Promise<UnifiedSession>;
    /** Sessions that have ended, and are to go on soon. `cancel` lets that fail for those who asked until then. */
    readonly pending: { readonly ids: Iterable<string>; cancel(id: string, until?: number): void };
  };
}

/** What changes for running sessions because one leads others: its agent's commands, its costs, and its end. */
export class LeaderEffects {
  readonly tree: SessionTree;
  readonly #options: LeaderEffectsOptions;

  constructor(options: LeaderEffectsOptions) {
    this.#options = options;
    this.tree = new SessionTree(options.registry, options.live);
  }

  /** What the run of a session needs for the sessions that it leads. */
  leadOf(id: string): RunLead {
    const { tree } = this;
    const { commands, registry } = this.#options;
    return {
      spending: () => tree.spending(registry.require(id)),
      commandsFor: (lease) =>
        tree.leads(registry.require(id))
          ? async (requestId, args, signal) => {
              await commands.recovered();
              return runOrchestrate(new LedSessions({ leaderId: id, tree, commands, lease, requestId, signal }), args);
            }
          : undefined,
    };
  }

  /** Called when a session may have cost more. Its cost counts for all sessions that lead it, too. */
  spentBy(session: UnifiedSession): void {
    for (const leader of this.tree.leadersOf(session.parentId)) {
      const run = this.#options.live.get(leader.id)?.run;
      // If the leader has no run that could be ended, the sessions that spend are ended instead.
      const excess = run ? undefined : this.tree.excess(leader);
      if (run) run.spent();
      if (excess === undefined) continue;
      const reason = `session ${leader.id}, which led it, has spent its ${excess}`;
      this.#keepEnded(leader.id);
      void this.#cancel(this.tree.openChildren(leader.id), reason);
    }
  }

  /** If a session ended before it was done, nobody follows its children any more. So they are cancelled. */
  async ended(leader: Pick<Outline, 'id' | 'mode' | 'status' | 'endedAt'>): Promise<void> {
    const { id, status, endedAt = Number.POSITIVE_INFINITY } = leader;
    if (!this.tree.leads(leader) || !isTerminal(status) || status === 'completed') return;
    // A child that somebody has continued since then has a reason of its own to run.
    const isOf = ({ runs, createdAt }: UnifiedSession): boolean => (runs.at(-1)?.requestedAt ?? createdAt) <= endedAt;
    this.#keepEnded(id, endedAt);
    await this.#cancel(this.tree.openChildren(id).filter(isOf), `session ${id}, which led it, ended ('${status}')`);
  }

  /** Lets no session below a leader go on that somebody wanted to continue before `until`. */
  #keepEnded(leaderId: string, until?: number): void {
    const { pending } = this.#options.ender;
    const ids = new Set(pending.ids);
    if (ids.size === 0) return;
    for (const { id } of this.tree.outlinesBelow(leaderId)) if (ids.has(id)) pending.cancel(id, until);
  }

  async #cancel(sessions: readonly UnifiedSession[], reason: string): Promise<void> {
    await Promise.allSettled(sessions.map((session) => this.#options.ender.cancel(session, reason)));
  }
}
