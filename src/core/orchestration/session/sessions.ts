import type { EventEmitter } from 'eventemitter3';
import type { CreateSessionOptions } from './create-options.js';
import type { SessionEvent, SessionManagerEvents } from './events.js';
import type { TypedId } from './output-schema.js';
import type { QuestionAnswer } from './question.js';
import type { QueueStatus } from './queue-status.js';
import type { UnifiedSession } from './record.js';
import type { SessionMode, SessionStatus } from './status.js';

/** How a session is continued. */
export interface ContinueOptions {
  /** True to begin a new conversation, with a hand-over from the old one. Default `false`. */
  readonly fresh?: boolean;
}

/** The criteria of `list()`. They are combined with "and". */
export interface SessionFilter {
  mode?: SessionMode;
  /** One status or several. */
  status?: SessionStatus | readonly SessionStatus[];
  taskId?: string;
  parentId?: string;
}

/** Options of `waitFor()`: what it waits for, and how long. */
export interface WaitOptions {
  /** One status or several to wait for. Default: any terminal one. */
  status?: SessionStatus | readonly SessionStatus[];
  /** Ends the wait, not the session. The promise rejects with the signal's reason. */
  signal?: AbortSignal;
}

/** Selects the events that `events()` offers, and when the iteration ends. */
export interface EventStreamOptions {
  /** Only events with this `sessionId`. An id that is not known yet is accepted. Default all. */
  sessionId?: string;
  /** Ends the iteration when aborted, without an error. Earlier events are read first. */
  signal?: AbortSignal;
}

/**
 * Sessions, wherever their manager is: in this process (`UnifiedSessionManager`) or in another one (`openSessions`). Handlers,
 * HTTP app and page need no more than this. If the manager is in another process, every call that changes something, and `waitFor`,
 * can also fail with `OWNER_UNREACHABLE` or `OWNER_INCOMPATIBLE`.
 */
export interface Sessions extends EventEmitter<SessionManagerEvents> {
  /**
   * Creates a session. Resolves when the session is recorded: as `starting`, or as `queued`, with a `queuePosition` if it may
   * start. Does not wait for the container. Sessions get their places in the queue in the order of the calls, but later
   * calls may come first while a `parentId` is read from the disk. If a session of `after` has already failed, the record is
   * `failed`, reason `dependency_failed`.
   *
   * @throws OrchestrationError `INVALID_OPTIONS`, `QUEUE_FULL`, `CHILDREN_LIMIT`, `DOCKER_UNAVAILABLE`, `IMAGE_NOT_FOUND`,
   * `CLAUDE_NOT_FOUND`, `TMUX_NOT_FOUND`, `ONBOARDING_NEEDED`, `ENV_MISSING`, `ILLEGAL_TRANSITION` (its leader has
   * ended, or a session of `after` is being removed), `SESSION_NOT_FOUND` (a session of `after` is unknown),
   * `WORKSPACE_NOT_FOUND`, `WORKSPACE_NOT_WRITABLE`, `UNSAFE_MOUNT`, `UNSAFE_SETTINGS`, `WORKTREE_FAILED`, `STATE_LOCKED`, `STATE_NOT_WRITABLE`,
   * `MANAGER_CLOSED`; the signal's own reason if `signal` is aborted before `create()` resolves. In all these cases, nothing is
   * recorded or left behind
   */
  create<T = unknown>(options: CreateSessionOptions<T>): Promise<UnifiedSession<T>>;

  /**
   * The record of a session as it is now. Undefined for an unknown id. `waitFor` waits for a change.
   *
   * Of the sessions that have ended, a manager keeps the last 1,000 in memory. The record of another one is read from the disk, which
   * takes less than a millisecond. If it cannot be read any more, the result is undefined, and a warning of the process names the file.
   */
  get<T = unknown>(id: string | TypedId<T>): UnifiedSession<T> | undefined;

  /**
   * The matching records, oldest first. Without a filter, all records.
   *
   * The records of ended sessions that are not in memory (see `get`) are read from the disk during the call, so with thousands of them
   * a list takes seconds. Filter by status, task, parent or mode: the filter itself reads nothing. A record that cannot be read any
   * more is left out, as by `get`.
   */
  list(filter?: SessionFilter): UnifiedSession[];

  /**
   * Ends a session for good. Resolves when its container is proved gone and its slot is free. If the session waits for a slot, it
   * never starts. If the session has already ended, its record is returned unchanged, when its container is gone. So after
   * `waitFor`, `cancel` says when nothing is left of the session. A second call joins the first. `close` can
   * end all sessions.
   *
   * @param reason the text for `result.error`, without control characters; at most 2,000 characters
   * @throws OrchestrationError `SESSION_NOT_FOUND`, `INVALID_OPTIONS`, `MANAGER_CLOSED`; `STATE_NOT_WRITABLE` if the session has
   * ended and the end could not be written to the disk
   */
  cancel(id: string, reason?: string): Promise<UnifiedSession>;

