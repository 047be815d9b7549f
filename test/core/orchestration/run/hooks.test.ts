import { join } from 'node:path';
import { expect, it } from 'vitest';
import type { RunGuard } from '../../../../src/core/orchestration/guard/run-guard.js';
import { SteeringQueue } from '../../../../src/core/orchestration/mailbox/steering-queue.js';
import { runHooks } from '../../../../src/core/orchestration/run/hooks.js';
import { SlotLease } from '../../../../src/core/orchestration/run/slot-lease.js';
import { deferred } from '../../../../src/core/orchestration/util/deferred.js';
import { FakeRecord } from '../../../support/fake-record.js';
import { tempFolder } from '../../../support/temp-folder.js';

it('tool calls that waited together are decided one by one, each in its own turn of the event loop', async () => {
  let turn = 0;
  let over = false;
  const count = (): void => {
    turn += 1;
    if (!over) setImmediate(count);
  };
  setImmediate(count);
  const ratedAt: [string, number][] = [];
  const guard = {
    async beforeTool({ toolUseId }) {
      ratedAt.push([toolUseId, turn]);
      return { allowed: true };
    },
  } as Pick<RunGuard, 'beforeTool'> as RunGuard;
  const ready = deferred<void>();
  const record = new FakeRecord();
  const hooks = runHooks({
    guard,
    steering: new SteeringQueue(join(tempFolder(), 'steering.json')),
    lease: new SlotLease({ isHeld: true, release: () => {}, reclaim: () => true }, record),
    ready: ready.promise,
    record,
    commands: undefined,
    observer: { breached: () => {} },
  });
  const ids = ['a', 'b', 'c', 'd'];
  const verdicts = ids.map((toolUseId) => hooks.beforeTool({ toolUseId, tool: 'Bash', input: {} }));
  ready.resolve();
  await Promise.all(verdicts);
  over = true;
  expect(ratedAt.map(([id]) => id)).toEqual(ids);
  expect(new Set(ratedAt.map(([, at]) => at)).size).toBe(ids.length);
});
