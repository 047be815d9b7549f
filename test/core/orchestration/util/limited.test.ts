import { expect, it } from 'vitest';
import { type Deferred, deferred } from '../../../../src/core/orchestration/util/deferred.js';
import { limited } from '../../../../src/core/orchestration/util/limited.js';

it('limited() runs at most so much work at once, in order, also after work that fails', async () => {
  const limit = limited(2);
  const begun: number[] = [];
  const works = Array.from({ length: 5 }, () => deferred<number>()) as Deferred<number>[];
  const results = works.map((work, index) =>
    limit(async () => {
      begun.push(index);
      if ((await work.promise) === 1) throw new Error('no');
    }),
  );
  const settled = Promise.allSettled(results);
  await Promise.resolve();
  expect(begun).toEqual([0, 1]);
  works[1]?.resolve(1);
  await expect(results[1]).rejects.toThrow('no');
  await new Promise(setImmediate);
  expect(begun).toEqual([0, 1, 2]);
  works.forEach((work, index) => void work.resolve(index));
  expect((await settled).map(({ status }) => status)).toEqual([
    'fulfilled',
    'rejected',
    'fulfilled',
    'fulfilled',
    'fulfilled',
  ]);
  expect(begun).toEqual([0, 1, 2, 3, 4]);
});
