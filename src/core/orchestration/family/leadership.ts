import type { CommandRunner } from '../run/hooks.js';
import type { RunRest } from '../run/slot-lease.js';
import type { RunSupervisor } from '../run/supervisor.js';
import type { UnifiedSession } from '../session/record.js';
import { isTerminal } from '../session/reducer.js';
import { LedSessions, type SessionCommands } from './led-sessions.js';
import { runOrchestrate } from './orchestrate-command.js';
import { type FamilyOptions, SessionFamily } from './session-family.js';

export interface LeadershipOptions extends FamilyOptions {
  /** What agents do to the sessions that they lead. */
  commands: SessionCommands;
  /** The run of a session that is under way. */
  runOf: (id: string) => RunSupervisor | undefined;
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

  /** What the agent of a session does with `orchestrate`. */
  commandsOf(leaderId: string, rest: RunRest): CommandRunner {
    const { family } = this;
    const { commands } = this.#options;
    return (requestId, args, signal) =>
      runOrchestrate(new LedSessions({ leaderId, family, commands, rest, requestId, signal }), args);
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
