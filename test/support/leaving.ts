import { setImmediate as turn } from 'node:timers/promises';
import type { RunHandle, RunRequest } from 'autonomous-orchestration';
import { SimulatedExecutor } from 'autonomous-orchestration/testing';
import { type Deferred, deferred } from '../../src/core/orchestration/util/deferred.js';

/** An executor whose runs leave a container, which is gone when the test says so. */
export class Leaving extends SimulatedExecutor {
  readonly steps: string[] = [];
  readonly removals: Deferred<void>[] = [];
  /** The runs that this process was detached from. */
  readonly detached: number[] = [];

  override async launch(request: RunRequest): Promise<RunHandle> {
    this.steps.push(`launch ${request.run}`);
    const handle = await super.launch(request);
    const release = async (): Promise<void> => {
      this.steps.push(`remove ${request.run}`);
      const removal = deferred<void>();
      this.removals.push(removal);
      await removal.promise;
      this.steps.push(`removed ${request.run}`);
    };
    const detach = (): Promise<void> => {
      this.detached.push(request.run);
      return handle.detach();
    };
    return { ...handle, release, detach };
  }

  /** The container that has begun to be removed last is gone. */
  gone(): void {
    this.removals.at(-1)?.resolve();
  }
}

/** True if a promise is still pending after everything that could happen has happened. */
export async function isPending(promise: Promise<unknown>): Promise<boolean> {
  let settled = false;
  const settle = (): void => {
    settled = true;
  };
  promise.then(settle, settle);
  for (let turns = 0; turns < 50; turns++) await turn();
  return !settled;
}
