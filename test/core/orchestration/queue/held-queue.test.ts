import { expect, it } from 'vitest';
import { SessionSlots } from '../../../../src/core/orchestration/queue/session-slots.js';

function scene(maxConcurrent: number, mayStart?: (id: string) => boolean) {
  const started: string[] = [];
  const onStart = (id: string) => void started.push(id);
  const queue = new SessionSlots({
    maxConcurrent,
    maxQueued: 10,
    releaseSlotWhileWaiting: true,
    onStart,
    onChange: () => {},
    ...(mayStart && { mayStart }),
  });
  return { queue, started };
}

it('a held queue starts nothing, and goes on in order when it is no longer held', () => {
  const { queue, started } = scene(1);
  for (const id of ['a', 'b', 'c']) queue.enqueue(id);
  queue.setHeld(true);
  queue.release('a');
  expect(queue.isHeld).toBe(true);
  expect(queue.enqueue('d')).toEqual({ status: 'queued', position: 3 });
  expect(queue.status()).toMatchObject({ running: 0, queued: 3 });
  expect(started).toEqual([]);
  queue.setHeld(false);
  for (const id of ['b', 'c', 'd']) queue.release(id);
  expect(started).toEqual(['b', 'c', 'd']);
});

it('a session that had a slot gets it back although the queue is held', () => {
  const { queue, started } = scene(1);
  for (const id of ['a', 'b']) queue.enqueue(id);
  queue.release('a');
  queue.setHeld(true);
  expect(queue.reclaim('a')).toBe(false);
  queue.release('b');
  expect(started).toEqual(['b', 'a']);
});

it('items that may not start let later ones pass and keep their order until they may start', () => {
  let held = 'x';
  const { queue, started } = scene(1, (id) => !id.startsWith(held));
  queue.enqueue('a');
  for (const id of ['x1', 'x2', 'b', 'x3']) queue.enqueue(id);
  queue.release('a');
  queue.release('b');
  expect(started).toEqual(['b']);
  expect(queue.enqueue('x4')).toMatchObject({ status: 'queued' });
  expect(queue.remove('x2')).toBe(true);
  expect(queue.remove('x2')).toBe(false);
  expect(queue.status()).toMatchObject({ running: 0, queued: 3 });
  held = 'none';
  queue.recheck();
  for (const id of ['x1', 'x3', 'x4']) queue.release(id);
  expect(started).toEqual(['b', 'x1', 'x3', 'x4']);
  expect(queue.status()).toMatchObject({ running: 0, queued: 0, items: [] });
});
