import type { GuardRequest, SessionMetadata } from './metadata.js';
import type { SessionAsked } from './model-choice.js';
import type { TypedId } from './output-schema.js';
import type { AnsweredQuestion, PendingQuestion } from './question.js';
import type { SessionDependency, SessionPriority } from './queue-plan.js';
import type { SessionRun } from './run.js';
import type { PausedFor, SessionMode, SessionStatus, WaitingFor } from './status.js';

/**
 * Everything that is known of one session: a plain, deep-frozen record. A change makes a new record, so a record that you have
 * read never changes. Times (`…At`, `at`) are epoch milliseconds.
 *
 * @typeParam T the type of the session's result, which follows from the option `output`
 */
export interface UnifiedSession<T = unknown> {
  /** It carries the type of the result, so that `waitFor(id)` knows it. */
  readonly id: unknown extends T ? string : TypedId<T>;
  readonly mode: SessionMode;
  readonly taskId?: string;
  readonly parentId?: string;
  readonly status: SessionStatus;
  /**
   * 1 for the next session to start. Only while `queued`, and absent while the session may not start because of `after` or
   * `notBefore`. Others may come in between, see `CreateSessionOptions.priority`.
   */
  readonly queuePosition?: number;
  /** The sessions that had to end before this one could start, as it was created with. */
  readonly after?: readonly SessionDependency[];
  /** How soon the session gets a slot. Absent if it is `normal`, and neither `create()` nor a leader has set it. */
  readonly priority?: SessionPriority;
  /** The session does not start before this time, in epoch milliseconds. */
  readonly notBefore?: number;
  /**
   * True if the session works on while no process is there: it was created as `detached`, or the policy sets `onHostLost` to
   * `'allow'`.
   */
  readonly detached?: true;
  readonly createdAt: number;
  /** When the first run began to execute. */
  readonly startedAt?: number;
  /** When the last run ended; absent while the session is not terminal. */
  readonly endedAt?: number;
  readonly environment: SessionEnvironment;
  /** Which model the session was asked to use, and if it was asked for a typed result. Absent if it was asked for nothing. */
  readonly asked?: SessionAsked;
  /**
   * The id of Claude's conversation (a UUID), which `claude --resume` takes. It stays the same in all runs, until `continue()` is
   * called with `fresh`. Absent until Claude has begun the conversation.
   */
  readonly conversationId?: string;
  /** The same as `conversationId`, under the name that the project's plan gave it. */
  readonly channelCoderSession?: string;
  /**
   * The stream-json log, or the copied transcript of an `interactive` session. One file for all runs, which is made when the first
   * run begins. Agent-controlled text: show it as text only.
   */
  readonly logFile?: string;
  readonly runs: readonly SessionRun[];
  /** The oldest tool call that a person is asked about. Answer with `approve` or `deny`. */
  readonly pendingApproval?: GuardRequest;
  /** All tool calls that a person is asked about, `pendingApproval` first. Absent if there are none. */
  readonly pendingApprovals?: readonly GuardRequest[];
  /** What the agent has asked a person, the oldest first. Answer with `answer`. Absent if it waits for no answer. */
  readonly pendingQuestions?: readonly PendingQuestion[];
  /** The latest 10 questions of the agent that do not wait any more, with their answers. Absent if there were none. */
  readonly answeredQuestions?: readonly AnsweredQuestion[];
  /**
   * What the session waits for while it has nothing to do. Absent while it only waits for decisions about tool calls or for
   * answers to the agent's questions.
   */
  readonly waitingFor?: WaitingFor;
  /** When a session that waits for its provider goes on by itself; only while `paused`. */
  readonly resumeAt?: number;
  /** Why the session waits until `resumeAt`. */
  readonly pausedFor?: PausedFor;
  /** Whose login and money the session uses: the option `account`, or a label made of the image and the variables of the login. */
  readonly account?: string;
  /** How the last run went. Only while the session is terminal. */
  readonly result?: SessionResult<T>;
  readonly metadata: SessionMetadata;
}

