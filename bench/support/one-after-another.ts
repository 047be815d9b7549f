import { join } from 'node:path';
import { UnifiedSessionManager } from 'autonomous-orchestration';
import { answer, collectGarbage } from './child.js';
import { LogExecutor } from './log-executor.js';
import { inScratch } from './scratch.js';

/** The heap of a manager that runs sessions one after another. */
export interface HeapGrowth {
  /** In megabytes, when more have ended than stay in memory, and after all sessions. */
  readonly earlyMb: number;
  readonly lateMb: number;
  /** How many sessions there were between the two. */
  readonly sessions: number;
}

/** More than stay in memory. */
const EARLY = 2_000;
const [count = 0, keep = 0] = process.argv.slice(2).map(Number);

function heapMb(): number {
  collectGarbage();
  return process.memoryUsage().heapUsed / 2 ** 20;
}

await inScratch(async (folder) => {
  const autonomous = new LogExecutor(async () => ({ ended: Promise.resolve({ exitCode: 0 }) }));
  await using manager = new UnifiedSessionManager({
    stateDir: join(folder, 'state'),
    socket: false,
    executors: { autonomous },
    ...(keep > 0 && { keepEnded: { count: keep } }),
  });
  let earlyMb = 0;
  for (let made = 1; made <= count; made++) {
    const { id } = await manager.create({ prompt: 'End.', docker: false, cwd: folder, taskId: `task ${made}` });
    await manager.waitFor(id);
    if (made === EARLY || made === count) {
      // What has ended last is still on its way to the disk.
      await new Promise((resolve) => setTimeout(resolve, 500));
      if (made < count) earlyMb = heapMb();
    }
  }
  answer({ earlyMb, lateMb: heapMb(), sessions: count - EARLY } satisfies HeapGrowth);
});
