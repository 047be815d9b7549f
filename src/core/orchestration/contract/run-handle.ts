import type { ProcessIdentity } from '../process/process-identity.js';
import type { PublishedPort } from '../session/container-options.js';
import type { RunEnd } from '../session/run.js';
import type { SetupObservation } from '../session/setup.js';

/** How long an agent may take to end by itself after SIGTERM, in milliseconds. After that it is killed. */
export const STOP_GRACE_MS = 5_000;

/** How a run is stopped: `gently` lets the agent end by itself first, `at-once` does not. */
export type StopManner = 'gently' | 'at-once';

/**
 * A run under way, as an executor gives it to the manager. The handle contains neither the log nor the record. The manager
 * reads the log from the session's folder. An executor reports changes for the record through `RunRequest.onPlaced` and through
 * the promises of the handle.
 */
export interface RunHandle {
  /** Resolves when the run executes, or with undefined if the run ended before that. Never rejects. */
  readonly started: Promise<Started | undefined>;
  /** Resolves when the run's container or process is gone and the log is complete. Never rejects. */
  readonly ended: Promise<RunEnd>;
  /**
   * Ends the run. Resolves when the run is gone. Default `gently`; `at-once` if the agent is no longer to be trusted. May be
   * called more than once.
   */
  stop(how?: StopManner): Promise<void>;
  /**
   * Stops watching the run, which goes on. Afterwards `started` and `ended` never resolve. Resolves when this process no longer
   * writes anything of the run.
   */
  detach(): Promise<void>;
  /**
   * Removes what is left of a run that has ended: its container and the guard's files. Called only when the end is on disk. So
   * no process ever has to guess how a container ended that is gone. If the session ends with the run, this is called after its
   * terminal event, and the session's slot is free when it has resolved. Absent if nothing is left of the run. Never rejects.
   */
  release?(): Promise<void>;
  /**
   * True if every tool call has to pass `hooks.beforeTool` before it runs, and if messages can be delivered. If true, a call
   * that is in the log but did not ask ends the session. Default `false`.
   */
  readonly hooked?: boolean;
  /**
   * Resolves with true if a hook of the run has reported to this process. Absent if this cannot be known. If Claude has begun and
   * no hook reports, Claude Code does not run the hooks, and the run is ended as `guard_missing`. Never rejects.
   */
  hasHookReport?(): Promise<boolean>;
  /** True if the run has already ended when it is adopted. Default `false`. */
  readonly over?: boolean;
  /** The process that outlives this one. A later process that adopts the run recognizes it by this identity. */
  readonly process?: ProcessIdentity;
  /** Where Claude runs, in words for a person: image, user, home folder. Absent if that is not known. */
  readonly place?: string;
  /** Freezes the run. Absent if the run cannot be frozen. */
  readonly pausing?: RunPausing;
  /**
   * Transcripts of Claude's conversation, in addition to the log or in place of it. Absent if there are none that this process
   * can read.
   */
  readonly transcript?: RunTranscript;
  /** Absent if the agent takes no turns with a person. */
  readonly turns?: RunTurns;
  /** What a person should know about the place of the run, for the record. Default nothing. */
  readonly notices?: readonly string[];
  /** What runs before the agent. Absent if nothing does. */
  readonly setup?: RunSetup;
  /** Set if ChannelCoder started the run itself. Its log is then followed with ChannelCoder's `monitorLog`. */
  readonly channelCoder?: ChannelCoderRun;
}

/** Present when a run executes. */
export interface Started {
  readonly containerId?: string;
  /** Where the machine reaches the container's ports. Absent if none are published. */
  readonly ports?: readonly PublishedPort[];
}

/** The commands that run in a container before the agent (option `setup`). */
interface RunSetup {
  /**
   * Begins to report what they do, from their beginning. Resolves when everything is reported that has happened before. When `ended`
   * resolves, everything is reported.
   */
  follow(report: (observations: readonly SetupObservation[]) => void): Promise<void>;
}

/** Freezes a run and unfreezes it. */
export interface RunPausing {
  /** True if the run is already frozen when it is adopted. */
  readonly paused: boolean;
  pause(): Promise<void>;
  resume(): Promise<void>;
}

/** The transcripts of a run's conversation. */
interface RunTranscript {
  /**
   * The folder in which Claude keeps the transcripts. The actions of subagents are read from there. Absent if the log contains
   * them all.
   */
  readonly folder?: string;
  /** Set if the log is not stream-json, but a copy of the transcript. */
  readonly copy?: {
    /** The conversation that is copied into the log. */
    readonly conversationId: string;
    /**
     * Calls the listener when the transcript is copied too slowly, and when the copy has caught up. While it is too slow,
     * nobody sees what the agent does. Absent if the copy cannot lag behind.
     */
    watchBacklog?(listener: (behind: boolean) => void): void;
  };
}

/** The turns that an agent takes with a person. */
interface RunTurns {
  /**
   * Called when the log says that the agent has ended its turn, after everything that it said in this turn.
   *
   * @param hooked true if a hook reports the end of the turn, too
   */
  ended(hooked: boolean): void;
}

/** A run that ChannelCoder started. */
interface ChannelCoderRun {
  /** Called when Claude has reported its result in the log. For some of these runs this is the only sign of the end. */
  resultSeen(): void;
  /**
   * Begins to report the events of an injected ChannelCoder, which need not write a log. Absent for the real one.
   *
   * @returns a function that ends the reporting
   * @throws OrchestrationError `LAUNCH_FAILED` if the injected `monitorLog` fails
   */
  watch?(onEvent: (event: object) => void): () => void;
}

/** The handle of a run that has already ended and has left nothing but the way it ended. */
export function endedRun(end: RunEnd): RunHandle {
  return {
    started: Promise.resolve(undefined),
    ended: Promise.resolve(end),
    over: true,
    async stop() {},
    async detach() {},
  };
}
