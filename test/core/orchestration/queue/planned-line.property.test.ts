import fc from 'fast-check';
import { expect, it } from 'vitest';
import { PlannedLine } from '../../../../src/core/orchestration/queue/planned-line.js';

interface Item {
  readonly id: string;
  readonly level: number;
  blocked: boolean;
}

/** The same line, as simple as possible. */
class NaiveLine {
  items: Item[] = [];
  passes = 0;

  /** The items that may start, next first, if the line stays as it is for one start. */
  order(): Item[] {
    const free = this.items.filter(({ blocked }) => !blocked);
    const [oldest] = free;
    const byLevel = [0, 1, 2].flatMap((level) => free.filter((item) => item.level === level));
    if (!oldest || this.passes < 9) return byLevel;
    return [oldest, ...byLevel.filter((item) => item !== oldest)];
  }

  take(): string | undefined {
    const [next] = this.order();
    if (!next) return undefined;
    const oldest = this.items.find(({ blocked }) => !blocked);
    this.passes = next === oldest ? 0 : this.passes + 1;
    this.items = this.items.filter((item) => item !== next);
    return next.id;
  }
}

const level = fc.constantFrom(0, 1, 2);
const change = fc.oneof(
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('add' as const), level, blocked: fc.boolean() }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('take' as const) }) },
  ...(['delete', 'block', 'unblock'] as const).map((kind) => ({
    weight: 1,
    arbitrary: fc.record({ kind: fc.constant(kind), pick: fc.nat(40) }),
  })),
);

it('a line gives slots by priority, then by arrival, and never forgets the first for more than nine starts', () => {
  fc.assert(
    fc.property(fc.array(change, { maxLength: 200, size: 'max' }), (changes) => {
      const line = new PlannedLine(() => true);
      const model = new NaiveLine();
      changes.forEach((one, index) => {
        if (one.kind === 'add') {
          const item = { id: `id ${index}`, level: one.level, blocked: one.blocked };
          line.add(item.id, item);
          model.items.push(item);
        } else if (one.kind === 'take') {
          expect(line.take()).toBe(model.take());
        } else {
          const item = model.items[one.pick % (model.items.length || 1)];
          const blocks = one.kind === 'block';
          if (one.kind === 'delete') {
            expect(line.delete(item?.id ?? 'nobody')).toBe(item !== undefined);
            model.items = model.items.filter((other) => other !== item);
          } else if (item) {
            expect(line[one.kind](item.id)).toBe(item.blocked !== blocks);
            item.blocked = blocks;
          }
        }
        const order = model.order().map(({ id }) => id);
        expect(line.ids(Number.POSITIVE_INFINITY)).toEqual(order);
        expect(line.ids(3)).toEqual(order.slice(0, 3));
        expect(order.map((id) => line.positionOf(id))).toEqual(order.map((_, at) => at + 1));
        const outside = model.items.filter(({ blocked }) => blocked).map(({ id }) => id);
        expect(new Set(line.outside(Number.POSITIVE_INFINITY))).toEqual(new Set(outside));
        expect(outside.map((id) => line.positionOf(id))).toEqual(outside.map(() => undefined));
        expect(line.size).toBe(model.items.length);
      });
    }),
    { numRuns: 300 },
  );
});

it('no item starves: each gets its slot within ten starts for each item that came before it', () => {
  fc.assert(
    fc.property(
      fc.array(level, { minLength: 1, maxLength: 30 }),
      fc.array(level, { minLength: 400, maxLength: 400 }),
      (first, later) => {
        const line = new PlannedLine(() => true);
        first.forEach((of, index) => void line.add(`first ${index}`, { level: of }));
        const waits = new Set(first.map((_, index) => `first ${index}`));
        // For each start, a new item comes. The worst case is that all of them are of the highest level.
        later.forEach((of, index) => {
          line.add(`later ${index}`, { level: of });
          waits.delete(line.take() ?? '');
          const oldest = [...waits][0];
          if (oldest !== undefined) expect(Number(oldest.slice(6))).toBeGreaterThanOrEqual(Math.floor(index / 10));
        });
        expect([...waits]).toEqual([]);
      },
    ),
  );
});
