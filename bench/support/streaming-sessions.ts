import { fork } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import { answer, collectGarbage } from './child.js';
import { LogExecutor } from './log-executor.js';
import type { WriteOrder } from './log-writer.js';
import { privateManager } from './private-manager.js';
import { inScratch } from './scratch.js';
import { ageOf } from './stamped.js';
import { percentile } from './stats.js';

export interface StreamingReport {
  /** All events of the manager, of each kind. */
  readonly events: number;
  readonly seconds: number;
  /** User and system time of this process, with all of its threads. */
  readonly cpuSeconds: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
}

/** Sessions stream for hours, so that their code is compiled most of the time. That takes some thousand lines. */
const WARM_UP = { seconds: 1.5, lines: 12_000 };
const SECONDS = 2.5;

/** A manager whose sessions stream. Another process writes the logs. */
const [sessions, linesPerSecond] = process.argv.slice(2).map(Number) as [number, number];
const writer = fork(new URL('./log-writer.js', import.meta.url), { execArgv: [] });

await inScratch(async (folder) => {
  const files: string[] = [];
  const autonomous = new LogExecutor(async (logFile) => {
    files.push(logFile);
    return { ended: new Promise(() => {}) };
  });
  await using manager = privateManager({ stateDir: folder, maxConcurrent: sessions, executors: { autonomous } });
  const options = { prompt: 'Write the log.', cwd: folder, docker: false } as const;
  const created = await Promise.all(Array.from({ length: sessions }, () => manager.create(options)));
  await Promise.all(created.map(({ id }) => manager.waitFor(id, { status: 'running' })));
  const write = async (order: Omit<WriteOrder, 'files'>): Promise<void> => {
    writer.send({ files, ...order } satisfies WriteOrder);
    await once(writer, 'message');
    await delay(200); // By then everything has arrived that does not come far too late.
  };
  await write({ seconds: WARM_UP.seconds, linesPerSecond: WARM_UP.lines / WARM_UP.seconds / sessions });
  collectGarbage();
  const ages: number[] = [];
  let events = 0;
  manager.on('event', (event) => {
    events++;
    const age = ageOf(event);
    if (age !== undefined) ages.push(age);
  });
  const [start, cpu] = [performance.now(), process.cpuUsage()];
  await write({ seconds: SECONDS, linesPerSecond });
  const { user, system } = process.cpuUsage(cpu);
  const seconds = (performance.now() - start) / 1_000;
  const [p50Ms, p99Ms] = [percentile(ages, 0.5), percentile(ages, 0.99)];
  answer({ events, seconds, cpuSeconds: (user + system) / 1e6, p50Ms, p99Ms } satisfies StreamingReport);
});
writer.disconnect();
process.exitCode = 0;
