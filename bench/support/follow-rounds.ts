import { fork } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { mkdir, open, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { Readable } from 'node:stream';
import { setTimeout as delay } from 'node:timers/promises';
import { monitorLog } from 'channelcoder';
import { watch } from 'chokidar';
import { Tail } from 'tail';
import { LogFollower } from '../../src/core/orchestration/monitoring/log-follower.js';
import { answer } from './child.js';
import type { WriteOrder } from './log-writer.js';
import { inScratch } from './scratch.js';
import { ageOfText } from './stamped.js';
import { percentile } from './stats.js';

export interface FollowReport {
  readonly lines: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  /** CPU of this process and its children in milliseconds, for 1,000 lines. */
  readonly cpuMs: number;
}

const FILES = 13;
const LINES_PER_SECOND = 16;
const SECONDS = 4;
/** By then all logs are followed, by watches or by tail processes. */
const SETTLE_MS = 500;

type OnEvent = (event: unknown) => void;
/** Follows a file that is empty. Every line has to arrive as a parsed object. */
type Follow = (file: string, onEvent: OnEvent) => Promise<() => unknown> | (() => unknown);

const CONTENDERS = {
  ours: async (file, onEvent) => {
    const onLine = (line: string): void => onEvent(JSON.parse(line));
    const follower = await LogFollower.open(file, { offset: 0 }, { onLine, onOversized: () => {} });
    return () => follower.close();
  },
  monitorLog: (file, onEvent) => monitorLog(file, onEvent),
  tail: (file, onEvent) => {
    const tail = new Tail(file);
    tail.on('line', (line) => onEvent(JSON.parse(String(line))));
    return () => tail.unwatch();
  },
  /** It says that a file has changed. What is new has to be read. */
  chokidar: async (file, onEvent) => {
    let [reading, again, offset] = [false, false, 0];
    const handle = await open(file);
    const read = async (): Promise<void> => {
      again = reading;
      if (reading) return;
      reading = true;
      do {
        again = false;
        const { size } = await handle.stat();
        const { buffer, bytesRead } = await handle.read(Buffer.alloc(size - offset), 0, size - offset, offset);
        const whole = buffer.subarray(0, buffer.lastIndexOf(10, bytesRead - 1) + 1);
        offset += whole.length;
        for await (const line of createInterface({ input: Readable.from(whole) })) onEvent(JSON.parse(line));
      } while (again);
      reading = false;
    };
    const watcher = watch(file, { ignoreInitial: true }).on('change', () => void read());
    return () => Promise.all([watcher.close(), handle.close()]);
  },
} satisfies Record<string, Follow>;

export type FollowerName = keyof typeof CONTENDERS;

function ageOfLine(event: unknown): number | undefined {
  const [block] = (event as { message?: { content?: Record<string, unknown>[] } }).message?.content ?? [];
  const input = block?.input as { description?: unknown } | undefined;
  return ageOfText(block?.text ?? input?.description ?? block?.content);
}

/** CPU time of the children of this process in milliseconds, except of the writer. */
function cpuOfChildren(writer: number | undefined): number {
  const children = readFileSync(`/proc/self/task/${process.pid}/children`, 'latin1');
  const times = children
    .split(' ')
    .filter((pid) => pid !== '' && Number(pid) !== writer)
    .map((pid) => Number.parseInt(readFileSync(`/proc/${pid}/schedstat`, 'latin1'), 10) / 1e6);
  return times.reduce((sum, ms) => sum + ms, 0);
}

const follow: Follow = CONTENDERS[process.argv[2] as FollowerName];
const writer = fork(new URL('./log-writer.js', import.meta.url), { execArgv: [] });
await inScratch(async (folder) => {
  const ages: number[] = [];
  const files = Array.from({ length: FILES }, (_, index) => join(folder, `${index}`, 'stream.log'));
  const stops: (() => unknown)[] = [];
  for (const file of files) {
    await mkdir(join(file, '..'));
    await writeFile(file, '');
    stops.push(
      await follow(file, (event) => {
        const age = ageOfLine(event);
        if (age !== undefined) ages.push(age);
      }),
    );
  }
  const write = async (seconds: number): Promise<void> => {
    await delay(SETTLE_MS);
    writer.send({ files, seconds, linesPerSecond: LINES_PER_SECOND } satisfies WriteOrder);
    await once(writer, 'message');
    await delay(SETTLE_MS);
  };
  await write(2); // Warm-up.
  ages.length = 0;
  const [cpu, cpuBefore] = [process.cpuUsage(), cpuOfChildren(writer.pid)];
  await write(SECONDS);
  const { user, system } = process.cpuUsage(cpu);
  const cpuMs = (user + system) / 1_000 + cpuOfChildren(writer.pid) - cpuBefore;
  for (const stop of stops) await stop();
  const [p50Ms, p99Ms] = [percentile(ages, 0.5), percentile(ages, 0.99)];
  const lines = ages.length;
  answer({ lines, p50Ms, p99Ms, cpuMs: (1_000 * cpuMs) / lines } satisfies FollowReport);
});
writer.disconnect();
