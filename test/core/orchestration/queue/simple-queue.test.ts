import { type QueueItem, SimpleQueue } from 'autonomous-orchestration';
import { expect, it, onTestFinished, vi } from 'vitest';
import { type Deferred, deferred } from '../../../../src/core/orchestration/util/deferred.js';
import { errorOf } from '../../../support/errors.js';

/** Items whose runs the test ends. */
function works(...ids: readonly string[]): { items: QueueItem[]; begun: string[]; end: (id: string) => void } {
  const begun: string[] = [];
  const ends = new Map<string, Deferred<void>>(ids.map((id) => [id, deferred()]));
  const items = ids.map((id) => ({
    id,
    run() {
      begun.push(id);
      return ends.get(id)?.promise;
    },
  }));
  return { items, begun, end: (id) => ends.get(id)?.resolve() };
}

it('enqueue() runs an item at once while a slot is free, else queues it and answers with its position', async () => {
  const { items, begun, end } = works('a', 'b', 'c', 'd');
  const queue = new SimpleQueue({ maxConcurrent: 2 });
  const admissions = items.map((item) => queue.enqueue(item));
  expect(begun).toEqual(['a', 'b']); // The items run before the answers are there.
  expect(await Promise.all(admissions)).toEqual([
    { status: 'starting' },
    { status: 'starting' },
    { status: 'queued', position: 1 },
    { status: 'queued', position: 2 },
  ]);
  expect(queue.status()).toMatchObject({ running: 2, queued: 2, items: [{ id: 'c' }, { id: 'd' }] });

  end('b');
  await expect.poll(() => begun).toEqual(['a', 'b', 'c']);
  end('a');
  await expect.poll(() => begun).toEqual(['a', 'b', 'c', 'd']);
  for (const id of ['c', 'd']) end(id);
  await expect.poll(() => queue.status()).toMatchObject({ running: 0, queued: 0 });
});

it('by default three items run and ten wait, and one more is refused with QUEUE_FULL and never runs', async () => {
  const ids = Array.from({ length: 14 }, (_, index) => String(index));
  const { items, begun } = works(...ids);
  const queue = new SimpleQueue();
  for (const item of items.slice(0, 13)) await queue.enqueue(item);
  expect(queue.status()).toMatchObject({ running: 3, queued: 10 });
  const last = items.at(-1) as QueueItem;
  await expect(queue.enqueue(last)).rejects.toMatchObject({
    code: 'QUEUE_FULL',
    message: expect.stringContaining('3 run (maxConcurrent) and 10 wait (maxQueued)'),
  });
  expect(queue.status()).toMatchObject({ running: 3, queued: 10 });
  expect(begun).not.toContain('13');
});

it.each([
  ['throws', (): never => raise()],
  ['rejects', async (): Promise<never> => raise()],
])('an item whose run %s frees its slot, and then onError is called with the item', async (_, run) => {
  const failed: unknown[] = [];
  const queue = new SimpleQueue({
    maxConcurrent: 1,
    onError: (error, item) => failed.push([error, item.id, queue.status().running]),
  });
  await queue.enqueue({ id: 'bad', run });
  await expect.poll(() => failed).toEqual([[expect.objectContaining({ message: 'broken' }), 'bad', 0]]);
  const good = vi.fn();
  await queue.enqueue({ id: 'good', run: good });
  await expect.poll(() => good.mock.calls).toHaveLength(1);
});

it('without onError, the failure of an item is a warning that names the item', async () => {
  const warned = vi.spyOn(process, 'emitWarning').mockImplementation(() => {});
  onTestFinished(() => warned.mockRestore());
  const queue = new SimpleQueue();
  await queue.enqueue({ id: 'bad', run: raise });
  await expect.poll(() => warned.mock.calls).toEqual([['The item "bad" of a queue failed: broken', 'QueueItemFailed']]);
});

it('an onError that throws is a warning, and costs no slot', async () => {
  const warned = vi.spyOn(process, 'emitWarning').mockImplementation(() => {});
  onTestFinished(() => warned.mockRestore());
  const queue = new SimpleQueue({ maxConcurrent: 1, onError: raise });
  await queue.enqueue({ id: 'bad', run: raise });
  await expect.poll(() => warned.mock.calls).toHaveLength(1);
  expect(queue.status().running).toBe(0);
});

it('an id may be used again when its item has ended, and not before', async () => {
  const { items, end } = works('a');
  const [item] = items as [QueueItem];
  const queue = new SimpleQueue();
  await queue.enqueue(item);
  const error = await errorOf(() => queue.enqueue(item), 'INVALID_OPTIONS');
  expect(error.message).toContain('"a" runs or waits already');
  end('a');
  await expect.poll(() => queue.status().running).toBe(0);
  expect(await queue.enqueue(item)).toEqual({ status: 'starting' });
});

it.each([
  ['maxConcurrent', { maxConcurrent: 0 }],
  ['maxConcurrent', { maxConcurrent: 1.5 }],
  ['maxQueued', { maxQueued: -1 }],
])('a wrong %s is refused: %j', async (option, options) => {
  const error = await errorOf(() => new SimpleQueue(options), 'INVALID_OPTIONS');
  expect(error.message).toContain(`Option '${option}'`);
});

it.each([[undefined], [{ id: 'a' }], [{ run() {} }], ['a']])('what is no item is refused: %j', async (item) => {
  const queue = new SimpleQueue();
  const error = await errorOf(() => queue.enqueue(item as unknown as QueueItem), 'INVALID_OPTIONS');
  expect(error.message).toContain("'id' and a function 'run'");
  expect(queue.status().running).toBe(0);
});

function raise(): never {
  throw new Error('broken');
}
