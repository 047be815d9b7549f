import { expect, it } from 'vitest';
import { UsageBook } from '../../../../src/core/orchestration/manager/usage-book.js';

const NONE = () => {};

it('windows that an agent invented remove those of no other account', () => {
  const book = new UsageBook({ now: () => 0 }, NONE);
  const see = (account: string, type: string) =>
    book.observe(account, [{ kind: 'usage-window', type, status: 'allowed' }], 1);
  see('a', 'five_hour');
  see('b', 'five_hour');
  for (let n = 0; n < 2_000; n++) see('b', `invented ${n}`);
  book.close();
  expect(book.windows.filter(({ account }) => account === 'a')).toHaveLength(1);
  const types = book.windows.filter(({ account }) => account === 'b').map(({ type }) => type);
  expect(types).toHaveLength(16);
  expect(types.at(-1)).toBe('invented 1999');
});
