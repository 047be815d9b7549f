import type { Clock } from '../util/clock.js';
import type { SessionAction } from './actions.js';
import type { Observed } from './metadata-reducer.js';
import type { UnifiedSession } from './record.js';
import type { SessionRun } from './run.js';

/** Called after a change was made. */
export type RecordListener = (session: UnifiedSession, action: SessionAction) => void;

/** The record of a session, as the current run sees it. */
export interface RunRecord {
  /** The session as it is now. */
  readonly session: UnifiedSession;
  /** The run as it is now: the last one of the session. */
  readonly run: SessionRun;
  readonly clock: Clock;
  /** False if the run is over, or if this process has detached from it. Then the run no longer changes the record. */
  readonly open: boolean;
  /**
   * Changes the record if it is open. Returns true if it was open.
   *
   * @throws OrchestrationError `ILLEGAL_TRANSITION`
   */
  dispatch(action: SessionAction): boolean;
  /**
   * Adds what a log line reported, if the record is open. Returns true if it was open. What is added in one turn of the event loop
   * becomes one change at the end of the turn. That change is made earlier if the record is read, or changed in another way.
   */
  observe(line: Observed): boolean;
  /** Resolves when the current state of the record is on disk. @throws OrchestrationError `STATE_NOT_WRITABLE` */
  saved(): Promise<void>;
  onChange(listener: RecordListener): void;
}
