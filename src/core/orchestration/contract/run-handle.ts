import type { ProcessIdentity } from '../process/process-identity.js';
import type { RunEnd } from '../session/run.js';

/** How long an agent may take to end by itself after SIGTERM, before it is killed. In milliseconds. */
export const STOP_GRACE_MS = 5_000;

/** How a run is stopped: `gently` lets the agent end by itself first, `at-once` does not. */
export type StopManner = 'gently' | 'at-once';

/**
 * A run under way, as an executor gives it to the manager. The log is not in it: the manager reads that from the session's folder.
 * Nor is the record: an executor reports through `RunRequest.onPlaced` and through its promises.
 */
export interface RunHandle {
  /** Resolves when the run executes; with undefined if it ended before it did. Never rejects. */
  readonly started: Promise<Started | undefined>;
  /** Resolves when its container or process is gone and its log is complete. Never rejects. */
  readonly ended: Promise<RunEnd>;
  /** Ends the run; resolves when it is gone. Default `gently`; `at-once` if the agent is not to be trusted any more. May be called more than once. */
  stop(how?: StopManner): Promise<void>;
  /**
   * The run goes on, but this process no longer watches it: neither promise resolves afterwards. Resolves when this process writes
   * nothing of the run any more.
   */
  detach(): Promise<void>;
  /**
   * Removes what is left of a run that has ended: its container, the guard's files. Called when the end is on disk, so that no
   * process has to guess how a container ended that is gone. Never rejects.
   */
  release(): Promise<void>;
  /**
   * Whether every tool call has to pass `hooks.beforeTool` before it runs, and messages are taken. If it is true, a call that the
   * log tells of and that did not ask ends the session. Default `false`.
   */
  readonly hooked?: boolean;
  /** Whether the run has ended already when it is adopted. Default `false`. */
  readonly over?: boolean;
  /** The process that outlives this one: whoever adopts the run knows it by that. */
  readonly process?: ProcessIdentity;
  /** How the run is frozen. Absent if it cannot be. */
  readonly pausing?: RunPausing;
  /** Transcripts of Claude's conversation, beside the log or in its place. Absent if there are none that can be read here. */
  readonly transcript?: RunTranscript;
  /** Absent if the agent takes no turns with a person. */
  readonly turns?: RunTurns;
  /** Set if ChannelCoder started the run itself. Its log is then followed with ChannelCoder's `monitorLog`. */
  readonly channelCoder?: ChannelCoderRun;
}

/** That a run executes. */
interface Started {
  readonly containerId?: string;
}

/** Freezes a run, and lets it go on. */
export interface RunPausing {
  /** Whether the run is frozen already when it is adopted. */
  readonly paused: boolean;
  pause(): Promise<void>;
  resume(): Promise<void>;
}

/** The transcripts of a run's conversation. */
interface RunTranscript {
  /** The folder that Claude keeps them in: what subagents do is read there. Absent if the log has all of it. */
  readonly folder?: string;
  /** Set if the log is no stream-json, but a copy of the transcript. */
  readonly copy?: {
    /** The conversation that the log is of. */
    readonly conversationId: string;
    /** Has a listener told whether the transcript is copied too slowly: then nobody sees what the agent does. Absent if it cannot be. */
    watchBacklog?(listener: (behind: boolean) => void): void;
  };
}

/** The turns that an agent takes with a person. */
interface RunTurns {
  /**
   * The log says that the agent has ended its turn, after all that it said in it.
   *
   * @param hooked whether a hook tells of it, too
   */
  ended(hooked: boolean): void;
}

/** A run that ChannelCoder started. */
interface ChannelCoderRun {
  /** Claude reported its result in the log: the only sign of an end that some of these runs give. */
  resultSeen(): void;
}

/** A run of which nothing is left but how it ended. */
export function endedRun(end: RunEnd): RunHandle {
  return {
    started: Promise.resolve(undefined),
    ended: Promise.resolve(end),
    over: true,
    async stop() {},
    async detach() {},
    async release() {},
  };
}
