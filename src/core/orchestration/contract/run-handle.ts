import type { ProcessIdentity } from '../process/process-identity.js';
import type { RunEnd } from '../session/run.js';

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
  /** Whether ChannelCoder started the run itself. Its log is then followed with ChannelCoder's `monitorLog`. Default `false`. */
  readonly startedByChannelCoder?: boolean;
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