  /**
   * Continues the conversation of a session with feedback. The session keeps its id and its worktree, and gets a further run. The
   * run goes through the queue like a new session. If a run is under way, that run is stopped first, and the session keeps its
   * slot. Claude remembers what it was told, but not a tool call that was interrupted.
   *
   * With `fresh`, Claude begins a new conversation instead. It gets a hand-over that is made from the record: the task, the
   * feedback, and what the earlier conversation did. `conversationId` then changes. This is the way on if the old conversation is
   * full (reason `context_full`), or if Claude never began one.
   *
   * @param feedback literal text, like `prompt`. In an `interactive` session, feedback of more than 120,000 bytes ends the new
   * run as `failed`, reason `INVALID_OPTIONS`
   * @throws OrchestrationError `SESSION_NOT_FOUND`, `INVALID_OPTIONS`, `QUEUE_FULL`, `ILLEGAL_TRANSITION` for a session
   * that waits for a run or has spent its limits; without `fresh` also if Claude never began a conversation, or if the conversation
   * is full; with `fresh` in an `interactive` session, which has one conversation; `ENV_MISSING`,
   * `STATE_NOT_WRITABLE`, `MANAGER_CLOSED`
   */
  continue(id: string, feedback: string, options?: ContinueOptions): Promise<UnifiedSession>;

  /**
   * Freezes the container of a running session (`docker pause`), in the middle of whatever it does. Without Docker, freezes the
   * `claude` process. While the session is frozen, limits and the deadlines of approvals stand still. Time-outs inside the
   * container, for example Bash's, do not. If the session is already frozen, its record is returned unchanged. `cancel` and
   * `continue` also work on a frozen session.
   *
   * @throws OrchestrationError `SESSION_NOT_FOUND`, `ILLEGAL_TRANSITION` if nothing runs that could be frozen, for example in a
   * session that waits for its provider (`resumeAt`); `DOCKER_UNAVAILABLE`, `MANAGER_CLOSED`
   */
  pause(id: string): Promise<UnifiedSession>;

  /**
   * Lets a frozen session go on. If the session waits for its provider (`resumeAt`), it tries again at once, in a further
   * run, if a slot is free. If the session already runs, its record is returned unchanged.
   *
   * @throws OrchestrationError `SESSION_NOT_FOUND`, `ILLEGAL_TRANSITION`, `DOCKER_UNAVAILABLE`, `MANAGER_CLOSED`
   */
  resume(id: string): Promise<UnifiedSession>;

  /**
   * Sends a message to a running agent without stopping it. The agent gets the message when its current tool call ends. If the
   * agent is about to stop, it goes on with the message. Each message arrives once, in the order of the calls. Resolves when the
   * agent was given the message, which may take as long as its tool call. `session:steered` is emitted at the same time.
   * `continue`, in contrast, reaches the agent at once, because it stops the agent's work. It also works after the session's end.
   *
   * @param message at most 8,000 characters
   * @throws OrchestrationError `SESSION_NOT_FOUND`, `INVALID_OPTIONS`, `ILLEGAL_TRANSITION` if nothing runs, or if the run ended
   * before the agent got the message, `STATE_NOT_WRITABLE`, `MANAGER_CLOSED`
   */
  steer(id: string, message: string): Promise<void>;

  /**
   * Allows a tool call that waits for a decision (`pendingApprovals`, `session:approval`).
   *
   * @param note kept with the event, at most 2,000 characters; the agent does not get it
   * @throws OrchestrationError `SESSION_NOT_FOUND`, `INVALID_OPTIONS` for a longer note, `REQUEST_NOT_FOUND` if the call
   * does not wait (any more), `ILLEGAL_TRANSITION` if nothing runs, `MANAGER_CLOSED`
   */
  approve(id: string, requestId: string, note?: string): Promise<UnifiedSession>;

  /**
   * Denies a tool call that waits for a decision. The call does not run.
   *
   * @param reason the text for the agent, at most 2,000 characters
   * @throws OrchestrationError as `approve`
   */
  deny(id: string, requestId: string, reason?: string): Promise<UnifiedSession>;

  /**
   * Answers questions of the agent (`pendingQuestions`, `session:question`). The agent gets the answers as the result of its call.
   *
   * @param answers one for each question, in their order: the label of an option or other words, and for a question with
   * `multiSelect` also a list of them. Each text may have 2,000 characters, and all together 6,000
   * @throws OrchestrationError `SESSION_NOT_FOUND`, `INVALID_OPTIONS` if the answers do not fit the questions,
   * `REQUEST_NOT_FOUND` if the questions do not wait (any more), `ILLEGAL_TRANSITION` if nothing runs, `MANAGER_CLOSED`
   */
  answer(id: string, questionId: string, answers: readonly QuestionAnswer[]): Promise<UnifiedSession>;

