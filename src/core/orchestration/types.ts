import type { InterpolationData } from 'channelcoder';
import type { Danger } from '../../danger/danger.js';
import type { ProcessIdentity } from './process/process-identity.js';
import type { DockerOptions } from './session/docker-options.js';
import type { SessionLimits } from './session/limits.js';
import type { ToolPolicy } from './session/policy.js';
import type { WorktreeRequest } from './session/worktree-request.js';

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

/** What to run and where. Unknown keys are refused. */
export interface CreateSessionOptions {
  /** Which executor runs the session. Default `'autonomous'`. */
  mode?: SessionMode;
  /**
   * The prompt as literal text, sent byte for byte; in `interactive` at most 120,000 bytes. Exactly one of `prompt` and
   * `promptFile` is given, or neither where the plan of `parentId` is to be carried out.
   */
  prompt?: string;
  /**
   * A ChannelCoder prompt file (Markdown with optional YAML front matter and `{variables}`), relative to `cwd`.
   * It is read once, when the session is created. In `interactive` it may come to at most 120,000 bytes: more of them end
   * the run as `failed`, reason `INVALID_OPTIONS`.
   */
  promptFile?: string;
  /** Values for the variables of `promptFile`, checked against the `input` schema of its front matter. */
  data?: InterpolationData;
  /** The user's own id of the work this session belongs to, at most 500 characters; `list({ taskId })` finds it. */
  taskId?: string;
  /**
   * The session that this one was created for; `list({ parentId })` finds it. It works where that one does, unless `cwd`
   * says otherwise. One that leads (`orchestration`) hands down container, policy and limits as well, which can only be
   * tightened; one that has made a plan (`planning`) hands that down as the prompt. An id that this manager does not know is
   * only a label, of at most 500 characters: nothing is inherited.
   */
  parentId?: string;
  /**
   * The workspace, mounted at `/workspace`; writable, unless the mode is `planning`. Default that of the session which
   * `parentId` names, else `process.cwd()`.
   */
  cwd?: string;
  /** Runs the session in a git worktree of the workspace's repository instead of the workspace itself. */
  worktree?: string | WorktreeRequest;
  /**
   * Folders that the session may not leave, as real paths: `cwd`, the repository of a worktree, the git folders of `cwd` and
   * the worktree itself have to lie in one of them, and are checked again at the start of each run. A worktree that would be
   * made beside a repository, outside of them, is made in the repository's folder `.worktrees`. Sessions that this one leads
   * inherit them. Default: anywhere.
   */
  workspaces?: string[];
  /**
   * `false` runs the `claude` of the `PATH` on the host, with the user's own permissions (never skipped) and no
   * isolation. An object overrides the manager's `docker` defaults for this session.
   */
  docker?: false | Partial<DockerOptions>;
  /** System prompt that replaces Claude's own. */
  system?: string;
  /** Text added to Claude's system prompt. */
  appendSystem?: string;
  /**
   * Tools that run without asking (`--allowedTools`). Those whose work is in no log (`Workflow`, `RemoteTrigger`, `REPL`, …) are on
   * only where they are named here.
   */
  tools?: string[];
  /** Tools that Claude may not use (`--disallowedTools`). */
  disallowedTools?: string[];
  /** MCP server configuration file, relative to `cwd`; mounted read-only in Docker. */
  mcpConfig?: string;
  /**
   * Ends the run after this many agentic turns with reason `max_turns`. Positive integer; default unlimited. Claude's
   * terminal UI (`interactive`) knows no such limit.
   */
  maxTurns?: number;
  /** What the session may spend. What goes beyond ends it as `failed`. Default unlimited, but for its log (1 GiB). */
  limits?: SessionLimits;
  /** Tightens the manager's policy for this session; what would loosen it is refused. */
  policy?: ToolPolicy;
  /** Cancels the session when aborted; where `create()` is still under way, that rejects with the signal's own reason. */
  signal?: AbortSignal;
}

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

