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

/**
 * Both ends are what a program sees that waits for the work: the session's terminal event, and the exit of the bare run's client. Neither
 * removes its container before that (the bare run has no `--rm`), and both removals are awaited before the next turn.
 */
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
  await manager.cancel(id); // Resolves when the container is gone.
  if (status !== 'completed') throw new Error(`The session ended as ${status}: ${result?.error}`);
  return { startedMs, firstByteMs: (await firstByte) - start, endMs };
}

const { values } = parseArgs({ options: { rounds: { type: 'string', default: '4' } } });
await requireEngine();

const { sessions, bare, guarded } = await inScratch(async (folder) => {
  await using bench = await openBench(folder, SCRIPT, 1);
  await sessionRun(bench); // Warms up, probes the image, and records the command line.
  const [launch] = bench.launches;
  const [warm] = bench.manager.list();
  if (!launch || !warm) throw new Error('The manager launched nothing.');
  const input = join(bench.stateDir, 'sessions', warm.id, 'prompt.md');
  const sessions: SessionRun[] = [];
  const bare: BareRun[] = [];
  const guarded: BareRun[] = [];
  const turns = [
    async () => void bare.push(await bareRun(launch, input, folder)),
    async () => void sessions.push(await sessionRun(bench)),
    async () => void guarded.push(await bareRun(launch, input, folder, true)),
  ];
  for (const turn of turns) await turn();
  for (const list of [bare, sessions, guarded]) list.length = 0; // Warm-up.
  for (let round = 0; round < Number(values.rounds); round++) {
    for (const turn of turns) await turn();
    turns.reverse(); // So that none of them always comes after the same one.
  }
  return { sessions, bare, guarded };
});

const ends = sessions.map(({ endMs }) => endMs);
const bareEnds = bare.map(({ endMs }) => endMs);
const started = sessions.map(({ startedMs }) => startedMs);
const firstBytes = sessions.map(({ firstByteMs }) => firstByteMs);
const guardedEnds = guarded.map(({ endMs }) => endMs);
const bareFirstBytes = bare.map(({ firstByteMs }) => firstByteMs);
const guardedFirstBytes = guarded.map(({ firstByteMs }) => firstByteMs);
const over = (list: readonly number[], reference: readonly number[]): number =>
  median(list.map((value, index) => value - (reference[index] ?? Number.NaN)));

const GUARDED = 'the guarded bare run';
const guardedReference = (list: readonly number[]): string =>
  `docker run with hooks that only exit 0 ${withUnit(median(list), 'ms')}`;

answer([
  {
    what: `session: create() → terminal event, against ${GUARDED} to the exit of its client`,
    measured: `${withUnit(median(ends), 'ms')}, ${ends.length} of each`,
    reference: guardedReference(guardedEnds),
    value: medianRatio(ends, guardedEnds),
    unit: '×',
    target: { most: 1.03 },
  },
  {
    what: 'session: create() → terminal event, against the unguarded bare run to the exit of its client',
    measured: withUnit(median(ends), 'ms'),
    reference: `docker run ${withUnit(median(bareEnds), 'ms')}`,
    value: medianRatio(ends, bareEnds),
    unit: '×',
    target: { most: 1.06 },
  },
  {
    what: `session: ${GUARDED} against the unguarded one`,
    measured: withUnit(median(guardedEnds), 'ms'),
    reference: `docker run ${withUnit(median(bareEnds), 'ms')}`,
    value: medianRatio(guardedEnds, bareEnds),
    unit: '×',
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
    what: `session: create() → first byte in the log, over that of ${GUARDED}`,
    measured: withUnit(median(firstBytes), 'ms'),
    reference: guardedReference(guardedFirstBytes),
    value: over(firstBytes, guardedFirstBytes),
    unit: 'ms',
    target: { most: 20 },
  },
  {
    what: 'session: create() → first byte in the log, over that of the unguarded bare run',
    measured: withUnit(median(firstBytes), 'ms'),
    reference: `docker run ${withUnit(median(bareFirstBytes), 'ms')}`,
    value: over(firstBytes, bareFirstBytes),
    unit: 'ms',
    target: { most: 20 },
  },
] satisfies Figure[]);
