import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { answer } from './support/child.js';
import { type BareRun, type Bench, bareRun, firstByteIn, openBench, requireEngine } from './support/engine.js';
import { type Figure, withUnit } from './support/figure.js';
import { inScratch } from './support/scratch.js';
import { median, medianRatio } from './support/stats.js';

const SCRIPT = [
  {
    text: 'I make a file.',
    tool: 'Bash',
    input: { command: 'echo hi > made.txt && cat made.txt', description: 'Make a file' },
  },
  { text: 'The file is there.' },
];
const PROMPT = 'Make a file and show it.';

interface SessionRun extends BareRun {
  readonly startedMs: number;
}

async function sessionRun({ manager, workspace, stateDir }: Bench): Promise<SessionRun> {
  const start = performance.now();
  let startedMs = Number.NaN;
  manager.once('session:started', () => {
    startedMs = performance.now() - start;
  });
  const { id } = await manager.create({ prompt: PROMPT, cwd: workspace });
  const firstByte = firstByteIn(join(stateDir, 'sessions', id, 'stream.log'));
  const { status, result } = await manager.waitFor(id);
  const endMs = performance.now() - start;
  if (status !== 'completed') throw new Error(`The session ended as ${status}: ${result?.error}`);
  return { startedMs, firstByteMs: (await firstByte) - start, endMs };
}

const { values } = parseArgs({ options: { pairs: { type: 'string', default: '10' } } });
await requireEngine();

const { sessions, bare } = await inScratch(async (folder) => {
  await using bench = await openBench(folder, SCRIPT, 1);
  await sessionRun(bench); // Warms up, probes the image, and records the command line.
  const [launch] = bench.launches;
  const [warm] = bench.manager.list();
  if (!launch || !warm) throw new Error('The manager launched nothing.');
  const input = join(bench.stateDir, 'sessions', warm.id, 'prompt.md');
  const bareOnce = (): Promise<BareRun> => bareRun(launch, input, folder);
  await bareOnce();

  const sessions: SessionRun[] = [];
  const bare: BareRun[] = [];
  for (let pair = 0; pair < Number(values.pairs); pair++) {
    if (pair % 2 === 0) bare.push(await bareOnce());
    sessions.push(await sessionRun(bench));
    if (pair % 2 === 1) bare.push(await bareOnce());
  }
  return { sessions, bare };
});

const ends = sessions.map(({ endMs }) => endMs);
const bareEnds = bare.map(({ endMs }) => endMs);
const started = sessions.map(({ startedMs }) => startedMs);
const firstBytes = sessions.map(({ firstByteMs }) => firstByteMs);
const bareFirstBytes = bare.map(({ firstByteMs }) => firstByteMs);
const over = (list: readonly number[]): number =>
  median(list.map((value, index) => value - (bareFirstBytes[index] ?? Number.NaN)));

answer([
  {
    what: `session: create() → end, ${ends.length} pairs`,
    measured: withUnit(median(ends), 'ms'),
    reference: `docker run ${withUnit(median(bareEnds), 'ms')}`,
    value: medianRatio(ends, bareEnds),
    unit: '×',
    target: { most: 1.05 },
  },
  {
    what: 'session: create() → session:started, the slowest',
    measured: `median ${withUnit(median(started), 'ms')}`,
    reference: '',
    value: Math.max(...started),
    unit: 'ms',
    target: { most: 3_000 },
  },
  {
    what: "session: create() → session:started, over the bare run's first byte",
    measured: withUnit(median(started), 'ms'),
    reference: `docker run ${withUnit(median(bareFirstBytes), 'ms')}`,
    value: over(started),
    unit: 'ms',
    target: { most: 50 },
  },
  {
    what: "session: create() → first byte in the log, over the bare run's",
    measured: withUnit(median(firstBytes), 'ms'),
    reference: `docker run ${withUnit(median(bareFirstBytes), 'ms')}`,
    value: over(firstBytes),
    unit: 'ms',
    target: { most: 50 },
  },
] satisfies Figure[]);
