import { spawn } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { SessionFolder } from '../src/core/orchestration/contract/session-folder.js';
import { LaunchHelper } from '../src/core/orchestration/process/launch-helper.js';
import { launchDetached, type Starter } from '../src/core/orchestration/process/launcher.js';
import { answer } from './support/child.js';
import { type Figure, withUnit } from './support/figure.js';
import { watchLoop } from './support/loop-watch.js';
import { inScratch } from './support/scratch.js';
import { median } from './support/stats.js';
import { ThreadCpu } from './support/thread-cpu.js';

const STARTS = 13;
const ROUNDS = 5;
const MEMORY_BYTES = 1024 ** 3;
/** As long as the command line of a session, in characters. */
const WORDS = Array.from({ length: 80 }, (_, index) => `--word-${index}-${'x'.repeat(60)}`);

/** What starting processes costs this process. */
interface Cost {
  /** The CPU time of this thread for all starts, in milliseconds. */
  readonly cpuMs: number;
  readonly longestBlockMs: number;
}

await inScratch(async (parent) => {
  const places = await Promise.all(
    Array.from({ length: STARTS }, async (_, index) => {
      const folder = new SessionFolder(parent, `session-${index}`);
      await folder.create();
      const inputFile = join(folder.path, 'input');
      await writeFile(inputFile, '');
      return { folder, inputFile, cwd: folder.path, env: process.env };
    }),
  );
  /** Starts one after the other, as a manager does. */
  const starts = async (starter: Starter): Promise<void> => {
    for (const place of places) {
      await launchDetached(starter, { ...place, command: 'true', args: WORDS, mostFileBytes: 10 ** 8 });
    }
  };
  const cpu = new ThreadCpu();
  const cost = async (starter: Starter): Promise<Cost> => {
    const before = cpu.now();
    await starts(starter);
    // The watch takes CPU time, too, so it watches other starts.
    return { cpuMs: cpu.now() - before, ...(await watchLoop(() => starts(starter))) };
  };
  const helper = new LaunchHelper();
  if (!(await helper.prepare())) throw new Error('There is no helper on this machine.');
  const memory = Buffer.alloc(MEMORY_BYTES, 1);
  await starts({ spawn, helper }); // Warms up.
  const [helped, spawned]: [Cost[], Cost[]] = [[], []];
  for (let round = 0; round < ROUNDS; round++) {
    helped.push(await cost({ spawn, helper }));
    spawned.push(await cost({ spawn }));
  }
  await helper.close();
  if (memory.at(-1) !== 1) throw new Error('The memory is gone.');
  const figure = (what: string, key: keyof Cost, most: number): Figure => ({
    what: `launch: ${what}, in a process of 1 GB`,
    measured: withUnit(median(helped.map((cost) => cost[key])), 'ms'),
    reference: `without the helper ${withUnit(median(spawned.map((cost) => cost[key])), 'ms')}`,
    value: median(helped.map((cost) => cost[key])),
    unit: 'ms',
    target: { most },
  });
  answer([
    figure("longest block by a start, in the thread's own CPU time", 'longestBlockMs', 2),
    figure(`${STARTS} starts, in the thread's own CPU time`, 'cpuMs', 10),
  ] satisfies Figure[]);
});
