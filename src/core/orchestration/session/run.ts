import type { ProcessIdentity } from '../process/process-identity.js';
import type { PublishedPort } from './container-options.js';
import type { TokenUsage } from './metadata.js';
import type { UnpricedUsage } from './model-price.js';
import type { SetupRun } from './setup.js';
import type { PausedFor } from './status.js';

/** One launch of a session. */
export interface SessionRun {
  /** 1 for the first. */
  readonly number: number;
  /** When the run was requested, by `create()` or `continue()`. Until `launchedAt` it waited for a slot. */
  readonly requestedAt?: number;
  /** When the run got its slot. Absent while it waits for one. */
  readonly launchedAt?: number;
  /** When the container (or process) began to execute. */
  readonly startedAt?: number;
  readonly endedAt?: number;
  readonly containerName?: string;
  readonly containerId?: string;
  /** Where the machine reaches the container's ports (`docker.ports`). Absent if none are published. */
  readonly ports?: readonly PublishedPort[];
  readonly exitCode?: number;
  /** How a person opens the terminal of an `interactive` session: a command for a shell on the machine. */
  readonly attachCommand?: string;
  /**
   * The text that `continue()` was called with. If the run went on by itself, the text that the agent was told. Absent in a run
   * that got the prompt.
   */
  readonly feedback?: string;
  /**
   * Set if the run began by itself because the result of the run before did not fit the option `output`: 1 for the first such run,
   * 2 for the next one.
   */
  readonly outputRetry?: number;
  /** True if the run began a new conversation, see `continue()`. */
  readonly fresh?: true;
  /** True if Claude has begun the run's conversation, or gone on with it. Before that, nobody has heard the run's feedback. */
  readonly begun?: true;
  /** The leader's agent requested the run with this command. The id ensures that no command is carried out twice. */
  readonly commandId?: string;
  /** Where the run's part of `logFile` begins, in bytes. */
  readonly logOffset?: number;
  /** The process on the machine: the docker client of a container, or `claude` itself. */
  readonly process?: ProcessIdentity;
  /** When the run was frozen. Only while it is frozen. */
  readonly pausedAt?: number;
  /** How long the run was frozen in earlier pauses, in milliseconds. */
  readonly pausedMs?: number;
  /** The latest 50 earlier pauses. */
  readonly pauses?: readonly SessionPause[];
  /** When the run began to wait for what `waitingFor` says. Only while it waits. */
  readonly waitingAt?: number;
  /** How long the run waited in earlier waits, in milliseconds, without the time in which it was frozen during them. */
  readonly waitedMs?: number;
  /** The latest 50 earlier waits. */
  readonly waits?: readonly SessionWait[];
  /** What the commands of the option `setup` did, as far as they have begun. */
  readonly setup?: readonly SetupRun[];
  /** Why the run was told to end, if it was. */
  readonly stop?: RunStop;
  /** Set if the run ended, and the session waited to go on. */
  readonly failure?: RunFailure;
  /** How the run's container or process ended. What Claude said of the run is in the session's `result`. */
  readonly exit?: RunEnd;
  /**
   * In US dollars. While the run is under way, an estimate from the list prices of its models and the option `prices`; absent
   * while a price is not known, see `unpriced`. After the run, the cost that Claude reported.
   */
  readonly costUsd?: number;
  /** Set instead of `costUsd` while the price of a model is not known, until Claude has reported what the run cost. */
  readonly unpriced?: UnpricedUsage;
  /** Our own count while the run is under way. After the run, the tokens that Claude reported. */
  readonly tokens?: TokenUsage;
  /** Set if Claude reported less than we counted. Limits then use our count, because an agent can write such a report itself. */
  readonly counted?: CountedUse;
  /** Agentic turns. */
  readonly turns?: number;
}

/** What was counted from the messages in the log. */
export interface CountedUse {
  /** An estimate from list prices, in US dollars. */
  readonly costUsd: number;
  /** All kinds together. */
  readonly tokens: number;
}

/** A period in which a run was frozen. */
export interface SessionPause {
  readonly pausedAt: number;
  readonly resumedAt: number;
}

/** A period in which a run had nothing to do until somebody else had done something. */
export interface SessionWait {
  readonly waitingAt: number;
  readonly workingAt: number;
}

/** Why a run was stopped on purpose. The result gets these words. */
export interface RunStop {
  readonly status: 'cancelled' | 'failed';
  readonly reason: string;
  readonly error: string;
  /** The feedback with which the conversation goes on after the stop. Absent if it was stopped for good. */
  readonly feedback?: string;
  /** As {@link SessionRun.fresh}, for the run that follows. */
  readonly fresh?: true;
  /** As {@link SessionRun.commandId}. */
  readonly commandId?: string;
  /** Set if the session waits after the stop, and then goes on by itself. */
  readonly wait?: { readonly pausedFor: PausedFor; readonly resetsAt?: number };
}

/** What ended a run after which the session goes on by itself. */
export interface RunFailure {
  readonly pausedFor: PausedFor;
  /** The reason that the session would have ended with. */
  readonly reason: string;
  /** What went wrong, for a person. At most 1,000 characters. */
  readonly error: string;
  /** How many attempts in a row have failed, with this one. */
  readonly attempt: number;
}

/** How a run's container or process ended. What Claude itself said of it is in the log. */
export interface RunEnd {
  readonly exitCode?: number;
  readonly oomKilled?: boolean;
  /** A reason that outweighs the exit code, for example `lost` or `LAUNCH_FAILED`. */
  readonly reason?: string;
  readonly error?: string;
  /** The end was not observed. Only the log can tell how the run ended. */
  readonly unknown?: boolean;
  /** A person has ended the run, by leaving Claude or by closing its window. No result was to be expected any more. */
  readonly closed?: boolean;
}
