import { fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { answer } from './support/child.js';
import { type Bench, bareRun, openBench, requireEngine } from './support/engine.js';
import { type Figure, type Target, withUnit } from './support/figure.js';
import { type LoopReport, watchLoop } from './support/loop-watch.js';
import { inScratch } from './support/scratch.js';
import { median } from './support/stats.js';

const SESSIONS = 13;
const bash = (command: string): object => ({
  tool: 'Bash',
  input: { command, description: command },
  text: 'I run it.',
});
const SCRIPT = [bash('seq 1 200'), bash('seq 1 500'), { text: 'Both ran.' }];

async function runSessions({ manager, workspace }: Bench, count: number): Promise<string[]> {
  const options = { prompt: 'Run both.', cwd: workspace };
  const created = await Promise.all(Array.from({ length: count }, () => manager.create(options)));
  const ended = await Promise.all(created.map(({ id }) => manager.waitFor(id)));
  const failed = ended.find(({ status }) => status !== 'completed');
  if (failed) throw new Error(`A session ended as ${failed.status}: ${failed.result?.error}`);
  return created.map(({ id }) => id);
}

/** The commands of the child processes that this process starts during the work. */
async function childrenDuring(work: () => Promise<unknown>): Promise<string[]> {
  const sampler = fork(new URL('./support/child-sampler.js', import.meta.url), [String(process.pid)]);
  await once(sampler, 'message');
  await work();
  sampler.send('stop');
  const [commands] = await once(sampler, 'message');
  return commands as string[];
}

const { values } = parseArgs({ options: { rounds: { type: 'string', default: '2' } } });
await requireEngine();

await inScratch(async (folder) => {
  await using bench = await openBench(folder, SCRIPT, SESSIONS);
  const [first = ''] = await runSessions(bench, 1); // Warms up, probes the image, and records the command line.
  const [launch] = bench.launches;
  if (!launch) throw new Error('The manager launched nothing.');
  const input = join(bench.stateDir, 'sessions', first, 'prompt.md');
  const outputs = join(folder, 'outputs');
  await mkdir(outputs);
  const runBare = (): Promise<unknown> =>
    Promise.all(Array.from({ length: SESSIONS }, () => bareRun(launch, input, outputs)));

  const launchedBefore = bench.launches.length;
  const children = await childrenDuring(() => runSessions(bench, 3));
  const launched = (bench.launches.length - launchedBefore) / 3;

  const ours: LoopReport[] = [];
  const bare: LoopReport[] = [];
  for (let round = 0; round < Number(values.rounds); round++) {
    ours.push(await watchLoop(() => runSessions(bench, SESSIONS)));
    bare.push(await watchLoop(runBare));
  }
  const figure = (what: string, key: keyof LoopReport, target?: Target): Figure => ({
    what: `event loop: ${what}, ${SESSIONS} sessions starting and streaming`,
    measured: ours.map((report) => withUnit(report[key], 'ms')).join(', '),
    reference: `${SESSIONS} bare spawns ${withUnit(median(bare.map((report) => report[key])), 'ms')}`,
    value: median(ours.map((report) => report[key])),
    unit: 'ms',
    ...(target && { target }),
  });

  answer([
    figure("longest block, in the thread's own CPU time", 'longestBlockMs', { most: 20 }),
    figure('longest delay, waiting for a CPU included', 'longestDelayMs'),
    figure('p99 delay', 'p99DelayMs'),
    {
      what: 'session: child processes started by this process, a run',
      measured: `${launched} by the executor; ${[...new Set(children.map((command) => command.split(' ')[0]))].join(', ')}`,
      reference: '',
      value: children.length / 3,
      unit: 'a run',
      target: { most: 2 },
    },
  ] satisfies Figure[]);
});
