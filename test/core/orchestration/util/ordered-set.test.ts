import fc from 'fast-check';
import { expect, it } from 'vitest';
import { OrderedSet } from '../../../../src/core/orchestration/util/ordered-set.js';

const change = fc.record({ add: fc.boolean(), value: fc.integer({ min: -30, max: 30 }) });

it('OrderedSet behaves like a sorted list, whatever is added and deleted', () => {
  fc.assert(
    fc.property(fc.array(change, { maxLength: 120, size: 'max' }), (changes) => {
      const set = new OrderedSet<number>((a, b) => a - b);
      const model = new Set<number>();
      for (const { add, value } of changes) {
        if (add && !model.has(value)) set.add(value);
        if (!add) set.delete(value); // A value that the set does not have changes nothing.
        if (add) model.add(value);
        else model.delete(value);
        const sorted = [...model].sort((a, b) => a - b);
        expect([...set.values()]).toEqual(sorted);
        expect(set.size).toBe(sorted.length);
        expect(set.first()).toBe(sorted[0]);
        expect(set.first(value)).toBe(sorted.find((other) => other >= value));
        expect(set.countBefore(value)).toBe(sorted.filter((other) => other < value).length);
      }
    }),
  );
});

it.each([
  ['rising', (at: number) => at],
  ['falling', (at: number) => -at],
])('OrderedSet takes %s values without a deep tree', (_, nth) => {
  const compared = { count: 0 };
  const set = new OrderedSet<number>((a, b) => {
    compared.count++;
    return a - b;
  });
  const size = 50_000;
  for (let at = 0; at < size; at++) set.add(nth(at));
  compared.count = 0;
  expect(set.countBefore(nth(size / 2))).toBeGreaterThan(0);
  expect(compared.count).toBeLessThan(100);
});
