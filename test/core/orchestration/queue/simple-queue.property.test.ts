import fc from 'fast-check';
import { expect, it } from 'vitest';
import { SimpleQueue } from '../../../../src/core/orchestration/queue/simple-queue.js';

/** The same queue, as plainly as can be. */
class NaiveQueue {
  readonly running: string[] = [];
  waiting: string[] = [];
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
    const next = this.waiting.shift();
    if (next !== undefined) {
      this.running.push(next);
      this.started.push(next);
    }
    return true;
  }

  remove(id: string): boolean {
    const known = this.waiting.includes(id);
    this.waiting = this.waiting.filter((waiting) => waiting !== id);
    return known;
  }
}

function enqueue(queue: SimpleQueue, id: string): string {
  try {
    const admission = queue.enqueue(id);
    return admission.status === 'starting' ? 'starting' : `queued ${admission.position}`;
  } catch (error) {
    return (error as { code: string }).code;
  }
}

const operation = fc.record({
  kind: fc.constantFrom('enqueue' as const, 'enqueue' as const, 'release' as const, 'remove' as const),
  // Which of those that are there: an index, so that operations hit something.
  pick: fc.nat(20),
  again: fc.boolean(),
});

it('behaves like a plain list, whatever is done to it', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 4 }),
      fc.integer({ min: 0, max: 6 }),
      fc.array(operation, { maxLength: 120 }),
      (maxConcurrent, maxQueued, operations) => {
        const started: string[] = [];
        const queue = new SimpleQueue({ maxConcurrent, maxQueued, onStart: (id) => started.push(id) });
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
