/** Sessions that wait for each other, simulated. */
import { UnifiedSessionManager } from 'autonomous-orchestration';
import { SimulatedExecutor, scriptedRun } from 'autonomous-orchestration/testing';

const executor = new SimulatedExecutor(({ spec }) => {
  console.log('runs', spec.prompt);
  return scriptedRun([{ text: 'Done.' }], { exitCode: process.argv[3] === 'fails' ? 1 : 0 });
});
const manager = new UnifiedSessionManager({
  stateDir: process.argv[2] ?? 'state',
  maxConcurrent: 1,
  executors: { autonomous: executor },
});

const build = await manager.create({ prompt: 'Build' });
const test = await manager.create({ prompt: 'Test', after: [{ id: build.id }] });
const report = await manager.create({ prompt: 'Report', after: [{ id: test.id, on: 'ended' }], priority: 'high' });
const clean = await manager.create({ prompt: 'Clean up', priority: 'low', notBefore: Date.now() + 1_000 });

await Promise.all([report, clean].map(({ id }) => manager.waitFor(id)));
console.log(manager.get(test.id)?.status, manager.get(test.id)?.result?.reason);
await manager.close();
