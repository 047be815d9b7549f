import type { StopManner } from '../contract/run-handle.js';
import type { RunStop } from '../session/run.js';

/**
 * Why a run was told to end. The first cause counts, with two exceptions in which the run must not be continued. One is a breach
 * of the guard that is found during a cancellation. The other is a cause that ends the session for good (a cancel, a limit) while
 * `continue()` is stopping the run, or while the run is stopped to wait.
 */
export class StopCause {
  #stop: RunStop | undefined;

  /** @param stop the cause that an earlier process has recorded */
  constructor(stop?: RunStop) {
    this.#stop = stop;
  }

  get stop(): RunStop | undefined {
    return this.#stop;
  }

  /** Returns true if this cause counts now. */
  give(stop: RunStop, how: StopManner): boolean {
    const before = this.#stop;
    const outweighs =
      (how === 'at-once' && before?.status === 'cancelled') ||
      (before?.feedback !== undefined && stop.feedback === undefined) ||
      (before?.wait !== undefined && stop.wait === undefined);
    if (before && !outweighs) return false;
    this.#stop = stop;
    return true;
  }
}
