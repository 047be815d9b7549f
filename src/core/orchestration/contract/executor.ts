import type { AgentPlace } from '../session/agent-place.js';
import type { SessionEnvironment, SessionResult, UnifiedSession } from '../session/record.js';
import type { SessionMode, TerminalStatus } from '../session/status.js';
import type { RunHandle } from './run-handle.js';
import type { RunRequest } from './run-request.js';
import type { SessionFolder } from './session-folder.js';
import type { Preparation, SessionSpec } from './session-spec.js';

/** A run that is over, in the moment before the record says so. */
export interface EndedRun {
  readonly spec: SessionSpec;
  readonly session: UnifiedSession;
  readonly folder: SessionFolder;
  readonly status: TerminalStatus;
  readonly result: SessionResult;
}

/** What a run has left behind outside of the state folder. */
export interface Leftover {
  /** Name of the container. */
  readonly name: string;
  /** Absent if the leftover belongs to no session, for example an image probe. */
  readonly sessionId?: string;
  readonly run: number;
  readonly mode?: SessionMode;
  /** As much as the leftover itself tells. */
  readonly environment: SessionEnvironment;
}

/** A worktree whose session is gone, and the reason why the worktree stays. */
export interface KeptWorktree {
  readonly path: string;
  readonly branch: string;
  readonly why: string;
}

/** The worktrees that an executor has made for sessions. */
interface ExecutorWorktrees {
  /** True if a worktree was made for the session, and was not removed since then. */
  madeFor(sessionId: string): Promise<boolean>;
  /**
   * Removes the worktree of a session.
   *
   * @param force also removes a worktree that has work in it
   * @throws OrchestrationError `ILLEGAL_TRANSITION`, `WORKTREE_HAS_WORK`, `WORKTREE_FAILED`
   */
  remove(sessionId: string, force: boolean): Promise<void>;
  /** Removes the worktrees whose sessions are gone, unless they have work in them. */
  sweep(isSession: (id: string) => Promise<boolean>): Promise<{ removed: string[]; kept: KeptWorktree[] }>;
}

/** What the manager asks of a mode's executor. Executors extend `BaseExecutor`, which says what each member is for. */
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
  close(): void | Promise<void>;
}
