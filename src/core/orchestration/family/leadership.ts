import type { RunLead } from '../run/parts.js';
import type { Run } from '../run/run.js';
import type { UnifiedSession } from '../session/record.js';
import { isTerminal } from '../session/reducer.js';
import { LedSessions, type SessionCommands } from './led-sessions.js';
import { runOrchestrate } from './orchestrate-command.js';
import { type FamilyOptions, SessionFamily } from './session-family.js';

export interface LeadershipOptions extends FamilyOptions {
  /** What agents do to the sessions that they lead. */
  commands: SessionCommands;
  /** The run of a session that is under way. */
  runOf: (id: string) => Run | undefined;
  /** Ends a session for good. */
  cancel: (session: UnifiedSession, reason: string) => Promise<UnifiedSession>;
}

/** What it means while sessions run that one leads others: its agent's commands, its costs, and its end. */
export class Leadership {
  readonly family: SessionFamily;
  readonly #options: LeadershipOptions;

  constructor(options: LeadershipOptions) {
    this.#options = options;
    this.family = new SessionFamily(options);
  }

  /** What the run of a session has to do with the sessions that it leads. */
  leadOf(id: string): RunLead {
    const { family } = this;
    const { commands, registry } = this.#options;
    return {
      spending: () => family.spending(registry.demand(id)),
      commandsFor: (lease) =>
        family.leads(registry.demand(id))
          ? (requestId, args, signal) =>
              runOrchestrate(new LedSessions({ leaderId: id, family, commands, rest: lease, requestId, signal }), args)
          : undefined,
    };
  }

  /** A session may have cost more: those that lead it pay for that, too. */
  spentBy(session: UnifiedSession): void {
    for (const leader of this.family.leadersOf(session.parentId)) {
      const run = this.#options.runOf(leader.id);
      // Nobody is there that could be ended for it but those who spend.
      const excess = run ? undefined : this.family.excess(leader);
      if (run) run.spent();
      if (excess === undefined) continue;
      const reason = `session ${leader.id}, which led it, has spent its ${excess}`;
      void this.#cancel(this.family.openChildren(leader.id), reason);
    }
  }

  /** Nobody follows the children any more of a session that ended before it was done. */
  async ended(leader: UnifiedSession): Promise<void> {
    const { id, status, endedAt = Number.POSITIVE_INFINITY } = leader;
    if (!this.family.leads(leader) || !isTerminal(status) || status === 'completed') return;
    // One that somebody has continued since then has a reason of its own to be there.
    const isOf = ({ runs, createdAt }: UnifiedSession): boolean => (runs.at(-1)?.requestedAt ?? createdAt) <= endedAt;
    await this.#cancel(this.family.openChildren(id).filter(isOf), `session ${id}, which led it, ended ('${status}')`);
  }

  async #cancel(sessions: readonly UnifiedSession[], reason: string): Promise<void> {
    await Promise.allSettled(sessions.map((session) => this.#options.cancel(session, reason)));
  }
}