/** Where a session's agent works. */
export interface SessionEnvironment {
  readonly docker: boolean;
  /** Empty when `docker` is false. */
  readonly dockerImage: string;
  /** The workspace on the machine. */
  readonly cwd: string;
  /**
   * The top folder of the repository, if `cwd` is a folder in it. The agent gets the whole repository, or a worktree of it, and
   * begins in that folder.
   */
  readonly root?: string;
  /** The worktree on the machine. Present as soon as it exists. */
  readonly worktree?: string;
  /** The worktree's branch. */
  readonly branch?: string;
  /** The commit that was checked out when a `worktree` session first entered its worktree. */
  readonly base?: string;
}

/** How a run went. Failed and completed sessions share this shape. */
export interface SessionResult<T = unknown> {
  /** The agent's closing message. */
  readonly text?: string;
  /**
   * The typed result, which fits the option `output`. Only if the session was asked for one and is `completed`. The agent chose it:
   * show its texts as text only.
   */
  readonly output?: T;
  /** Exit code of the container or process. Absent if it is not known. */
  readonly exitCode?: number;
  /**
   * Why the session ended. A `completed` session has `success`, or `closed` if somebody closed the window of an `interactive`
   * one. A `cancelled` session has `cancelled`. A `failed` session has:
   *
   * - one of {@link OrchestrationErrorCode}'s codes, if the session could not be started or no longer be watched:
   *   `LAUNCH_FAILED`, `IMAGE_NOT_FOUND`, `WORKTREE_FAILED`, `DOCKER_UNAVAILABLE`, `STATE_NOT_WRITABLE`, …
   * - `no_start`: Claude Code did not write its first line within `limits.startMs`
   * - for a limit: `timeout`, `idle`, `max_cost`, `max_tokens`, `max_turns`, `log_limit` (the log got longer than
   *   `limits.logBytes`, or was filled faster than it can be read)
   * - from the guard: `guard_bypassed` (a tool call ran without a decision), `guard_missing` (Claude Code does not run the hooks)
   * - from the provider: `auth` (the login is refused), `spend_limit` (the account has no money left, or reached a cap),
   *   `rate_limited`, `unknown_model` (the provider does not know the option `model`), `provider_error` (its server or the connection failed, and all attempts of `retry` are used up), `overage`
   *   (paid extra usage began, and `onOverage` is `'end'`)
   * - `invalid_output`: the result does not fit the option `output`, also after `outputRetries` further runs
   * - from the container or process: `oom`, `killed` (exit code 137), `terminated` (143), `lost` (it vanished), `log_lost`
   *   (nothing wrote its log any more)
   * - `dependency_failed`: a session that it waited for (`after`) did not complete
   * - `context_full`: the conversation is longer than the model reads; go on with `continue(id, feedback, { fresh: true })`
   * - `refused`: the model or its provider does not answer, by its usage policy
   * - `incomplete`: the run ended in the middle of its task, and `error` says what was open: a tool call without a result, work in
   *   the background, an answer that was cut off. Or it ended well but without a result, or the conversation of an `interactive`
   *   session never began. It can be continued
   * - `error`: anything else
   *
   * Your own executor may use further reasons.
   */
  readonly reason: string;
  /** What went wrong, for a person. */
  readonly error?: string;
  /** The plan of a `planning` session as a Markdown file. `text` has the same content. */
  readonly planFile?: string;
  /** What a `worktree` session changed. */
  readonly changes?: WorktreeChanges;
}

/** What happened in a worktree since its session entered it. */
export interface WorktreeChanges {
  readonly branch: string;
  /** The commit that was checked out when the session entered the worktree. */
  readonly base: string;
  /** Commits of the branch that `base` does not have. */
  readonly commits: number;
  /** Files in which the branch differs from `base`. Changes that are not committed do not count. */
  readonly files: number;
  /** Lines that were added to those files. */
  readonly insertions: number;
  readonly deletions: number;
  /** Changed files that are not committed. A new folder counts once. Files that git ignores do not count. */
  readonly uncommitted: number;
}
