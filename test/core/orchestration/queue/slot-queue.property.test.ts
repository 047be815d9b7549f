import fc from 'fast-check';
import { expect, it } from 'vitest';
import { SlotQueue } from '../../../../src/core/orchestration/queue/slot-queue.js';

/** The same queue, as simple as possible. */
class NaiveQueue {
  readonly running: string[] = [];
  waiting: string[] = [];
  /** Sessions that had a slot and want it back. */
  returning: string[] = [];
  readonly started: string[] = [];

  constructor(
    readonly maxConcurrent: number,
    readonly maxQueued: number,
  ) {}

  enqueue(id: string): string {
    if (this.running.length < this.maxConcurrent) {
      this.running.push(id);
      return 'starting';
    }
    if (this.waiting.length >= this.maxQueued) return 'QUEUE_FULL';
    this.waiting.push(id);
    return `queued ${this.waiting.length}`;
  }

  release(id: string): boolean {
    const index = this.running.indexOf(id);
    if (index < 0) return false;
    this.running.splice(index, 1);
    const next = this.returning.shift() ?? this.waiting.shift();
    if (next !== undefined) {
      this.running.push(next);
      this.started.push(next);
    }
    return true;
  }

  reclaim(id: string): boolean {
    const free = this.running.length < this.maxConcurrent;
    (free ? this.running : this.returning).push(id);
    return free;
  }

  remove(id: string): boolean {
    this.returning = this.returning.filter((returning) => returning !== id);
    const known = this.waiting.includes(id);
    this.waiting = this.waiting.filter((waiting) => waiting !== id);
    return known;
  }
}

function enqueue(queue: SlotQueue, id: string): string {
  try {
    const admission = queue.enqueue(id);
    return admission.status === 'starting' ? 'starting' : `queued ${admission.position}`;
  } catch (error) {
    return (error as { code: string }).code;
  }
}

const operation = fc.record({
  kind: fc.constantFrom('enqueue' as const, 'enqueue' as const, 'release' as const, 'remove' as const),
  // Picks an existing session by its index, so that operations hit something.
  pick: fc.nat(20),
  again: fc.boolean(),
});

it('the queue behaves like a plain list, whatever operations are called', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 4 }),
      fc.integer({ min: 0, max: 6 }),
      fc.array(operation, { maxLength: 120, size: 'max' }),
      (maxConcurrent, maxQueued, operations) => {
        const started: string[] = [];
        const queue = new SlotQueue({ maxConcurrent, maxQueued, onStart: (id) => started.push(id) });
        const model = new NaiveQueue(maxConcurrent, maxQueued);
        const left: string[] = [];
        operations.forEach(({ kind, pick, again }, index) => {
          const inside = [...model.running, ...model.waiting];
          const id = inside[pick % (inside.length || 1)] ?? 'nobody';
          if (kind === 'enqueue') {
            const next = (again ? left.pop() : undefined) ?? `id ${index}`;
            expect(enqueue(queue, next)).toBe(model.enqueue(next));
          } else {
            const done = model[kind](id);
            expect(queue[kind](id)).toBe(done);
            if (done) left.push(id);
          }
          expect(started).toEqual(model.started);
          expect(queue.status()).toEqual({
            running: model.running.length,
            queued: model.waiting.length,
            maxConcurrent,
            maxQueued,
            items: model.waiting.map((waiting, at) => ({ id: waiting, position: at + 1 })),
          });
          expect(model.waiting.map((waiting) => queue.positionOf(waiting))).toEqual(
            model.waiting.map((_, at) => at + 1),
          );
          expect(model.running.every((running) => queue.isRunning(running))).toBe(true);
        });
      },
    ),
    { numRuns: 200 },
  );
});