/** One launch of a session. */
export interface SessionRun {
  /** 1 for the first. */
  readonly number: number;
  /** When it was asked for, by `create()` or `continue()`; until `launchedAt` it waited for a slot. */
  readonly requestedAt?: number;
  /** When it got its slot; absent while it waits for one. */
  readonly launchedAt?: number;
  /** When the container (or process) began to execute. */
  readonly startedAt?: number;
  readonly endedAt?: number;
  readonly containerName?: string;
  readonly containerId?: string;
  readonly exitCode?: number;
  /** How a person gets at the terminal of an `interactive` session: a command for the host's shell. */
  readonly attachCommand?: string;
  /** What `continue()` was called with, or what it is told that goes on by itself after a usage limit. Absent in the first. */
  readonly feedback?: string;
  /** The command of its leader's agent that asked for it, so that none is carried out twice. */
  readonly commandId?: string;
  /** Where its part of `logFile` begins, in bytes. */
  readonly logOffset?: number;
  /** The process on the host: the docker client of a container, or `claude` itself. */
  readonly process?: ProcessIdentity;
  /** When it was frozen; only while it is. */
  readonly pausedAt?: number;
  /** How long it was frozen before that, in milliseconds. */
  readonly pausedMs?: number;
  /** The latest 50 times that it was frozen before that. */
  readonly pauses?: readonly SessionPause[];
  /** When it began to wait for what `waitingFor` says; only while it does. */
  readonly waitingAt?: number;
  /** How long it waited so before that, in milliseconds, without the time for which it was frozen meanwhile. */
  readonly waitedMs?: number;
  /** The latest 50 times that it waited so before that. */
  readonly waits?: readonly SessionWait[];
  /** Why it was told to end, if it was. */
  readonly stop?: RunStop;
  /** How its container or process ended. What Claude said of the run is in the session's `result`. */
  readonly exit?: RunEnd;
  /**
   * In US dollars. While the run is under way an estimate from the list prices of its models (absent where one is
   * unknown), at its end what Claude reported.
   */
  readonly costUsd?: number;
  /** Counted while the run is under way, at its end what Claude reported. */
  readonly tokens?: TokenUsage;
  /** Agentic turns. */
  readonly turns?: number;
}

/** A time for which a run was frozen. */
export interface SessionPause {
  readonly pausedAt: number;
  readonly resumedAt: number;
}

/** A time for which a run had nothing to do before somebody else had done something. */
export interface SessionWait {
  readonly waitingAt: number;
  readonly workingAt: number;
}

/** Why a run was stopped on purpose, in the words of its result. */
export interface RunStop {
  readonly status: 'cancelled' | 'failed';
  readonly reason: string;
  readonly error: string;
  /** What the conversation goes on with after it; absent where it was to end for good. */
  readonly feedback?: string;
  /** As of a run. */
  readonly commandId?: string;
}

