import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { monitorLog } from 'channelcoder';
import { type SessionEvent, UnifiedSessionManager } from '../src/index.js';
import { answer } from './support/child.js';
import { type Figure, withUnit } from './support/figure.js';
import { LogExecutor } from './support/log-executor.js';
import type { WriteOrder } from './support/log-writer.js';
import { inScratch } from './support/scratch.js';
import { median, percentile } from './support/stats.js';

const SESSIONS = 13;
const ROUNDS = 5;
const ROUND_SECONDS = 3;

/** Milliseconds since the line was written, by the stamp in it; undefined for a text without one. */
function age(text: unknown): number | undefined {
  const stamp = typeof text === 'string' ? /^@(\d+)@/.exec(text)?.[1] : undefined;
  return stamp === undefined ? undefined : Number(process.hrtime.bigint() - BigInt(stamp)) / 1e6;
}

async function write(writer: ChildProcess, order: WriteOrder): Promise<void> {
  writer.send(order);
  await once(writer, 'message');
  await delay(100);
}

function stampedText(event: SessionEvent): unknown {
  if (event.type === 'session:message') return event.text;
  if (event.type === 'session:tool') return (event.tool.input as { command?: unknown }).command;
  if (event.type === 'session:tool-result') return event.output;
  return undefined;
}

/** Ages of the lines when they arrive as typed events of a manager with 13 sessions. */
async function throughSessions(writer: ChildProcess, folder: string): Promise<number[]> {
  const ages: number[] = [];
  const files: string[] = [];
  const executor = new LogExecutor(async (logFile) => {
    files.push(logFile);
    return { ended: new Promise(() => {}) };
  });
  await using manager = new UnifiedSessionManager({
    stateDir: folder,
    maxConcurrent: SESSIONS,
    executors: { autonomous: executor },
  });
  manager.on('event', (event) => {
    const ms = age(stampedText(event));
    if (ms !== undefined) ages.push(ms);
  });
  const options = { prompt: 'Write the log.', cwd: folder, docker: false } as const;
  const sessions = await Promise.all(Array.from({ length: SESSIONS }, () => manager.create(options)));
  await Promise.all(sessions.map(({ id }) => manager.waitFor(id, { status: 'running' })));
  await write(writer, { files, seconds: ROUND_SECONDS });
  return ages;
}

/** Ages of the lines when ChannelCoder's own monitor hands them over, as parsed objects. */
async function throughMonitorLog(writer: ChildProcess, folder: string): Promise<number[]> {
  const ages: number[] = [];
  const files = Array.from({ length: SESSIONS }, (_, index) => join(folder, `${index}.log`));
  await Promise.all(files.map((file) => writeFile(file, '')));
  const cleanups = files.map((file) =>
    monitorLog(file, (event) => {
      const [block] = (event as { message?: { content?: Record<string, unknown>[] } }).message?.content ?? [];
      const input = block?.input as { command?: unknown } | undefined;
      const ms = age(block?.text ?? input?.command ?? block?.content);
      if (ms !== undefined) ages.push(ms);
    }),
  );
  await delay(500); // Until all its tail processes follow.
  await write(writer, { files, seconds: ROUND_SECONDS });
  for (const cleanup of cleanups) cleanup();
  return ages;
}

const writer = fork(new URL('./support/log-writer.ts', import.meta.url));
const ours: number[][] = [];
const theirs: number[][] = [];
for (let round = 0; round < ROUNDS; round++) {
  ours.push(await inScratch((folder) => throughSessions(writer, folder)));
  theirs.push(await inScratch((folder) => throughMonitorLog(writer, folder)));
}
writer.disconnect();

const over = (rounds: number[][], share: number): number => median(rounds.map((ages) => percentile(ages, share)));
const figure = (name: string, share: number): Figure => ({
  what: `monitor: line appended → typed event, ${SESSIONS} sessions streaming, ${name}`,
  measured: `${ours.flat().length} events, median of ${ROUNDS} rounds`,
  reference: `monitorLog ${withUnit(over(theirs, share), 'ms')}`,
  value: over(ours, share),
  unit: 'ms',
});
answer([figure('p50', 0.5), { ...figure('p99', 0.99), target: { most: 2 } }] satisfies Figure[]);
