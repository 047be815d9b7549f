import type { ClaudeOptions, InterpolationData } from 'channelcoder';
import type { SessionFolder } from '../contract/session-folder.js';
import type { SessionWorktrees } from '../git/session-worktrees.js';
import type { RunHooks } from '../mailbox/hook-channel.js';
import type { ProcessIdentity } from '../process/process-identity.js';
import type { DockerOptions } from '../session/docker-options.js';
import type { SessionLimits } from '../session/limits.js';
import type { ResolvedPolicy } from '../session/policy.js';
import type { SessionWorktreeRequest } from '../session/worktree-request.js';
import type {
  RunEnd,
  SessionEnvironment,
  SessionMode,
  SessionResult,
  TerminalStatus,
  UnifiedSession,
} from '../types.js';

/**
 * What the user asked for, checked, with the manager's defaults in it. For what `docker` leaves out, the defaults hold that
 * `DockerOptions` names.
 */
export interface SessionSpec {
  readonly id: string;
  readonly mode: SessionMode;
  /** Literal text, or the absolute path of a prompt file with its data. */
  readonly prompt: { text: string } | { file: string; data: InterpolationData };
  /** Absolute. */
  readonly cwd: string;
  readonly worktree: SessionWorktreeRequest | undefined;
  /** Folders that `cwd`, its repository and the worktree have to lie in, as real paths; absent where they may be anywhere. */
  readonly workspaces?: readonly string[];
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
  /** What the session's runs get in place of its options for Docker. Default those. */
  readonly docker?: Readonly<DockerOptions>;
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
  readonly conversationId: string | undefined;
  /** What the run has to ask this host about, where the executor can make it ask. */
  readonly hooks: RunHooks;
  /**
   * To be called once, before anything is started, with what the record should tell about the run. Resolves when that
   * is on disk, so that another host can find what is started then; rejects where it cannot be written.
   */
  readonly onPlaced: (placement: {
    containerName?: string;
    attachCommand?: string;
    environment?: Partial<SessionEnvironment>;
  }) => Promise<void>;
}

/** What an agent gets to end by itself after SIGTERM, before it is killed. */
export const STOP_GRACE_MS = 5_000;

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
  /** The conversation that the log is of, where that is no stream-json but a copy of Claude's transcript. */
  readonly conversationId?: string;
  /** Where Claude keeps the conversation's transcript, if that can be read on this host. */
  readonly transcripts?: string;
  /** The process that outlives this host: whoever adopts the run knows it by that. */
  readonly process?: ProcessIdentity;
  /** Whether it is frozen already when it is adopted. Default `false`. */
  readonly paused?: boolean;
  /** Whether it has ended already when it is adopted. Default `false`. */
  readonly over?: boolean;
  /** Freezes it. Absent where that cannot be done. */
  pause?(): Promise<void>;
  /** Lets it go on. */
  resume?(): Promise<void>;
  /**
   * The run goes on, but this host no longer watches it: neither promise resolves afterwards. Resolves when this host writes
   * nothing of it any more.
   */
  detach(): void | Promise<void>;
  /**
   * Removes what is left of a run that has ended: its container, the guard's files. Called when the end is on disk, so
   * that no host has to guess how a container ended that is gone. Never rejects.
   */
  release?(): Promise<void>;
  /** Told when Claude reported its result in the log: the only sign of an end that some runs give which ChannelCoder started. */
  resultSeen?(): void;
  /**
   * Has a listener told whether what goes into the log is copied too slowly: then nobody sees what the agent does. Absent where
   * the log is not a copy.
   */
  watchBacklog?(listener: (behind: boolean) => void): void;
  /**
   * Told when the log says that the agent has ended its turn, after all that it said in it.
   *
   * @param hooked whether a hook tells of it, too
   */
  turnEnded?(hooked: boolean): void;
}

/** A run that is over, before the record tells so. */
export interface EndedRun {
  readonly spec: SessionSpec;
  readonly session: UnifiedSession;
  readonly folder: SessionFolder;
  readonly status: TerminalStatus;
  readonly result: SessionResult;
}

/** What is there of a run outside of the state folder. */
export interface RunTrace {
  /** Of the container. */
  readonly name: string;
  /** Absent where it belongs to none, an image probe for example. */
  readonly sessionId?: string;
  readonly run: number;
  readonly mode?: SessionMode;
  /** As far as the trace itself tells. */
  readonly environment: SessionEnvironment;
}

/** A run of which nothing is left but how it ended. */
export function endedRun(end: RunEnd): RunHandle {
  return {
    started: Promise.resolve(undefined),
    ended: Promise.resolve(end),
    over: true,
    async stop() {},
    detach() {},
  };
}

/**
 * How the sessions of one mode run. The manager calls `prepare` while a session is created, `launch` whenever one of
 * its runs gets a slot, `adopt` for runs of a host that is gone, and `close` when it closes; queue, record, log and events are the manager's.
 *
 * @example
 * ```ts
 * const manager = new UnifiedSessionManager({ executors: { autonomous: new MyExecutor() } });
 * ```
 */
export abstract class BaseExecutor {
  /** The manager's, where it was made for one; a manager with another refuses it. */
  readonly stateDir?: string;
  /** Where its sessions' worktrees are kept; absent where they have none. */
  readonly worktrees?: SessionWorktrees;
  /** Whether every tool call of its runs has to pass the guard; see `RunHandle.hooked`. Default `false`. */
  readonly hooked: boolean = false;
  /**
   * Whether its sessions lead those that name them as `parentId`: children inherit workspace, policy and limits, count
   * against the limits, and are cancelled when their leader ends other than `completed`. Default `false`.
   */
  readonly leads: boolean = false;

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

  /**
   * Takes up a run that another host has launched; `request.session` is its record, the run the last in it. Answers
   * undefined where it never came to be, so that it can be launched now.
   *
   * By default nothing outlives a host, and the run counts as `lost`.
   *
   * @throws OrchestrationError `DOCKER_UNAVAILABLE` where nobody knows
   */
  async adopt(_request: RunRequest): Promise<RunHandle | undefined> {
    return endedRun({ reason: 'lost', error: 'It ran inside the host that is gone' });
  }

  /**
   * What the mode has to say of a run that has ended, beyond what every result says. Default: nothing.
   *
   * @throws Error where it cannot tell; the session ends all the same, and its record has the error
   */
  async conclude(_ended: EndedRun): Promise<Partial<SessionResult>> {
    return {};
  }

  /** What there is of runs outside of the state folder, containers for example. Default: nothing. */
  async traces(): Promise<RunTrace[]> {
    return [];
  }

  /** Removes one of the traces, running or not: it belongs to no session. */
  async discard(_trace: RunTrace): Promise<void> {}

  /** Lets go of what the executor holds for all its sessions. */
  close(): void {}
}
