import { setImmediate as settled } from 'node:timers/promises';
import { expect, it, vi } from 'vitest';
import { endedRun } from '../../../../src/core/orchestration/contract/run-handle.js';
import { leaving } from '../../../../src/core/orchestration/executors/guarded-run.js';
import { deferred } from '../../../../src/core/orchestration/util/deferred.js';

it('the end of a run is known when the run has left its worktree, so that another session can enter it', async () => {
  const left = deferred<void>();
  const onEnd = vi.fn();
  const run = leaving(endedRun({ exitCode: 0 }), () => left.promise);
  void run.ended.then(onEnd);
  await settled();
  expect(onEnd).not.toHaveBeenCalled();
  left.resolve();
  await settled();
  expect(onEnd).toHaveBeenCalledExactlyOnceWith({ exitCode: 0 });
});

it('the release of a run whose end nobody awaits waits until it has left its worktree', async () => {
  const left = deferred<void>();
  const onRelease = vi.fn();
  const run = leaving(endedRun({ exitCode: 0 }), () => left.promise);
  await settled();
  void run.release?.().then(onRelease);
  await settled();
  expect(onRelease).not.toHaveBeenCalled();
  left.resolve();
  await settled();
  expect(onRelease).toHaveBeenCalledOnce();
});
