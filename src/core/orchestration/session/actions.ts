import type { ProcessIdentity } from '../process/process-identity.js';
import type { ApprovalSource, Denial } from './denial.js';
import type { GuardRequest } from './metadata.js';
import type { Observation } from './observation.js';
import type { SessionEnvironment, SessionResult, UnifiedSession } from './record.js';
import type { RunEnd, RunStop } from './run.js';
import type { TerminalStatus, WaitingFor } from './status.js';

/** The only way a session changes. */
export type SessionAction =
  | CreatedAction
  /** It was taken over from an earlier manager, as its journal tells. */
  | { readonly type: 'recovered'; readonly session: UnifiedSession }
  /** It moved in the queue. */
  | { readonly type: 'moved'; readonly queuePosition: number }
  /** It got a slot; a run begins, and its part of the log. */
  | { readonly type: 'launching'; readonly at: number }
  /** The run's place is known: worktree, log, container name. */
  | {
      readonly type: 'placed';
      readonly logFile: string;
      readonly logOffset: number;
      readonly containerName?: string;
      readonly attachCommand?: string;
      readonly environment?: Partial<SessionEnvironment>;
    }
  /** The process on the host is there that the run depends on. */
  | { readonly type: 'spawned'; readonly process: ProcessIdentity }
  /** The container (or process) executes. */
  | { readonly type: 'running'; readonly at: number; readonly containerId?: string }
  /** The log told something; `replayed` where an earlier host may have read it before. */
  | {
      readonly type: 'observed';
      readonly at: number;
      readonly observations: readonly Observation[];
      readonly replayed?: true;
    }
  /** A person is asked about a tool call. */
  | { readonly type: 'asked'; readonly at: number; readonly request: GuardRequest }
  /** The request was answered, by a person or for want of one. */
  | {
      readonly type: 'answered';
      readonly at: number;
      readonly request: GuardRequest;
      readonly decision: 'allow' | 'deny';
      readonly by: ApprovalSource;
      readonly note?: string;
    }
  /** A tool call was kept from running. */
  | { readonly type: 'denied'; readonly at: number; readonly denial: Denial }
  /** A message of the user's was handed to the agent. */
  | { readonly type: 'steered'; readonly at: number; readonly message: string }
  /** Its container was frozen. */
  | { readonly type: 'paused'; readonly at: number }
  /** Its container works again; approvals that waited got the time back. */
  | { readonly type: 'resumed'; readonly at: number; readonly deadlines: ReadonlyMap<string, number> }
  /** It has nothing to do before somebody else has done something. */
  | { readonly type: 'resting'; readonly at: number; readonly waitingFor: WaitingFor }
  /** It is at work again. */
  | { readonly type: 'woken'; readonly at: number }
  /** The run is told to end. */
  | { readonly type: 'stopping'; readonly stop: RunStop }
  /** Its container (or process) has ended. */
  | { readonly type: 'exited'; readonly end: RunEnd }
  /** The provider's usage limit ended the run; the session waits for the next one. */
  | { readonly type: 'suspended'; readonly at: number; readonly resumeAt: number; readonly exitCode?: number }
  /** Its worktree was removed. */
  | { readonly type: 'worktree-removed' }
  /** The run is over and so is the session, unless it is continued. */
  | { readonly type: 'ended'; readonly at: number; readonly status: TerminalStatus; readonly result: SessionResult }
  /** A further run of the same conversation is asked for; an active run is over by now. */
  | {
      readonly type: 'continued';
      readonly at: number;
      readonly feedback: string;
      readonly commandId?: string;
      readonly exitCode?: number;
      readonly queuePosition?: number;
    };

/** A session comes to be. The only action without a record before it. */
export interface CreatedAction {
  readonly type: 'created';
  readonly at: number;
  readonly session: Pick<UnifiedSession, 'id' | 'mode' | 'environment' | 'taskId' | 'parentId' | 'queuePosition'>;
}