  /**
   * Removes the git worktree that was made for a session. The session must have ended. The branch of the worktree stays, and a
   * later `continue()` makes the worktree again. A worktree that was there before the session is not touched.
   *
   * @param options.force also removes the worktree if changes are not committed, or if only its branch has its commits. Default
   * `false`
   * @throws OrchestrationError `SESSION_NOT_FOUND`, `ILLEGAL_TRANSITION` if the session has not ended, or another session works
   * in the worktree; `WORKTREE_HAS_WORK`, `WORKTREE_FAILED`, `MANAGER_CLOSED`; `STATE_NOT_WRITABLE` if the worktree was removed
   * and this could not be written to the disk
   */
  removeWorktree(id: string, options?: { force?: boolean }): Promise<UnifiedSession>;

  /**
   * Forgets a session that has ended: its record, its log, its conversation and all its other files. A worktree that was made
   * for it is removed as by `removeWorktree()`; its branch stays. Resolves with the last record when the files are gone.
   * `session:removed` is emitted when the session is forgotten, which is a little earlier. A second call joins the first.
   *
   * What the session has spent does not count any more if the session that led it is continued.
   *
   * @param options.force also removes a worktree that has work in it, see `removeWorktree`. Default `false`
   * @throws OrchestrationError `SESSION_NOT_FOUND`; `ILLEGAL_TRANSITION` if the session has not ended, if another session works in
   * its worktree, if a session below it or a session that leads it has not ended, or if a waiting session names it in
   * `after`; `WORKTREE_HAS_WORK`, `WORKTREE_FAILED`,
   * `DOCKER_UNAVAILABLE` if its container may still run and the engine does not answer, `STATE_NOT_WRITABLE`, `MANAGER_CLOSED`. In
   * all these cases, the session stays
   */
  remove(id: string, options?: { force?: boolean }): Promise<UnifiedSession>;

  /**
   * Resolves with the record when the session reaches a status. Default: when the session ends, however it went. The container is
   * removed after that, and only then is the slot free; `cancel` waits for both. With the id that `create()` returned,
   * `result.output` has the type of the option `output`.
   *
   * @throws OrchestrationError `SESSION_NOT_FOUND`, `ILLEGAL_TRANSITION` if the session ends without reaching the status,
   * `MANAGER_CLOSED`; the reason of `options.signal` if that is aborted
   */
  waitFor<T = unknown>(id: string | TypedId<T>, options?: WaitOptions): Promise<UnifiedSession<T>>;

  /**
   * All events from now on, or the events of one session, for `for await`. It listens from the call on, not only from the first
   * `next()`, so no event between the two is missed. The iteration ends when you leave the loop. It also ends when the manager
   * has ended and all earlier events are read.
   *
   * @throws OrchestrationError `EVENTS_OVERFLOW`, from `next()`, if a reader is 10,000 events behind. The reader gets these
   * events first, and no later events
   */
  events(options?: EventStreamOptions): AsyncIterableIterator<SessionEvent>;

  /** How many sessions run and wait, which session is next, what keeps sessions from starting, and what is left of the accounts' windows. */
  queueStatus(): QueueStatus;

  /**
   * Holds the queue: no session starts any more, until `releaseQueue()`. Sessions that run go on. New sessions are accepted, and
   * wait. A later manager of the same state folder holds as well. If somebody has held the queue already, only the reason changes.
   *
   * The manager itself holds the sessions of an account if its login is refused (`auth`), if it has no money left
   * (`spend_limit`), and while it is at its usage limit (`usage_limit`) or pays extra usage that they may not pay (`overage`).
   *
   * @param reason for the people who see it; at most 2,000 characters. Default `'held by a person'`
   * @throws OrchestrationError `INVALID_OPTIONS`, `STATE_LOCKED`, `STATE_NOT_WRITABLE`, `MANAGER_CLOSED`
   */
  holdQueue(reason?: string): Promise<QueueStatus>;

  /**
   * Lets sessions start again, whoever or whatever has held them. What failed meanwhile can be continued. If nothing is held,
   * nothing changes.
   *
   * @param account ends only the hold of this account, see {@link QueueHold}. Default: all holds, also the one of `holdQueue()`
   * @throws OrchestrationError `INVALID_OPTIONS`, `STATE_LOCKED`, `STATE_NOT_WRITABLE`, `MANAGER_CLOSED`
   */
  releaseQueue(account?: string): Promise<QueueStatus>;

  /**
   * Ends this manager, or the connection to the manager of another process. Sessions that run go on. A second call joins the
   * first.
   */
  close(): Promise<void>;

  /** Same as `close()`, for `await using`. */
  [Symbol.asyncDispose](): Promise<void>;
}
