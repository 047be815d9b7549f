import fc from 'fast-check';
import { expect, it } from 'vitest';
import { parseRoute, sessionHref } from '../../src/dashboard/route.js';

it.each([
  ['', { page: 'board' }],
  ['#', { page: 'board' }],
  ['#/', { page: 'board' }],
  ['#/timeline', { page: 'timeline' }],
  ['#timeline', { page: 'timeline' }],
  ['#/sessions/a', { page: 'session', id: 'a' }],
  ['#/sessions/a/b', { page: 'session', id: 'a' }],
  ['#/sessions/a%2Fb%20c', { page: 'session', id: 'a/b c' }],
  ['#/sessions', { page: 'board' }],
  ['#/sessions/', { page: 'board' }],
  ['#/sessions//a', { page: 'board' }],
  ['#/sessions/100%', { page: 'session', id: '100%' }],
  ['#/sessions/%e0%a4', { page: 'session', id: '%e0%a4' }],
  ['#/sessions/<img src=x onerror=alert(1)>', { page: 'session', id: '<img src=x onerror=alert(1)>' }],
  ['#/__proto__', { page: 'board' }],
  ['#/constructor/a', { page: 'board' }],
  ['#token=secret', { page: 'board' }],
  ['#/TIMELINE', { page: 'board' }],
  ['##/timeline', { page: 'board' }],
])('parseRoute() reads the hash %s', (hash, route) => {
  expect(parseRoute(hash)).toEqual(route);
});

it('parseRoute() finds a session by its sessionHref(), whatever its id', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary', minLength: 1 }), (id) => {
      expect(parseRoute(sessionHref(id))).toEqual({ page: 'session', id });
    }),
  );
});

it('sessionHref() accepts text that is not well-formed', () => {
  expect(sessionHref('a\ud800b')).toBe('#/sessions/a%EF%BF%BDb');
});

it('parseRoute() reads any hash without an error', () => {
  const hash = fc
    .array(fc.constantFrom('#', '/', 'sessions', 'timeline', '%', '%2F', '%ff', 'a', '\ud800'))
    .map((parts) => parts.join(''));
  fc.assert(
    fc.property(hash, (text) => {
      expect(['board', 'timeline', 'session']).toContain(parseRoute(text).page);
    }),
  );
});
