import { describe, expect, it } from 'vitest';
import { SlotQueue } from '../../../../src/core/orchestration/queue/slot-queue.js';

function queueOf(maxConcurrent: number, maxQueued: number): { queue: SlotQueue; started: string[] } {
  const started: string[] = [];
  const queue = new SlotQueue({ maxConcurrent, maxQueued, onStart: (id) => started.push(id) });
  return { queue, started };
}

/** `a` and `b` run; `c`, `d` and `e` wait. */
function fullQueue(): { queue: SlotQueue; started: string[] } {
  const made = queueOf(2, 3);
  for (const id of ['a', 'b', 'c', 'd', 'e']) made.queue.enqueue(id);
  return made;
}

describe('SlotQueue', () => {
  it('gives slots while slots are free, and then positions in the queue', () => {
    const { queue, started } = queueOf(2, 3);
    const admissions = ['a', 'b', 'c', 'd', 'e'].map((id) => queue.enqueue(id));
    expect(admissions).toEqual([
      { status: 'starting' },
      { status: 'starting' },
      { status: 'queued', position: 1 },
      { status: 'queued', position: 2 },
      { status: 'queued', position: 3 },
    ]);
    expect(started).toEqual([]);
  });

  it('refuses a session if all places are taken, and stays unchanged', () => {
    const { queue } = fullQueue();
    const before = queue.status();
    expect(() => queue.enqueue('f')).toThrow(expect.objectContaining({ code: 'QUEUE_FULL' }));
    expect(() => queue.enqueue('f')).toThrow('2 run (maxConcurrent) and 3 wait (maxQueued)');
    expect(queue.status()).toEqual(before);
    expect(queue.remove('f')).toBe(false);
    expect(queue.positionOf('f')).toBeUndefined();
  });

  it('starts waiting sessions in the order of their arrival, one for each slot that becomes free', () => {
    const { queue, started } = fullQueue();
    expect(queue.release('b')).toBe(true);
    expect(started).toEqual(['c']);
    queue.release('c');
    queue.release('a');
    expect(started).toEqual(['c', 'd', 'e']);
    expect(queue.status()).toMatchObject({ running: 2, queued: 0 });
  });

  it('takes the slot before it calls onStart', () => {
    const seen: unknown[] = [];
    const queue: SlotQueue = new SlotQueue({
      maxConcurrent: 1,
      maxQueued: 1,
      onStart: (id) => seen.push([id, queue.isRunning(id), queue.status().queued]),
    });
    queue.enqueue('a');
    queue.enqueue('b');
    queue.release('a');
    expect(seen).toEqual([['b', true, 0]]);
  });

  it('lets onStart release the slot at once, and then starts the next session', () => {
    const started: string[] = [];
    const queue: SlotQueue = new SlotQueue({
      maxConcurrent: 1,
      maxQueued: 3,
      onStart: (id) => {
        started.push(id);
        queue.release(id);
      },
    });
    for (const id of ['a', 'b', 'c', 'd']) queue.enqueue(id);
    queue.release('a');
    expect(started).toEqual(['b', 'c', 'd']);
    expect(queue.status()).toMatchObject({ running: 0, queued: 0 });
  });

  it('never starts a session that was removed, and moves the others up', () => {
    const { queue, started } = fullQueue();
    expect(queue.remove('c')).toBe(true);
    expect(queue.status().items).toEqual([
      { id: 'd', position: 1 },
      { id: 'e', position: 2 },
    ]);
    for (const id of ['a', 'b', 'd', 'e']) queue.release(id);
    expect(started).toEqual(['d', 'e']);
  });

  it('gives a new session the last position after another session was removed', () => {
    const { queue } = fullQueue();
    queue.remove('d');
    expect(queue.enqueue('f')).toEqual({ status: 'queued', position: 3 });
    expect(queue.positionOf('f')).toBe(3);
  });

  it('remove() does not affect running sessions, and release() does not affect waiting sessions', () => {
    const { queue, started } = fullQueue();
    expect(queue.remove('a')).toBe(false);
    expect(queue.release('c')).toBe(false);
    expect(queue.release('unknown')).toBe(false);
    expect(started).toEqual([]);
    expect(queue.isRunning('a')).toBe(true);
    expect(queue.isRunning('c')).toBe(false);
    expect(queue.status()).toMatchObject({ running: 2, queued: 3 });
  });

  it('frees a slot only once if a session is released twice', () => {
    const { queue, started } = fullQueue();
    queue.release('a');
    expect(queue.release('a')).toBe(false);
    expect(started).toEqual(['c']);
  });

  it('works without waiting places', () => {
    const { queue } = queueOf(1, 0);
    queue.enqueue('a');
    expect(() => queue.enqueue('b')).toThrow(expect.objectContaining({ code: 'QUEUE_FULL' }));
    queue.release('a');
    expect(queue.enqueue('b')).toEqual({ status: 'starting' });
  });

  it('accepts an id again after its session has left', () => {
    const { queue, started } = queueOf(1, 2);
    queue.enqueue('a');
    queue.enqueue('b');
    queue.release('a');
    queue.release('b');
    queue.enqueue('x');
    expect(queue.enqueue('b')).toEqual({ status: 'queued', position: 1 });
    queue.release('x');
    expect(started).toEqual(['b', 'b']);
  });

  describe('while a running session ends', () => {
    const isRefused = (queue: SlotQueue, id: string): void =>
      expect(() => queue.enqueue(id)).toThrow(expect.objectContaining({ code: 'QUEUE_FULL' }));

    it('lets one more session wait', () => {
      const { queue, started } = fullQueue();
      queue.ending('a');
      expect(queue.enqueue('f')).toEqual({ status: 'queued', position: 4 });
      isRefused(queue, 'g');
      queue.release('a');
      expect(started).toEqual(['c']);
      isRefused(queue, 'g');
    });

    it('lets no more wait if the slot is one too many, and so goes to nobody', () => {
      const { queue, started } = fullQueue();
      queue.occupy('from an earlier queue');
      queue.ending('a');
      isRefused(queue, 'f');
      queue.ending('b');
      expect(queue.enqueue('f')).toEqual({ status: 'queued', position: 4 });
      isRefused(queue, 'g');
      for (const id of ['a', 'b']) queue.release(id);
      expect([started, queue.status().queued]).toEqual([['c'], 3]);
    });

    it('lets no more wait if the slot goes to one that wants its slot back', () => {
      const { queue, started } = fullQueue();
      queue.reclaim('r');
      queue.ending('a');
      isRefused(queue, 'f');
      queue.release('a');
      expect([started, queue.status().queued]).toEqual([['r'], 3]);
    });

    it('lets no more wait while the queue is held', () => {
      const { queue } = fullQueue();
      queue.setHeld(true);
      queue.ending('a');
      isRefused(queue, 'f');
    });
  });
});
