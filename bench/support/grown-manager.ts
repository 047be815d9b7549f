import { fork } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { type SessionPriority, UnifiedSessionManager } from 'autonomous-orchestration';
import { answer, collectGarbage } from './child.js';
import { fillWithEnded } from './ended-folder.js';
import { LogExecutor } from './log-executor.js';
import type { WriteOrder } from './log-writer.js';
import { type LoopReport, watchLoop } from './loop-watch.js';
import { inScratch } from './scratch.js';
import { ThreadCpu } from './thread-cpu.js';

/** What a manager with many sessions costs. Times are of the thread's own CPU unless they say otherwise. */
export interface Grown {
  /** From `new UnifiedSessionManager()` until `recover()` resolves. */
  readonly restartMs: number;
  readonly restartCpuMs: number;
  readonly restart: LoopReport;
  readonly recordBytes: number;
  readonly calls: Readonly<Record<'create' | 'cancel' | 'get' | 'queueStatus' | 'list', readonly number[]>>;
  readonly calling: LoopReport;
  readonly streaming: LoopReport;
  readonly heapMb: number;
}

const CALLS = 300;
const SECONDS = 4;
const PRIORITIES: readonly SessionPriority[] = ['high', 'normal', 'low'];

const [ended = 0, waiting = 0, streaming = 0] = process.argv.slice(2).map(Number);
const cpu = new ThreadCpu();

await inScratch(async (folder) => {
  const stateDir = join(folder, 'state');
  await fillWithEnded(stateDir, ended);
  const files: string[] = [];
  const autonomous = new LogExecutor(async (logFile) => {
    files.push(logFile);
    return { ended: new Promise(() => {}) };
  });
  let manager: UnifiedSessionManager | undefined;
  let restartMs = 0;
  const beforeRestart = cpu.now();
  const restart = await watchLoop(async () => {
    const start = performance.now();
    manager = new UnifiedSessionManager({
      stateDir,
      maxConcurrent: streaming,
      maxQueued: 2 * waiting + 1,
      socket: false,
      executors: { autonomous },
      policy: { dangerous: 'allow' },
    });
    await manager.recover();
    restartMs = performance.now() - start;
  });
  const restartCpuMs = cpu.now() - beforeRestart;
  if (!manager) throw new Error('There is no manager.');
  await using sessions = manager;
  const known = sessions.list({ status: 'completed' }).length + sessions.list({ status: 'failed' }).length;
  if (known !== ended) throw new Error(`Of ${ended} ended sessions, ${known} are known.`);
  let made = 0;
  const create = (): Promise<{ id: string }> =>
    sessions.create({ prompt: 'Wait.', docker: false, cwd: folder, priority: PRIORITIES[made++ % 3] ?? 'normal' });
  for (let count = 0; count < streaming + waiting; count++) await create();
  collectGarbage();
  const heapMb = process.memoryUsage().heapUsed / 2 ** 20;

  const writer = fork(new URL('./log-writer.js', import.meta.url));
  const write = async (seconds: number): Promise<void> => {
    writer.send({ files, seconds } satisfies WriteOrder);
    await once(writer, 'message');
  };
  await write(1);
  const whileStreaming = await watchLoop(() => write(SECONDS));

  const calls: Record<'create' | 'cancel' | 'get' | 'queueStatus' | 'list', number[]> = {
    create: [],
    cancel: [],
    get: [],
    queueStatus: [],
    list: [],
  };
  /** Waits for the disk do not count, and neither does the time in which other sessions could have gone on. */
  const busy = async <T>(into: number[], call: () => T | Promise<T>): Promise<T> => {
    const before = performance.eventLoopUtilization();
    const start = performance.now();
    const made = call();
    if (!(made instanceof Promise)) {
      into.push(performance.now() - start);
      return made;
    }
    const result = await made;
    into.push(performance.eventLoopUtilization(before).active);
    return result;
  };
  const ids = sessions.list({ status: 'queued' }).map(({ id }) => id);
  const other = (index: number): string =>
    index % 2 === 0 ? `e${(1 + ((index * 7919) % (ended - 1))).toString(36).padStart(11, '0')}` : (ids[index] ?? '');
  const measure = async (): Promise<void> => {
    for (let call = 0; call < CALLS; call++) {
      const { id } = await busy(calls.create, create);
      await busy(calls.cancel, () => sessions.cancel(id));
      await busy(calls.get, () => sessions.get(other(call)));
      await busy(calls.queueStatus, () => sessions.queueStatus());
      await busy(calls.list, () => sessions.list({ status: 'running' }));
    }
  };
  await measure();
  for (const values of Object.values(calls)) values.length = 0;
  const calling = await watchLoop(measure);
  writer.kill();
  answer({
    restartMs,
    restartCpuMs,
    restart,
    recordBytes: JSON.stringify(sessions.get(other(0))).length,
    calls,
    calling,
    streaming: whileStreaming,
    heapMb,
  } satisfies Grown);
});