/** How a run's container or process ended. What Claude itself said of it is in the log. */
export interface RunEnd {
  readonly exitCode?: number;
  readonly oomKilled?: boolean;
  /** A reason that outweighs the exit code, for example `lost` or `LAUNCH_FAILED`. */
  readonly reason?: string;
  readonly error?: string;
  /** Nobody knows how it ended; only the log can tell. */
  readonly unknown?: boolean;
  /** A person has ended it, by leaving Claude or closing its window: nothing more was to come. */
  readonly closed?: boolean;
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

/** What was observed in the log. Bounded: totals count everything, lists keep the latest. */
export interface SessionMetadata {
  /** Messages of the agent; one that spans several log lines counts once. */
  readonly messages: number;
  readonly lastActivity?: number;
  readonly lastMessage?: string;
  /** The latest 20 messages, those of an `interactive` session's person included; each cut at 4,000 characters. */
  readonly recentMessages: readonly SessionMessage[];
  /** The latest 100 tool calls. */
  readonly toolsUsed: readonly ToolUsageRecord[];
  /** All calls, by tool. Names beyond 200 distinct ones are counted under `other`. */
  readonly toolCounts: Readonly<Record<string, number>>;
  /** The latest 50 errors. */
  readonly errors: readonly ClassifiedError[];
  /** All errors, by severity. */
  readonly errorCounts: Readonly<Record<ErrorSeverity, number>>;
  /**
   * The latest 50: dangerous tool calls, run or not (`toolsUsed` and `session:denied` tell), calls that went past the guard,
   * and what was planted for git on the host.
   */
  readonly dangers: readonly DangerRecord[];
  /** The latest 20 log lines that were not stream-json: entrypoints, stderr. */
  readonly diagnostics: readonly string[];
  /** Agentic turns, over all runs. */
  readonly turns?: number;
  /** US dollars, over all runs. */
  readonly costUsd?: number;
  /** Over all runs. */
  readonly tokens?: TokenUsage;
  readonly model?: string;
  readonly claudeVersion?: string;
}

/** Something that was said. Agent-controlled text: show it as text only. */
export interface SessionMessage {
  readonly at: number;
  readonly text: string;
  /** Set where it was said to the agent of an `interactive` session, at its terminal or by `steer()`. */
  readonly by?: 'person';
  /** The tool call whose subagent wrote it. */
  readonly parentToolUseId?: string;
}

/** One tool call of the agent. */
export interface ToolUsageRecord {
  readonly id: string;
  readonly name: string;
  /** As the agent gave it, cut to some 4,000 characters. The event has all of it, unbounded. */
  readonly input: unknown;
  readonly startedAt: number;
  readonly durationMs?: number;
  readonly outcome?: ToolOutcome;
  /** Absent for a call that is not dangerous. */
  readonly danger?: Danger;
  /** The tool call whose subagent made it. */
  readonly parentToolUseId?: string;
}

/** A tool call that waits for a person's decision. */
export interface GuardRequest {
  /** What `approve` and `deny` take. */
  readonly requestId: string;
  readonly toolUseId: string;
  readonly tool: string;
  /** All of it, so that nothing is approved unseen. Agent-controlled: show it as text only. */
  readonly input: unknown;
  readonly danger?: Danger;
  readonly askedAt: number;
  /** When it is denied if nobody has answered; later where the session was paused meanwhile. */
  readonly deadline: number;
}

/**
 * A dangerous tool call; one that went past the guard (rule `guard.bypassed`), whatever it did; or what was planted for git
 * on the host (rule `git.planted`), which is no call.
 */
export interface DangerRecord extends Danger {
  readonly at: number;
  /** `git` for what was planted; `unknown` where the log tells of a call and cannot be read. */
  readonly tool: string;
  /** Empty for what was planted; `unknown` as `tool` is. */
  readonly toolUseId: string;
}

/** How a tool call ended; `denied`: it was kept from running. */
export type ToolOutcome = 'ok' | 'error' | 'denied';

/** How much an error matters to whoever watches; {@link ClassifiedError} has what is what. */
export type ErrorSeverity = 'critical' | 'warning' | 'info';

/** Something that went wrong inside a session, which may well go on. */
export interface ClassifiedError {
  /** Goes by the `code`. `info` is for what has none of those below. */
  readonly severity: ErrorSeverity;
  /**
   * What it is about, by its words:
   *
   * - `critical`: `auth`, `out_of_memory`, `disk_full`, `permission_denied`
   * - `warning`: `rate_limit`, `file_not_found`, `command_failed`; `retry`, a request that is tried again; `denied`, a tool
   *   call that was; `tool_failed` and `api_error`, any other tool call and request; `no_conclusion`, where the mode cannot
   *   say what came of the run
   */
  readonly code: string;
  /** Cut at 1,000 characters. */
  readonly message: string;
  readonly at: number;
  readonly toolUseId?: string;
}

/** Token counts as the Messages API reports them. */
export interface TokenUsage {
  readonly input: number;
  readonly output: number;
  readonly cacheRead: number;
  readonly cacheCreation: number;
}
