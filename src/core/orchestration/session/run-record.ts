import type { Clock } from '../util/clock.js';
import type { SessionAction } from './actions.js';
import type { UnifiedSession } from './record.js';
import type { SessionRun } from './run.js';

/** Told of a change after it was made. */
export type RecordListener = (session: UnifiedSession, action: SessionAction) => void;

/** The record of a session, in the hands of the run that is under way. */
export interface RunRecord {
  /** The session as it is now. */
  readonly session: UnifiedSession;
  /** The run as it is now: the last one of the session. */
  readonly run: SessionRun;
  readonly clock: Clock;
  /** False when the run is over, or when this process has detached from it: the record changes no more through this run. */
  readonly open: boolean;
  /**
   * Changes the record, if it is open. Returns whether it was.
   *
   * @throws OrchestrationError `ILLEGAL_TRANSITION`
   */
  dispatch(action: SessionAction): boolean;
  /** Resolves when the record as it is now is on disk. @throws OrchestrationError `STATE_NOT_WRITABLE` */
  saved(): Promise<void>;
  onChange(listener: RecordListener): void;
}
