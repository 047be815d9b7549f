import fc from 'fast-check';
import { expect, it } from 'vitest';
import { sortedInTurns } from '../../../../src/core/orchestration/util/sorted-in-turns.js';
import { Turns } from '../../../../src/core/orchestration/util/turns.js';

it('sorts as Array.sort does, also what is longer than one part, and leaves the given items alone', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.constantFrom(0, 1, 7, 2_048, 2_049, 9_000),
      fc.integer({ min: 1, max: 50 }),
      async (size, values) => {
        const items = Array.from({ length: size }, (_, index) => ({ key: (index * 7_919) % values, index }));
        const before = [...items];
        const byKey = (a: { key: number }, b: { key: number }): number => a.key - b.key;
        expect(await sortedInTurns(items, byKey, new Turns())).toEqual(items.toSorted(byKey));
        expect(items).toEqual(before);
      },
    ),
    { numRuns: 20 },
  );
});

it('other work goes on between two slices', async () => {
  const turns = new Turns();
  let others = 0;
  setImmediate(() => others++);
  await turns.next();
  expect(others).toBe(1);
  expect(turns.isOver).toBe(false);
});
