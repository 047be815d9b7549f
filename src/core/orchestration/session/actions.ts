import type { ProcessIdentity } from '../process/process-identity.js';
import type { PublishedPort } from './container-options.js';
import type { ApprovalSource, Denial } from './denial.js';
import type { GuardRequest } from './metadata.js';
import type { Observation } from './observation.js';
import type { PendingQuestion, QuestionAnswer, QuestionSource } from './question.js';
import type { QueuePlan } from './queue-plan.js';
import type { SessionEnvironment, SessionResult, UnifiedSession } from './record.js';
import type { RunEnd, RunFailure, RunStop } from './run.js';
import type { TerminalStatus, WaitingFor } from './status.js';

/** A session changes only through these actions. They are plain JSON, so that other processes can follow. */
export type SessionAction =
  | CreatedAction
  /** The session was taken over from an earlier manager, in the state that its journal tells. */
  | { readonly type: 'recovered'; readonly session: UnifiedSession }
  /** The session has another position in the queue. Applied when a record is read, so nobody is told of it. */
  | { readonly type: 'moved'; readonly queuePosition?: number }
  /** The session came into line, at this position. Without a position, it has to wait for others again before it comes into line. */
  | { readonly type: 'queued'; readonly queuePosition?: number }
  /** The session got a slot. A new run begins, and with it a new part of the log. */
  | { readonly type: 'launching'; readonly at: number }
  /** The place of the run is known: worktree, log, container name. */
  | {
      readonly type: 'placed';
      readonly logFile: string;
      readonly logOffset: number;
      readonly containerName?: string;
      readonly attachCommand?: string;
      readonly environment?: Partial<SessionEnvironment>;
    }
  /** The process on the machine that the run depends on was started. */
  | { readonly type: 'spawned'; readonly process: ProcessIdentity }
  /** The container (or process) executes. */
  | {
      readonly type: 'running';
      readonly at: number;
      readonly containerId?: string;
      readonly ports?: readonly PublishedPort[];
    }
  /** The log reported something. `replayed` is set if an earlier process may have read that part of the log before. */
  | {
      readonly type: 'observed';
      readonly at: number;
      readonly observations: readonly Observation[];
      readonly replayed?: true;
    }
  /** A person is asked to decide about a tool call. */
  | { readonly type: 'asked'; readonly at: number; readonly request: GuardRequest }
  /** The request was answered: by a person, or because no person answered. */
  | {
      readonly type: 'answered';
      readonly at: number;
      readonly request: GuardRequest;
      readonly decision: 'allow' | 'deny';
      readonly by: ApprovalSource;
      readonly note?: string;
    }
  /** The agent asks a person something. */
  | { readonly type: 'question-asked'; readonly at: number; readonly question: PendingQuestion }
  /** A person has answered, or nobody answers any more. Without answers, the agent was told to decide for itself. */
  | {
      readonly type: 'question-answered';
      readonly at: number;
      readonly question: PendingQuestion;
      readonly by: QuestionSource;
      /** One for each question, in their order. */
      readonly answers?: readonly QuestionAnswer[];
    }
  /** A tool call was prevented from running. */
  | { readonly type: 'denied'; readonly at: number; readonly denial: Denial }
  /** A message from the user was handed to the agent. */
  | { readonly type: 'steered'; readonly at: number; readonly message: string }
  /** The container was frozen. */
  | { readonly type: 'paused'; readonly at: number }
  /** The container runs again. Waiting approvals and questions got the frozen time added to their deadlines. */
  | { readonly type: 'resumed'; readonly at: number; readonly deadlines: readonly Deadline[] }
  /** The session has nothing to do until somebody else has done something. */
  | { readonly type: 'resting'; readonly at: number; readonly waitingFor: WaitingFor }
  /** The session works again. */
  | { readonly type: 'woken'; readonly at: number }
  /** The run is told to end. */
  | { readonly type: 'stopping'; readonly stop: RunStop }
  /** The container (or process) has ended. */
  | { readonly type: 'exited'; readonly end: RunEnd }
  /** Something that may pass ended the run. The session waits until it tries again. */
  | {
      readonly type: 'suspended';
      readonly at: number;
      readonly resumeAt: number;
      /** Absent in the journals of earlier releases, which knew only usage limits. */
      readonly failure?: RunFailure;
      readonly exitCode?: number;
    }
  /** The session's worktree was removed. */
  | { readonly type: 'worktree-removed' }
  /** The session is forgotten. The registry has no record of it any more. */
  | { readonly type: 'removed' }
  /** The run is over. The session is over too, unless it is continued. */
  | { readonly type: 'ended'; readonly at: number; readonly status: TerminalStatus; readonly result: SessionResult }
  /** A further run of the same conversation was requested. If a run was active, it is over by now. */
  | {
      readonly type: 'continued';
      readonly at: number;
      /** Absent if the run begins the conversation anew, with the prompt. */
      readonly feedback?: string;
      /** The run begins a new conversation, with a hand-over. */
      readonly fresh?: true;
      readonly commandId?: string;
      readonly outputRetry?: number;
      /** Set if the session has another login since then. */
      readonly account?: string;
      readonly exitCode?: number;
      readonly queuePosition?: number;
    };

/** By when a request has to be answered, in epoch milliseconds. */
type Deadline = readonly [requestId: string, deadline: number];

/** A session comes into being. Only this action and `recovered` need no record before them. */
export interface CreatedAction {
  readonly type: 'created';
  readonly at: number;
  readonly session: Pick<
    UnifiedSession,
    | 'id'
    | 'mode'
    | 'environment'
    | 'logFile'
    | 'taskId'
    | 'parentId'
    | 'queuePosition'
    | 'detached'
    | 'account'
    | 'asked'
    | keyof QueuePlan
  >;
  /** True if the session waits, and may not start yet. Then it has no position. */
  readonly blocked?: true;
}
