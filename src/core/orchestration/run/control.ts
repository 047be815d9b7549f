import type { RunHandle, StopManner } from '../contract/run-handle.js';
import type { RunStop } from '../session/run.js';

/** What the parts of a run can do to the run. */
export interface RunControl {
  /** True if the run was told to end. */
  readonly stopping: boolean;
  /** Ends the run. The first cause is kept, see `StopCause`. */
  stop(stop: RunStop, how?: StopManner): void;
  /** Ends the process of a run whose result is its last word. The result stands. */
  endProcess(): void;
  /** Keeps the agent from working until `release()`. Does nothing if the run has ended, or is being ended. */
  hold(): void;
  release(): void;
  /**
   * Does something to the run as soon as it executes.
   *
   * @throws OrchestrationError `ILLEGAL_TRANSITION` if the run ends before that, `MANAGER_CLOSED`
   */
  whileUnderWay(work: (handle: RunHandle) => Promise<void>): Promise<void>;
}
