import type { GuardRequest, SessionMetadata } from './metadata.js';
import type { SessionRun } from './run.js';
import type { SessionMode, SessionStatus, WaitingFor } from './status.js';

/**
 * Everything known of one session: a plain, deep-frozen record. A change makes a new record, so one that was read
 * never changes. Times (`…At`, `at`) are epoch milliseconds.
 */
export interface UnifiedSession {
  readonly id: string;
  readonly mode: SessionMode;
  readonly taskId?: string;
  readonly parentId?: string;
  readonly status: SessionStatus;
  /** 1 for the next to start; only while `queued`. */
  readonly queuePosition?: number;
  readonly createdAt: number;
  /** When the first run began to execute. */
  readonly startedAt?: number;
  /** When the last run ended; absent while the session is not terminal. */
  readonly endedAt?: number;
  readonly environment: SessionEnvironment;
  /** Claude's own conversation id (a UUID), what `claude --resume` takes. */
  readonly channelCoderSession?: string;
  /** The stream-json log, or the copied transcript of an `interactive` session: one file for all runs. Agent-controlled text: show it as text only. */
  readonly logFile?: string;
  readonly runs: readonly SessionRun[];
  /** The tool call that a person is asked about, the oldest first; answer with `approve` or `deny`. */
  readonly pendingApproval?: GuardRequest;
  /** All that are asked about, `pendingApproval` first; absent where there is none. */
  readonly pendingApprovals?: readonly GuardRequest[];
  /** What it waits for, if it has nothing to do; absent while it only waits for decisions about tool calls. */
  readonly waitingFor?: WaitingFor;
  /** When a session that waits for its provider's usage limit goes on by itself; only while `paused`. */
  readonly resumeAt?: number;
  /** How the last run went; only when terminal. */
  readonly result?: SessionResult;
  readonly metadata: SessionMetadata;
}

/** Where a session's agent works. */
export interface SessionEnvironment {
  readonly docker: boolean;
  /** Empty when `docker` is false. */
  readonly dockerImage: string;
  /** The workspace on the host. */
  readonly cwd: string;
  /** The worktree on the host; present as soon as it exists. */
  readonly worktree?: string;
  /** The worktree's branch. */
  readonly branch?: string;
  /** The commit that was checked out when a `worktree` session first entered its worktree. */
  readonly base?: string;
}

/** How a run went. Failed and completed sessions share this shape. */
export interface SessionResult {
  /** The agent's closing message. */
  readonly text?: string;
  /** Of the container or process. Absent when it is not known. */
  readonly exitCode?: number;
  /**
   * In a `completed` session `success`, or `closed` where the window of an `interactive` one was; in a `cancelled` one
   * `cancelled`. In a `failed` one:
   *
   * - one of {@link OrchestrationErrorCode}'s codes, where it could not be started or watched on: `LAUNCH_FAILED`,
   *   `IMAGE_NOT_FOUND`, `WORKTREE_FAILED`, `DOCKER_UNAVAILABLE`, `STATE_NOT_WRITABLE`, …
   * - of a limit: `timeout`, `idle`, `max_cost`, `max_tokens`, `max_turns`, `log_limit` (the log got longer than `limits.logBytes`,
   *   or was filled faster than it can be read)
   * - of the guard: `guard_bypassed`
   * - of the provider: `auth`, `rate_limited`
   * - of the container or process: `oom`, `killed` (exit code 137), `terminated` (143), `lost` (it vanished), `log_lost`
   *   (nobody wrote its log any more)
   * - `incomplete`: it ended well, but without a result, or the conversation of an `interactive` one never began
   * - `error`: anything else
   *
   * An executor of your own may have further ones.
   */
  readonly reason: string;
  /** What went wrong, for a person. */
  readonly error?: string;
  /** The plan of a `planning` session as a Markdown file; `text` has the same. */
  readonly planFile?: string;
  /** What a `worktree` session did. */
  readonly changes?: WorktreeChanges;
}

/** What happened in a worktree since its session entered it. */
export interface WorktreeChanges {
  readonly branch: string;
  /** The commit that was checked out then. */
  readonly base: string;
  /** Commits of the branch that `base` does not have. */
  readonly commits: number;
  /** Files in which the branch differs from `base`; what is not committed is not counted. */
  readonly files: number;
  /** Lines that were added to them. */
  readonly insertions: number;
  readonly deletions: number;
  /** Changed files that are not committed; a new folder counts once, and what git ignores does not. */
  readonly uncommitted: number;
}
