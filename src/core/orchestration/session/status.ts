/** How a session runs. Each mode has an executor of its own. */
export type SessionMode = 'autonomous' | 'interactive' | 'planning' | 'orchestration' | 'worktree';

/**
 * The state of a session. `queued` waits for a slot. `starting` has a slot and is being launched. `running` works.
 * `waiting_feedback` waits for somebody: a person who decides about a tool call (`pendingApproval`) or answers a question of the
 * agent (`pendingQuestions`), or what `waitingFor` says.
 * `paused` has two kinds. The last three are terminal.
 *
 * A `paused` session with `resumeAt` waits for its provider's usage limit and has no run. `resume()` tries again at once, and
 * `pause()` is refused. Any other `paused` session is frozen. `resume()` lets it go on, and `pause()` returns its record
 * unchanged.
 *
 * All statuses except `queued` and the terminal ones hold a slot. A session that waits for its `children`, or for a `slot` to
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

/** Statuses that end a session. Only `continue()` leads out of them. `remove()` forgets such a session. */
export type TerminalStatus = Extract<SessionStatus, 'completed' | 'failed' | 'cancelled'>;
