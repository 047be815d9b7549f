/** How a session runs. Each mode has an executor of its own. */
export type SessionMode = 'autonomous' | 'interactive' | 'planning' | 'orchestration' | 'worktree';

/**
 * Where a session stands. `queued` waits for a slot; `starting` has one and is being launched; `running` works;
 * `waiting_feedback` waits for somebody: a person who decides about a tool call (`pendingApproval`), or what `waitingFor`
 * says; `paused` has two kinds; the last three are terminal.
 *
 * One that is `paused` with `resumeAt` waits for its provider's usage limit, without a run: `resume()` tries again at once,
 * and `pause()` is refused. Any other is frozen: `resume()` lets it go on, and `pause()` answers it as it is.
 *
 * All but `queued` and the terminal ones hold a slot. One that waits for its `children`, or for a `slot` to go on in, has
 * given its own back; so has one that waits for a `person`, unless the manager has `releaseSlotWhileWaiting: false`.
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
 * What a session waits for that runs but has nothing to do: `person` for what somebody types, `children` for sessions
 * that it leads, `slot` for a slot to go on in, as it gave its own back.
 */
export type WaitingFor = 'person' | 'children' | 'slot';

/** Statuses that end a session; only `continue()` leads out of them. */
export type TerminalStatus = Extract<SessionStatus, 'completed' | 'failed' | 'cancelled'>;
