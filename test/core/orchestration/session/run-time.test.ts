import { expect, it } from 'vitest';
import type { SessionRun } from '../../../../src/core/orchestration/session/run.js';
import { frozenMsSince, waitedSince, workedMs } from '../../../../src/core/orchestration/session/run-time.js';

it.each<[string, Partial<SessionRun>, number]>([
  ['has not started', {}, 0],
  ['is working', { startedAt: 100 }, 900],
  ['was frozen', { startedAt: 100, pausedMs: 50 }, 850],
  ['was frozen before and is frozen now', { startedAt: 100, pausedMs: 50, pausedAt: 900 }, 750],
  ['waited', { startedAt: 100, waitedMs: 200 }, 700],
  ['waits', { startedAt: 100, waitingAt: 400 }, 300],
  [
    'waits, and was frozen before the wait',
    { startedAt: 100, pausedMs: 50, pauses: [{ pausedAt: 200, resumedAt: 250 }], waitingAt: 400 },
    250,
  ],
  [
    'waits, and was frozen during the wait',
    { startedAt: 100, pausedMs: 50, pauses: [{ pausedAt: 500, resumedAt: 550 }], waitingAt: 400 },
    300,
  ],
  [
    'began to wait while it was frozen',
    { startedAt: 100, pausedMs: 100, pauses: [{ pausedAt: 350, resumedAt: 450 }], waitingAt: 400 },
    250,
  ],
  ['waits, and is frozen now', { startedAt: 100, waitingAt: 400, pausedAt: 600 }, 300],
  ['started in the future, because the clock was set back', { startedAt: 2_000 }, 0],
])('workedMs of a run that %s', (_, run, worked) => {
  expect(workedMs({ number: 1, ...run }, 1_000)).toBe(worked);
});

it('frozen time does not count as waiting time', () => {
  const pauses = [
    { pausedAt: 100, resumedAt: 200 },
    { pausedAt: 350, resumedAt: 450 },
    { pausedAt: 500, resumedAt: 600 },
  ];
  expect(waitedSince({ number: 1, waitingAt: 400, pauses, pausedAt: 900 }, 1_000)).toBe(350);
  expect(waitedSince({ number: 1, pauses }, 1_000)).toBe(0);
});

const PAUSES = [
  { pausedAt: 100, resumedAt: 150 },
  { pausedAt: 200, resumedAt: 300 },
];

it.each<[string, Pick<SessionRun, 'pauses' | 'pausedAt'>, number, number]>([
  ['was never frozen', {}, 0, 0],
  ['was frozen twice after that time', { pauses: PAUSES }, 50, 150],
  ['was frozen before and after that time', { pauses: PAUSES }, 160, 100],
  ['was frozen at that time', { pauses: PAUSES }, 120, 130],
  ['was frozen only before that time', { pauses: PAUSES }, 400, 0],
  ['is frozen now', { pausedAt: 900 }, 500, 100],
  ['was frozen at that time and is frozen again now', { pauses: PAUSES, pausedAt: 900 }, 250, 150],
  ['was already frozen at that time and still is', { pausedAt: 900 }, 950, 50],
])('frozenMsSince a time, of a run that %s', (_, run, since, expected) => {
  expect(frozenMsSince(run, since, 1_000)).toBe(expected);
});
