import type { SessionEnvironment, SessionResult, UnifiedSession } from '../session/record.js';
import type { SessionMode, TerminalStatus } from '../session/status.js';
import type { RunHandle } from './run-handle.js';
import type { RunRequest } from './run-request.js';
import type { SessionFolder } from './session-folder.js';
import type { Preparation, SessionSpec } from './session-spec.js';

/** A run that is over, before the record tells so. */
export interface EndedRun {
  readonly spec: SessionSpec;
  readonly session: UnifiedSession;
  readonly folder: SessionFolder;
  readonly status: TerminalStatus;
  readonly result: SessionResult;
}

/** What is there of a run outside of the state folder. */
export interface Leftover {
  /** Of the container. */
  readonly name: string;
  /** Absent where it belongs to none, an image probe for example. */
  readonly sessionId?: string;
  readonly run: number;
  readonly mode?: SessionMode;
  /** As far as the leftover itself tells. */
  readonly environment: SessionEnvironment;
}

/** A worktree whose session is gone, and why it stays. */
export interface KeptWorktree {
  readonly path: string;
  readonly branch: string;
  readonly why: string;
}

/** The worktrees that an executor has made for sessions. */
interface ExecutorWorktrees {
  /**
   * Removes the one of a session.
   *
   * @param force also where there is work in it
   * @throws OrchestrationError `ILLEGAL_TRANSITION`, `WORKTREE_HAS_WORK`, `WORKTREE_FAILED`
   */
  remove(sessionId: string, force: boolean): Promise<void>;
  /** Removes those whose sessions are gone, unless there is work in them. */
  sweep(isSession: (id: string) => Promise<boolean>): Promise<{ removed: string[]; kept: KeptWorktree[] }>;
}

/** The place of a session's agent, as its tool calls name it. */
export interface AgentPlace {
  /** The absolute path of the workspace as the agent sees it. */
  readonly workspace: string;
  /** Whether the agent works in a container, so that what it does outside of the workspace does not last. */
  readonly container: boolean;
}

/** What the manager asks of the executor of a mode. Executors extend `BaseExecutor`, which says what each part is for. */
export interface Executor {
  readonly stateDir?: string;
  readonly worktrees?: ExecutorWorktrees;
  readonly hooked: boolean;
  readonly leads: boolean;
  prepare(spec: SessionSpec): Promise<Preparation>;
  placeOf(environment: SessionEnvironment): AgentPlace;
  launch(request: RunRequest): Promise<RunHandle>;
  adopt(request: RunRequest): Promise<RunHandle | undefined>;
  finalResult(ended: EndedRun): Promise<Partial<SessionResult>>;
  leftovers(): Promise<Leftover[]>;
  removeLeftover(leftover: Leftover): Promise<void>;
  close(): void;
}
