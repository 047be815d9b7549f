import type { ClaudeOptions, InterpolationData } from 'channelcoder';
import type { DockerOptions } from '../docker/docker-options.js';
import type { RunHooks } from '../intervention/hook-channel.js';
import type { SessionLimits } from '../intervention/session-limits.js';
import type { ResolvedPolicy } from '../intervention/tool-policy.js';
import type { SessionFolder } from '../state/session-folder.js';
import type { SessionEnvironment, SessionMode, UnifiedSession } from '../types.js';
import type { WorktreeRequest } from '../workspace/worktree-request.js';

/** What the user asked for, checked and complete: nothing here is optional that has a default. */
export interface SessionSpec {
  readonly id: string;
  readonly mode: SessionMode;
  /** Literal text, or the absolute path of a prompt file with its data. */
  readonly prompt: { text: string } | { file: string; data: InterpolationData };
  /** Absolute. */
  readonly cwd: string;
  readonly worktree: WorktreeRequest | undefined;
  /** `false` for a run on the host. */
  readonly docker: false | Readonly<DockerOptions>;
  /** What ChannelCoder passes on to Claude as it is. */
  readonly claude: Pick<
    ClaudeOptions,
    'system' | 'appendSystem' | 'tools' | 'disallowedTools' | 'mcpConfig' | 'maxTurns'
  >;
  /** The manager's policy, tightened by the session's own. */
  readonly policy: ResolvedPolicy;
  readonly limits: SessionLimits;
}

/** What an executor found out about where a session will run. */
export interface Preparation {
  readonly environment: SessionEnvironment;
}

/** One run to be launched. */
export interface RunRequest {
  readonly spec: SessionSpec;
  /** The record as it stands. */
  readonly session: UnifiedSession;
  /** 1 for the first. */
  readonly run: number;
  readonly folder: SessionFolder;
  /** The user's words for this run; absent for the first, which gets the prompt. */
  readonly feedback: string | undefined;
  /** Claude's conversation id to go on with. */
  readonly resume: string | undefined;
  /** What the run has to ask this host about, where the executor can make it ask. */
  readonly hooks: RunHooks;
  /** To be called once, before anything is started, with what the record should tell about the run. */
  readonly onPlaced: (placement: { containerName?: string; environment?: Partial<SessionEnvironment> }) => void;
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
}

/** A run under way. */
export interface RunHandle {
  /** Resolves when it executes; with undefined when it ended before it did. Never rejects. */
  readonly started: Promise<{ containerId?: string } | undefined>;
  /** Resolves when its container or process is gone and its log complete. Never rejects. */
  readonly ended: Promise<RunEnd>;
  /**
   * Ends it; resolves when it is gone. `gently` (default) lets it end by itself first, `at-once` does not: the agent is not to be
   * trusted any more. May be called more than once.
   */
  stop(how?: 'gently' | 'at-once'): Promise<void>;
  /**
   * Whether every tool call has to pass `hooks.beforeTool` before it runs, and messages are taken. Where it is true, a
   * call that the log tells of and that did not ask ends the session. Default `false`.
   */
  readonly hooked?: boolean;
  /** Where Claude keeps the conversation's transcript, if that can be read on this host. */
  readonly transcripts?: string;
  /** Freezes it. Absent where that cannot be done. */
  pause?(): Promise<void>;
  /** Lets it go on. */
  resume?(): Promise<void>;
  /** Lets go of it: it goes on, but this host no longer watches. Neither promise resolves afterwards. */
  detach(): void;
  /** Told when Claude reported its result in the log: the only sign of an end that some adopted runs give. */
  resultSeen?(): void;
}

/**
 * How the sessions of one mode run. The manager calls `prepare` while a session is created, `launch` whenever one of
 * its runs gets a slot, and `close` when it closes; queue, record, log and events are the manager's.
 *
 * @example
 * ```ts
 * const manager = new UnifiedSessionManager({ executors: { autonomous: new MyExecutor() } });
 * ```
 */
export abstract class BaseExecutor {
  /**
   * Refuses what cannot run, so that mistakes show in `create()`. Acquires nothing.
   *
   * @throws OrchestrationError with the code that says why
   */
  abstract prepare(spec: SessionSpec): Promise<Preparation>;

  /**
   * Starts a run that appends stream-json to the folder's log. Resolves as soon as the run is under way.
   *
   * @throws OrchestrationError where it could not be started; what was acquired is released
   */
  abstract launch(request: RunRequest): Promise<RunHandle>;

  /** Lets go of what the executor holds for all its sessions. */
  close(): void {}
}
