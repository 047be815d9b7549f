import { expect, it } from 'vitest';
import { deferred } from '../../../../src/core/orchestration/util/deferred.js';
import { serialized } from '../../../../src/core/orchestration/util/serialized.js';

it('a function runs when the previous function has ended, and its result is returned', async () => {
  const take = serialized();
  const gate = deferred<string>();
  const begun: string[] = [];
  const one = take(() => {
    begun.push('one');
    return gate.promise;
  });
  const two = take(async () => {
    begun.push('two');
    return 2;
  });
  await new Promise(setImmediate);
  expect(begun).toEqual(['one']);
  gate.resolve('first');
  expect(await Promise.all([one, two])).toEqual(['first', 2]);
  expect(begun).toEqual(['one', 'two']);
});

it('a function that fails rejects only its own caller, and the next function runs', async () => {
  const take = serialized();
  const failing = take(() => Promise.reject(new Error('it is full')));
  const next = take(async () => 'done');
  await expect(failing).rejects.toThrow('it is full');
  expect(await next).toBe('done');
});

it('separate queues do not block each other', async () => {
  const blocked = serialized();
  void blocked(() => new Promise(() => {}));
  expect(await serialized()(async () => 'done')).toBe('done');
});
