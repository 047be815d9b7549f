import { expect, it } from 'vitest';
import { isInside } from '../../../../../src/core/orchestration/util/fs/is-inside.js';

it.each([
  ['/a/b', '/a/b'],
  ['/a/b/c', '/a/b'],
  ['/a/b/c/d', '/a/b'],
  ['/a/b/..c', '/a/b'],
  ['/', '/'],
  ['/a', '/'],
  ['/a/b', '/'],
])('%s is inside %s', (path, folder) => {
  expect(isInside(path, folder)).toBe(true);
});

it.each([
  ['/a', '/a/b'],
  ['/', '/a'],
  ['/a/bc', '/a/b'],
  ['/a/b-c/d', '/a/b'],
  ['/c', '/a/b'],
])('%s is not inside %s', (path, folder) => {
  expect(isInside(path, folder)).toBe(false);
});
