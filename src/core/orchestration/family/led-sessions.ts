import { createHash } from 'node:crypto';
import type { SlotLease } from '../run/slot-lease.js';
import type { CreateSessionOptions } from '../session/create-options.js';
import { PRIORITIES, type SessionPriority } from '../session/queue-plan.js';
import type { UnifiedSession } from '../session/record.js';
import type { ContinueOptions } from '../session/sessions.js';
import { isTerminal } from '../session/status.js';
import { OrchestrationError, quote } from '../util/errors.js';
import type { ChildOptions, ChildSessions } from './child-sessions.js';
import type { SessionTree } from './session-tree.js';

/** The actions on sessions that are carried out for an agent. */
export interface SessionCommands {
  /** Resolves when no recovery is under way. While one is, sessions that an agent leads may be missing. Never rejects. */
  recovered(): Promise<unknown>;
  /** @param id the id of the new session; if a session with this id already exists, that session is returned */
  create(options: CreateSessionOptions, id: string): Promise<UnifiedSession>;
  /** @param commandId the id of the agent's command; the run that this call requests has it in its record */
  continue(id: string, feedback: string, options: ContinueOptions, commandId: string): Promise<UnifiedSession>;
  cancel(id: string, reason: string): Promise<UnifiedSession>;
  waitFor(id: string, options: { signal: AbortSignal }): Promise<UnifiedSession>;
}

export interface LedSessionsOptions {
  leaderId: string;
  tree: SessionTree;
  commands: SessionCommands;
  lease: SlotLease;
  /** The id of the agent's command. If a later process gets the same command again, nothing is done twice. */
  requestId: string;
  /** Aborted when nobody waits for the answer any more. */
  signal: AbortSignal;
}

/** The sessions that one session leads. Its agent can see, continue and cancel these and no others. */
export class LedSessions implements ChildSessions {
  readonly #options: LedSessionsOptions;

  constructor(options: LedSessionsOptions) {
    this.#options = options;
  }

  async create(options: ChildOptions): Promise<UnifiedSession> {
    const { commands, leaderId, requestId } = this.#options;
    for (const { id } of options.after ?? []) this.get(id);
    this.#requirePriority(options.priority);
    return commands.create({ ...options, parentId: leaderId }, childId(leaderId, requestId));
  }

  /** An agent may not put the sessions that it leads before those that its own session had to wait behind. */
  #requirePriority(asked: SessionPriority | undefined): void {
    const { tree, leaderId } = this.#options;
    if (asked === undefined) return;
    const own = tree.leader(leaderId)?.session.priority ?? 'normal';
    if (PRIORITIES.indexOf(asked) >= PRIORITIES.indexOf(own)) return;
    throw new OrchestrationError(
      'INVALID_OPTIONS',
      `Option 'priority': '${asked}' is higher than '${own}', the priority of your own session. Leave it out, or ask for less.`,
    );
  }

  list(): UnifiedSession[] {
    const { tree, leaderId } = this.#options;
    return tree.below(leaderId);
  }

  get(id: string): UnifiedSession {
    const session = this.list().find((child) => child.id === id);
    if (session) return session;
    throw new OrchestrationError('SESSION_NOT_FOUND', `You lead no session ${quote(id)}; 'list' shows those you lead.`);
  }

  async wait(
    ids: readonly string[],
    { any, timeoutMs }: { any: boolean; timeoutMs: number },
  ): Promise<UnifiedSession[]> {
    const { commands, lease, signal } = this.#options;
    const now = (): UnifiedSession[] => ids.map((id) => this.get(id));
    const ended = now().filter(({ status }) => isTerminal(status)).length;
    if (ended === ids.length || (any && ended > 0)) {
      // The leader may have given up its slot, if it already waited under an earlier process. It needs a slot to go on.
      if (lease.resting) await lease.during(async () => {});
      return now();
    }
    const timeout = new AbortController();
    const timer = setTimeout(() => timeout.abort(), timeoutMs).unref();
    const waiting = { signal: AbortSignal.any([signal, timeout.signal]) };
    try {
      await lease.during(async () => {
        const waits = ids.map((id) => commands.waitFor(id, waiting));
        await (any ? Promise.race(waits) : Promise.all(waits)).catch((error: unknown) => {
          if (!waiting.signal.aborted) throw error;
        });
      });
    } finally {
      clearTimeout(timer);
      timeout.abort(); // Ends the waits for the other sessions.
    }
    return now();
  }

  async continue(id: string, feedback: string, options: ContinueOptions = {}): Promise<UnifiedSession> {
    const { commands, requestId } = this.#options;
    const session = this.get(id);
    // An earlier process may have already begun to carry this command out.
    const begun = session.runs.some(({ commandId, stop }) => [commandId, stop?.commandId].includes(requestId));
    return begun ? session : commands.continue(id, feedback, options, requestId);
  }

  async cancel(id: string, reason: string): Promise<UnifiedSession> {
    return this.#options.commands.cancel(this.get(id).id, reason);
  }
}

/** The id of a new session, in the form that all session ids have. The same command always gives the same id. */
function childId(leaderId: string, requestId: string): string {
  const hash = createHash('sha256').update(`${leaderId} ${requestId}`).digest('hex');
  return BigInt(`0x${hash}`).toString(36).slice(0, 12);
}
