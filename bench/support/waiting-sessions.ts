import { join } from 'node:path';
import { type SessionPriority, type UnifiedSession, UnifiedSessionManager } from 'autonomous-orchestration';
import { answer } from './child.js';
import { LogExecutor } from './log-executor.js';
import { inScratch } from './scratch.js';

export interface CallCosts {
  readonly creates: number[];
  readonly cancels: number[];
}

const CALLS = 200;
const PRIORITIES: readonly SessionPriority[] = ['high', 'normal', 'low'];

/** How long the process was busy with a call. It waits for the disk, too, but that does not depend on the queue. */
async function busy<T>(into: number[], call: () => Promise<T>): Promise<T> {
  const before = performance.eventLoopUtilization();
  const made = await call();
  into.push(performance.eventLoopUtilization(before).active);
  return made;
}

const waiting = Number(process.argv[2]);
await inScratch(async (folder) => {
  const autonomous = new LogExecutor(async () => ({ ended: new Promise(() => {}) }));
  await using manager = new UnifiedSessionManager({
    stateDir: join(folder, 'state'),
    maxConcurrent: 1,
    maxQueued: 2 * waiting,
    socket: false,
    executors: { autonomous },
  });
  let made = 0;
  let last: UnifiedSession | undefined;
  const create = (): Promise<UnifiedSession> => {
    const number = made++;
    return manager.create({
      prompt: 'Wait.',
      docker: false,
      priority: PRIORITIES[number % 3] ?? 'normal',
      ...(number % 10 < 4 && last && { after: [{ id: last.id, on: 'ended' }] }),
    });
  };
  for (let count = 0; count <= waiting; count++) last = await create();
  const measured = async (): Promise<CallCosts> => {
    const costs: CallCosts = { creates: [], cancels: [] };
    for (let call = 0; call < CALLS; call++) {
      const { id } = await busy(costs.creates, create);
      await busy(costs.cancels, () => manager.cancel(id));
    }
    return costs;
  };
  await measured();
  answer(await measured());
});
