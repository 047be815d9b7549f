import type { FailedRequest, FailureCause } from './failure-cause.js';
import type { ResultObservation } from './observation.js';
import type { SessionEnvironment, SessionResult } from './record.js';
import type { RunEnd, RunStop } from './run.js';
import type { OpenWork } from './run-progress.js';
import type { TerminalStatus } from './status.js';

/** What is known of a run that has ended: its exit, Claude's result, what was open, and whether the user stopped it. */
export interface RunWitnesses {
  end: RunEnd;
  result: ResultObservation | undefined;
  /** True if `result` was the run's last word: nothing was open, and the agent did not work on. */
  isFinal: boolean;
  /** True if the agent worked on after `result`. */
  worksOn: boolean;
  /** True if the agent said nothing since the result of its last tool call. */
  isSilent: boolean;
  open: OpenWork;
  /** The last request to the model, if it failed. */
  failedRequest: FailedRequest | undefined;
  /** True if Claude wrote anything. */
  hasEvents: boolean;
  /** Where Claude ran. Undefined if it ran in a terminal. */
  unattended: Pick<SessionEnvironment, 'docker' | 'dockerImage'> | undefined;
  /** Why the run was stopped on purpose, if it was. */
  stopped: RunStop | undefined;
  /** The limit that the provider's event told, if the provider has not answered since. */
  limit: ProviderLimit | undefined;
  /** The last log lines that were not stream-json. */
  diagnostics: readonly string[];
}

/** A limit of the account that keeps the provider from answering. */
export interface ProviderLimit {
  readonly cause: 'usage_limit' | 'spend_limit';
  /** When the provider allows requests again, in epoch milliseconds, if it said so. */
  readonly resetsAt?: number;
}

export interface Outcome {
  status: TerminalStatus;
  result: SessionResult;
  /** Why the model's provider refused the last request, if that is why the run failed. */
  cause?: FailureCause;
  /** The provider allows no more requests for now. The conversation can go on later. */
  usageLimit?: { resetsAt?: number };
  /** The problems of a result that does not fit the option `output`. */
  invalidOutput?: readonly string[];
  /**
   * Set if the session must not be continued immediately: its container may still exist, or the run was ended as failed on
   * purpose.
   */
  final?: true;
}