it('sessions that reclaim a slot get it before new sessions, in the order of their requests', () => {
  const kinds = ['enqueue', 'enqueue', 'rest', 'rest', 'reclaim', 'reclaim', 'release', 'remove'] as const;
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 4 }),
      fc.array(fc.record({ kind: fc.constantFrom(...kinds), pick: fc.nat(20) }), { maxLength: 120, size: 'max' }),
      (maxConcurrent, operations) => {
        const started: string[] = [];
        const queue = new SlotQueue({ maxConcurrent, maxQueued: 6, onStart: (id) => started.push(id) });
        const model = new NaiveQueue(maxConcurrent, 6);
        /** Sessions that released their slot while they wait. */
        const resting: string[] = [];
        const oneOf = (ids: readonly string[], pick: number): string => ids[pick % (ids.length || 1)] ?? 'nobody';
        for (const [index, { kind, pick }] of operations.entries()) {
          if (kind === 'enqueue') {
            expect(enqueue(queue, `id ${index}`)).toBe(model.enqueue(`id ${index}`));
          } else if (kind === 'reclaim') {
            const [id] = resting.splice(pick % (resting.length || 1), 1);
            if (id !== undefined) expect(queue.reclaim(id)).toBe(model.reclaim(id));
          } else if (kind === 'remove') {
            const id = oneOf([...model.returning, ...model.waiting], pick);
            expect(queue.remove(id)).toBe(model.remove(id));
          } else {
            const id = oneOf(model.running, pick);
            const released = model.release(id);
            expect(queue.release(id)).toBe(released);
            if (kind === 'rest' && released) resting.push(id);
          }
          expect(started).toEqual(model.started);
          const { running, items } = queue.status();
          expect([running, items.map(({ id }) => id)]).toEqual([model.running.length, model.waiting]);
          expect(running).toBeLessThanOrEqual(maxConcurrent);
          expect(model.running.every((id) => queue.isRunning(id))).toBe(true);
          expect([...resting, ...model.returning].some((id) => queue.isRunning(id))).toBe(false);
          // Nobody waits while a slot is free.
          if (items.length + model.returning.length > 0) expect(running).toBe(maxConcurrent);
        }
        // Each session that still waits gets its turn.
        const left = [...model.returning, ...model.waiting];
        const before = started.length;
        for (const id of [...model.running, ...left]) queue.release(id);
        expect(started.slice(before)).toEqual(left);
      },
    ),
    { numRuns: 500 },
  );
});

it('a new queue accepts all sessions of an earlier queue, and keeps its limits once they have left', () => {
  const ids = (prefix: string, count: number): string[] => Array.from({ length: count }, (_, at) => `${prefix}${at}`);
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 3 }),
      fc.integer({ min: 0, max: 3 }),
      fc.integer({ min: 0, max: 6 }),
      fc.integer({ min: 0, max: 40 }),
      fc.array(operation, { maxLength: 60, size: 'max' }),
      (maxConcurrent, maxQueued, occupied, waited, operations) => {
        const started: string[] = [];
        const queue = new SlotQueue({ maxConcurrent, maxQueued, onStart: (id) => started.push(id) });
        const running = ids('ran', occupied);
        let waiting = ids('waited', waited);
        for (const id of running) queue.occupy(id);
        for (const id of waiting) queue.rejoin(id);
        expect(started).toEqual([]);
        expect(queue.status()).toMatchObject({ running: occupied, queued: waited });
        const fill = (): void => {
          while (running.length < maxConcurrent && waiting.length > 0) running.push(waiting.shift() ?? '');
        };
        queue.fill();
        fill();
        // Above the limits, the numbers only fall.
        let [mostRunning, mostWaiting] = [running.length, waiting.length];
        for (const [index, { kind, pick }] of operations.entries()) {
          const inside = [...running, ...waiting];
          const id = inside[pick % (inside.length || 1)] ?? 'nobody';
          if (kind === 'enqueue') {
            const next = `new${index}`;
            const expected =
              running.length < maxConcurrent ? 'starting' : waiting.length < maxQueued ? 'queued' : 'QUEUE_FULL';
            expect(enqueue(queue, next).split(' ')[0]).toBe(expected);
            if (expected === 'starting') running.push(next);
            else if (expected === 'queued') waiting.push(next);
          } else if (kind === 'release') {
            expect(queue.release(id)).toBe(running.includes(id));
            const at = running.indexOf(id);
            if (at >= 0) running.splice(at, 1);
            fill();
          } else {
            expect(queue.remove(id)).toBe(waiting.includes(id));
            waiting = waiting.filter((one) => one !== id);
          }
          const status = queue.status();
          expect(status.items.map((item) => item.id)).toEqual(waiting);
          expect(status.running).toBe(running.length);
          expect(running.every((one) => queue.isRunning(one))).toBe(true);
          expect(status.running).toBeLessThanOrEqual(Math.max(maxConcurrent, mostRunning));
          expect(status.queued).toBeLessThanOrEqual(Math.max(maxQueued, mostWaiting));
          // Nobody waits while a slot is free.
          if (status.queued > 0) expect(status.running).toBeGreaterThanOrEqual(maxConcurrent);
          [mostRunning, mostWaiting] = [running.length, waiting.length];
        }
        const startedHere = started.filter((id) => id.startsWith('waited'));
        expect(startedHere).toEqual([...startedHere].sort((a, b) => Number(a.slice(6)) - Number(b.slice(6))));
        expect(new Set(started).size).toBe(started.length);
      },
    ),
    { numRuns: 300 },
  );
});
