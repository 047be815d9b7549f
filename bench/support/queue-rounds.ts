import { queue as asyncQueue } from 'async';
import fastq from 'fastq';
import PQueue from 'p-queue';
import { SlotQueue } from '../../src/core/orchestration/queue/slot-queue.js';
import { answer, collectGarbage } from './child.js';
import { RingQueue } from './ring-queue.js';

const CONCURRENCY = 3;

/** Enqueues all items at once and resolves when the last item has run. */
type Drive = (ids: readonly string[]) => Promise<void>;

/** The task that every queue runs: an async function that ends in a microtask. */
async function task(_id: string): Promise<void> {}

/** Drives a queue whose caller starts the items and frees their slots. */
function driveSlots(
  queue: (onStart: (id: string) => void) => { enqueue(id: string): boolean; release(id: string): void },
): Drive {
  let left = 0;
  let finish = (): void => {};
  const { enqueue, release } = queue(run);
  function run(id: string): void {
    void task(id).then(() => {
      release(id);
      if (--left === 0) finish();
    });
  }
  return (ids) =>
    new Promise((resolve) => {
      left = ids.length;
      finish = resolve;
      for (const id of ids) if (enqueue(id)) run(id);
    });
}

/** One queue serves all rounds of a process, as in an application. */
const CONTENDERS = {
  simple: () =>
    driveSlots((onStart) => {
      const queue = new SlotQueue({ maxConcurrent: CONCURRENCY, maxQueued: Number.MAX_SAFE_INTEGER, onStart });
      return { enqueue: (id) => queue.enqueue(id).status === 'starting', release: (id) => void queue.release(id) };
    }),
  ring: () =>
    driveSlots((onStart) => {
      const queue = new RingQueue(CONCURRENCY, onStart);
      return { enqueue: (id) => queue.enqueue(id), release: () => queue.release() };
    }),
  fastqPromise: () => {
    const queue = fastq.promise(task, CONCURRENCY);
    return async (ids) => {
      for (const id of ids) void queue.push(id);
      await queue.drained();
    };
  },
  fastqCallback: () => {
    const queue = fastq<unknown, string>((id, done) => void task(id).then(() => done(null)), CONCURRENCY);
    return (ids) =>
      new Promise((resolve) => {
        queue.drain = () => resolve();
        for (const id of ids) queue.push(id);
      });
  },
  pQueue: () => {
    const queue = new PQueue({ concurrency: CONCURRENCY });
    return async (ids) => {
      for (const id of ids) void queue.add(() => task(id));
      await queue.onIdle();
    };
  },
  async: () => {
    const queue = asyncQueue<string>((id, done) => void task(id).then(() => done()), CONCURRENCY);
    return async (ids) => {
      for (const id of ids) void queue.push(id);
      await queue.drain();
    };
  },
} satisfies Record<string, () => Drive>;

export type QueueName = keyof typeof CONTENDERS;

let made = 0;

/** New ids for each round. They are like the ids of real sessions: 12 characters, flat strings, never hashed before. */
function newIds(count: number): string[] {
  return Array.from({ length: count }, () => (made++).toString(36).padStart(12, '0'));
}

async function nsPerTask(drive: Drive, size: number, repeats: number): Promise<number> {
  const batches = Array.from({ length: repeats }, () => newIds(size));
  collectGarbage();
  const start = process.hrtime.bigint();
  for (const ids of batches) await drive(ids);
  return Number(process.hrtime.bigint() - start) / (size * repeats);
}

const [name, size, rounds] = process.argv.slice(2);
const drive: Drive = CONTENDERS[name as QueueName]();
// A small queue is run many times, so that a round is long enough to be timed.
const repeats = Math.max(1, 100_000 / Number(size));
// Warm-up, so that compiled code is measured at every size.
for (let round = 0; round < 3; round++) await nsPerTask(drive, 1_000, 20);
const measured: number[] = [];
for (let round = 0; round < Number(rounds); round++) measured.push(await nsPerTask(drive, Number(size), repeats));
answer(measured);
