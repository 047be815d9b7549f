/** How a session runs. Each mode has an executor of its own. */
export type SessionMode = 'autonomous' | 'interactive' | 'planning' | 'orchestration' | 'worktree';

/**
 * The state of a session. `queued` waits for a slot, or for what `after` and `notBefore` say. `starting` has a slot and is being launched. `running` works.
 * `waiting_feedback` waits for somebody: a person who decides about a tool call (`pendingApproval`) or answers a question of the
 * agent (`pendingQuestions`), or what `waitingFor` says.
 * `paused` has two kinds. The last three are terminal.
 *
 * A `paused` session with `resumeAt` waits for what `pausedFor` says. It has no run and no slot. `resume()` tries again at once,
 * and `pause()` is refused. Any other `paused` session is frozen. `resume()` lets it go on, and `pause()` returns its record
 * unchanged.
 *
 * All statuses except `queued`, the terminal ones and `paused` with `resumeAt` hold a slot. A session that has ended holds it until
 * its container is removed. A session that waits for its `children`, or for a `slot` to
 * go on in, has given its own slot back. So has a session that waits for a `person`, unless the manager has
 * `releaseSlotWhileWaiting: false`.
 */
export type SessionStatus =
  | 'queued'
  | 'starting'
  | 'running'
  | 'paused'
  | 'waiting_feedback'
  | 'completed'
  | 'failed'
  | 'cancelled';

/**
 * What a running session waits for while it has nothing to do: `person` for a message from a person, `children` for sessions
 * that it leads, `slot` for a slot to go on in, because it gave its own slot back.
 */
export type WaitingFor = 'person' | 'children' | 'slot';

/**
 * Why a `paused` session with `resumeAt` waits: `usage_limit` for its provider's usage limit, `retry` to try again after a
 * failure that may pass, `overage` for the end of paid extra usage (`onOverage: 'wait'`).
 */
export type PausedFor = 'usage_limit' | 'retry' | 'overage';

/** Statuses that end a session. Only `continue()` leads out of them. `remove()` forgets such a session. */
export type TerminalStatus = Extract<SessionStatus, 'completed' | 'failed' | 'cancelled'>;

/** The statuses of a session that has begun and not ended. */
export const ACTIVE = ['starting', 'running', 'paused', 'waiting_feedback'] as const satisfies readonly SessionStatus[];
export const TERMINAL = ['completed', 'failed', 'cancelled'] as const satisfies readonly TerminalStatus[];
/** All statuses. */
export const STATUSES = ['queued', ...ACTIVE, ...TERMINAL] as const satisfies readonly SessionStatus[];

/** True if a session has ended (and can only be continued). */
export function isTerminal(status: SessionStatus): status is TerminalStatus {
  return (TERMINAL as readonly SessionStatus[]).includes(status);
}

/** True if a session has begun and not ended. */
export function isActive(status: SessionStatus): boolean {
  return (ACTIVE as readonly SessionStatus[]).includes(status);
}
