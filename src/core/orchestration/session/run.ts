import type { ProcessIdentity } from '../process/process-identity.js';
import type { TokenUsage } from './metadata.js';

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
