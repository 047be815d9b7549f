import { fork } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { type SessionManagerOptions, type SessionPriority, UnifiedSessionManager } from 'autonomous-orchestration';
import { answer, collectGarbage } from './child.js';
import { endedId, fillWithEnded } from './ended-folder.js';
import { LogExecutor } from './log-executor.js';
import type { WriteOrder } from './log-writer.js';
import { type LoopReport, watchLoop } from './loop-watch.js';
import { inScratch } from './scratch.js';
import { ThreadCpu } from './thread-cpu.js';

/** What a manager with many sessions costs. Times are of the thread's own CPU unless they say otherwise. */
export interface Grown {
  /** `recover()` in a process that finds no index of the ended sessions, and so reads all records. */
  readonly first: Restart;
  /** `recover()` in the process after that. */
  readonly restart: Restart;
  readonly recordBytes: number;
  readonly calls: Readonly<Record<Call, readonly number[]>>;
  /** While sessions stream and calls are made, both at once. */
  readonly busy: LoopReport;
  readonly heapMb: number;
}

export interface Restart {
  /** By the clock. */
  readonly elapsedMs: number;
  readonly cpuMs: number;
  readonly loop: LoopReport;
}

type Call = 'create' | 'cancel' | 'get' | 'queueStatus' | 'list';

const CALLS = 300;
const SECONDS = 4;
/** As an agent that works: a call and its result, and now and then a message. */
const LINES_PER_SECOND = 8;
const PRIORITIES: readonly SessionPriority[] = ['high', 'normal', 'low'];

const [ended = 0, waiting = 0, streaming = 0] = process.argv.slice(2).map(Number);
const cpu = new ThreadCpu();
/** Exact to some microseconds, because the system brings the time up to date when it is asked for that of the process. */
const now = (): number => {
  process.cpuUsage();
  return cpu.now();
};

/** A manager that has taken over a state folder. */
async function opened(options: SessionManagerOptions): Promise<{ manager: UnifiedSessionManager; restart: Restart }> {
  const manager = new UnifiedSessionManager(options);
  let [elapsedMs, cpuMs] = [0, 0];
  const loop = await watchLoop(async () => {
    const [start, startCpu] = [performance.now(), now()];
    await manager.recover();
    [elapsedMs, cpuMs] = [performance.now() - start, now() - startCpu];
  });
  return { manager, restart: { elapsedMs, cpuMs, loop } };
}

await inScratch(async (folder) => {
  const stateDir = join(folder, 'state');
  await fillWithEnded(stateDir, ended);
  const files: string[] = [];
  const autonomous = new LogExecutor(async (logFile) => {
    files.push(logFile);
    return { ended: new Promise(() => {}) };
  });
  const options: SessionManagerOptions = {
    stateDir,
    maxConcurrent: streaming,
    maxQueued: 2 * waiting + 1,
    socket: false,
    executors: { autonomous },
    policy: { dangerous: 'allow' },
  };
  const { manager: earlier, restart: first } = await opened(options);
  await earlier.close();
  const { manager, restart } = await opened(options);
  await using sessions = manager;
  let made = 0;
  const create = (): Promise<{ id: string }> =>
    sessions.create({ prompt: 'Wait.', docker: false, cwd: folder, priority: PRIORITIES[made++ % 3] ?? 'normal' });
  for (let count = 0; count < streaming + waiting; count++) await create();
  collectGarbage();
  const heapMb = process.memoryUsage().heapUsed / 2 ** 20;

  const calls: Record<Call, number[]> = { create: [], cancel: [], get: [], queueStatus: [], list: [] };
  const timed = async <T>(into: number[], call: () => T | Promise<T>): Promise<T> => {
    const before = now();
    const made = call();
    const result = made instanceof Promise ? await made : made;
    into.push(now() - before);
    return result;
  };
  const ids = sessions.list({ status: 'queued' }).map(({ id }) => id);
  /** Half of them have ended, and are on the disk only. */
  const other = (index: number): string =>
    index % 2 === 0 ? endedId(1 + ((index * 7919) % (ended - 1))) : (ids[index] ?? '');
  const measure = async (): Promise<void> => {
    for (let call = 0; call < CALLS; call++) {
      const { id } = await timed(calls.create, create);
      await timed(calls.cancel, () => sessions.cancel(id));
      const found = await timed(calls.get, () => sessions.get(other(call)));
      if (!found) throw new Error(`Session ${other(call)} is not there.`);
      await timed(calls.queueStatus, () => sessions.queueStatus());
      await timed(calls.list, () => sessions.list({ status: 'running' }));
    }
  };
  await measure();
  for (const values of Object.values(calls)) values.length = 0;
  await measure();
  const costs = structuredClone(calls);

  const writer = fork(new URL('./log-writer.js', import.meta.url));
  const write = async (seconds: number): Promise<void> => {
    writer.send({ files, seconds, linesPerSecond: LINES_PER_SECOND } satisfies WriteOrder);
    await once(writer, 'message');
  };
  await write(1);
  const busy = await watchLoop(() => Promise.all([write(SECONDS), measure()]));
  writer.kill();
  const recordBytes = JSON.stringify(sessions.get(other(0))).length;
  answer({ first, restart, recordBytes, calls: costs, busy, heapMb } satisfies Grown);
});
