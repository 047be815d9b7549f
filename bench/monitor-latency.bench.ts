import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { StreamMonitor, UnifiedSessionManager } from 'autonomous-orchestration';
import { monitorLog } from 'channelcoder';
import { answer } from './support/child.js';
import { type Figure, withUnit } from './support/figure.js';
import { LogExecutor } from './support/log-executor.js';
import type { WriteOrder } from './support/log-writer.js';
import { inScratch } from './support/scratch.js';
import { ageOf, ageOfText } from './support/stamped.js';
import { median, percentile } from './support/stats.js';

const SESSIONS = 13;
const ROUNDS = 2;
const ROUND_SECONDS = 3;
const LINES_PER_SECOND = 16;
/** By then all logs are followed, by watches or by tail processes. So the bench measures streaming and not starting. */
const SETTLE_MS = 500;

async function write(writer: ChildProcess, order: WriteOrder): Promise<void> {
  writer.send(order);
  await once(writer, 'message');
  await delay(100);
}

/** Ages of the lines when a monitor of 13 sessions delivers them as typed events. `monitorLog` is compared with this. */
async function throughMonitors(writer: ChildProcess, folder: string): Promise<number[]> {
  const ages: number[] = [];
  const files = await Promise.all(
    Array.from({ length: SESSIONS }, async (_, index) => {
      const file = join(folder, `session-${index}`, 'stream.log');
      await mkdir(dirname(file));
      await writeFile(file, '');
      return file;
    }),
  );
  const monitor = new StreamMonitor();
  monitor.on('event', (event) => {
    const ms = ageOf(event);
    if (ms !== undefined) ages.push(ms);
  });
  const cleanups = files.map((logFile) => monitor.monitorSession({ id: logFile, logFile }));
  await delay(SETTLE_MS);
  await write(writer, { files, seconds: ROUND_SECONDS, linesPerSecond: LINES_PER_SECOND });
  for (const cleanup of cleanups) cleanup();
  return ages;
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
    const ms = ageOf(event);
    if (ms !== undefined) ages.push(ms);
  });
  const options = { prompt: 'Write the log.', cwd: folder, docker: false } as const;
  const sessions = await Promise.all(Array.from({ length: SESSIONS }, () => manager.create(options)));
  await Promise.all(sessions.map(({ id }) => manager.waitFor(id, { status: 'running' })));
  await delay(SETTLE_MS);
  await write(writer, { files, seconds: ROUND_SECONDS, linesPerSecond: LINES_PER_SECOND });
  return ages;
}

/** Ages of the lines when ChannelCoder's own monitor delivers them as parsed objects. */
async function throughMonitorLog(writer: ChildProcess, folder: string): Promise<number[]> {
  const ages: number[] = [];
  const files = Array.from({ length: SESSIONS }, (_, index) => join(folder, `${index}.log`));
  await Promise.all(files.map((file) => writeFile(file, '')));
  const cleanups = files.map((file) =>
    monitorLog(file, (event) => {
      const [block] = (event as { message?: { content?: Record<string, unknown>[] } }).message?.content ?? [];
      const input = block?.input as { description?: unknown } | undefined;
      const ms = ageOfText(block?.text ?? input?.description ?? block?.content);
      if (ms !== undefined) ages.push(ms);
    }),
  );
  await delay(SETTLE_MS);
  await write(writer, { files, seconds: ROUND_SECONDS, linesPerSecond: LINES_PER_SECOND });
  for (const cleanup of cleanups) cleanup();
  return ages;
}

const writer = fork(new URL('./support/log-writer.js', import.meta.url));
const VARIANTS = { monitors: throughMonitors, sessions: throughSessions, monitorLog: throughMonitorLog };
type Variant = keyof typeof VARIANTS;
const names = Object.keys(VARIANTS) as Variant[];
const rounds: Record<Variant, number[][]> = { monitors: [], sessions: [], monitorLog: [] };
// The first round is not counted. Sessions stream for hours, so that their code is warm most of the time.
for (let round = 0; round <= ROUNDS; round++) {
  for (const name of names) {
    const ages = await inScratch((folder) => VARIANTS[name](writer, folder));
    if (round > 0) rounds[name].push(ages);
  }
}
writer.disconnect();

const over = (name: Variant, share: number): number => median(rounds[name].map((ages) => percentile(ages, share)));
const figure = (what: string, name: Variant, share: number): Figure => ({
  what: `monitor: line appended → ${what}, ${SESSIONS} sessions streaming, p${100 * share}`,
  measured: `${rounds[name].flat().length} lines, median of ${ROUNDS} rounds`,
  reference: `monitorLog ${withUnit(over('monitorLog', share), 'ms')}`,
  value: over(name, share),
  unit: 'ms',
});
answer([
  figure('typed event of the monitor', 'monitors', 0.5),
  { ...figure('typed event of the monitor', 'monitors', 0.99), target: { most: 2 } },
  figure('record and listeners of a manager', 'sessions', 0.5),
  figure('record and listeners of a manager', 'sessions', 0.99),
] satisfies Figure[]);
