import { expect, it } from 'vitest';
import { frozenMsSince } from '../../../../src/core/orchestration/intervention/frozen-time.js';
import type { SessionRun } from '../../../../src/core/orchestration/types.js';

const PAUSES = [
  { pausedAt: 100, resumedAt: 150 },
  { pausedAt: 200, resumedAt: 300 },
];

it.each<[string, Pick<SessionRun, 'pauses' | 'pausedAt'>, number, number]>([
  ['was never frozen', {}, 0, 0],
  ['was frozen twice since', { pauses: PAUSES }, 50, 150],
  ['was frozen before and since', { pauses: PAUSES }, 160, 100],
  ['was frozen at that time', { pauses: PAUSES }, 120, 130],
  ['was frozen before', { pauses: PAUSES }, 400, 0],
  ['is frozen', { pausedAt: 900 }, 500, 100],
  ['was and is frozen', { pauses: PAUSES, pausedAt: 900 }, 250, 150],
  ['was frozen already at that time, and is', { pausedAt: 900 }, 950, 50],
])('a run that %s', (_, run, since, expected) => {
  expect(frozenMsSince(run, since, 1_000)).toBe(expected);
});
