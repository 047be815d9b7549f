import { expect, it, vi } from 'vitest';
import { RunEnds, type RunEndsOptions } from '../../../../src/core/orchestration/manager/run-ends.js';
import type { Run } from '../../../../src/core/orchestration/run/run.js';

it('the end of a run that cannot be recorded is a warning, and cancel() does not wait for it', async () => {
  const warned = vi.spyOn(process, 'emitWarning').mockImplementation(() => {});
  const left: string[] = [];
  const options = {
    clock: { now: () => 0 },
    effects: { tree: { spending: () => ({}) } },
    holds: { ran() {} },
    live: { require: () => ({ spec: { limits: {} } }) },
    queue: { ending() {}, leave: (id: string) => left.push(id) },
    store: {
      registry: { require: () => ({ id: 'one', status: 'queued', runs: [] }) },
      dispatch() {
        throw new Error("'ended' is not possible");
      },
    },
  } as unknown as RunEndsOptions;
  const ends = new RunEnds(options);
  const run = { remove: vi.fn() } as unknown as Run;
  ends.finish('one', run, { status: 'completed', result: { reason: 'completed' } });
  expect(warned.mock.calls).toEqual([[expect.stringMatching(/session one .*'ended' is not possible/), 'RunEndFailed']]);
  expect(run.remove).toHaveBeenCalledOnce();
  expect(left).toEqual(['one']);
  expect(ends.isRemoving('one')).toBe(false);
});
