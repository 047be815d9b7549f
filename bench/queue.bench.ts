import { answer, ask } from './support/child.js';
import { type Figure, type Peers, type Target, withUnit } from './support/figure.js';
import type { QueueName } from './support/queue-rounds.js';
import { median, medianRatio } from './support/stats.js';

const ROUNDS_MODULE = new URL('./support/queue-rounds.js', import.meta.url);
const TURNS = 2;
/** Each of their tasks takes longer, the more tasks wait. */
const SLOW: ReadonlySet<QueueName> = new Set(['pQueue', 'async']);

interface Contender {
  readonly queue: QueueName;
  readonly size: number;
}

/** For each contender and turn: the median of the nanoseconds a task takes. Contenders alternate, each in its own process. */
async function measure(contenders: readonly Contender[]): Promise<number[][]> {
  const measured: number[][] = contenders.map(() => []);
  for (let turn = 0; turn < TURNS; turn++) {
    for (const [index, { queue, size }] of contenders.entries()) {
      const rounds = size > 100_000 || SLOW.has(queue) ? 2 : 11;
      measured[index]?.push(median(await ask<number[]>(ROUNDS_MODULE, [queue, size, rounds])));
    }
  }
  return measured;
}

function figure(
  what: string,
  measured: readonly number[] = [],
  reference: readonly number[] = [],
  target?: Target,
): Figure {
  return {
    what,
    measured: withUnit(median(measured), 'ns'),
    reference: withUnit(median(reference), 'ns'),
    value: medianRatio(measured, reference),
    unit: '×',
    ...(target && { target }),
  };
}

const [simple, ring, promise, callback, small, large, pQueue, async] = await measure([
  { queue: 'simple', size: 100_000 },
  { queue: 'ring', size: 100_000 },
  { queue: 'fastqPromise', size: 100_000 },
  { queue: 'fastqCallback', size: 100_000 },
  { queue: 'simple', size: 1_000 },
  { queue: 'simple', size: 1_000_000 },
  { queue: 'pQueue', size: 100_000 },
  { queue: 'async', size: 100_000 },
]);
const nanoseconds = (measured: readonly number[] = []): number => median(measured);
const peers: Peers = {
  unit: 'ns',
  ours: nanoseconds(simple),
  others: {
    'fastq.promise': nanoseconds(promise),
    'fastq with callbacks': nanoseconds(callback),
    'p-queue': nanoseconds(pQueue),
    async: nanoseconds(async),
  },
};

answer([
  { ...figure('queue: per task, 100,000 queued, against a ring buffer', simple, ring, { most: 1.5 }), peers },
  figure('queue: per task, 100,000 queued, against fastq.promise', simple, promise, { below: 1 }),
  figure('queue: per task, 100,000 queued, against fastq with callbacks', simple, callback, { below: 1 }),
  figure('queue: per task at 1,000,000 against 1,000', large, small, { most: 2 }),
] satisfies Figure[]);
