import { expect, it } from 'vitest';
import { isOver, segmentsOf } from '../../src/dashboard/segments.js';
import type { RunView } from '../../src/handlers/index.js';

const NOW = 1_000;

/** Segments in readable form: `kind from–to`, with the number of the run if it is not the first. */
function quote(runs: RunView[], endedAt?: number): string[] {
  return segmentsOf({ createdAt: 100, runs, ...(endedAt !== undefined && { endedAt }) }, NOW).map(
    ({ kind, from, to, run }) => `${kind} ${from}–${to}${run === 1 ? '' : ` #${run}`}`,
  );
}

const DONE: RunView = { number: 1, requestedAt: 100, launchedAt: 200, startedAt: 250, endedAt: 400 };

it.each<[string, RunView[], number | undefined, string[]]>([
  ['waits for its first slot', [], undefined, ['queued 100–1000']],
  ['was cancelled in the queue', [], 300, ['queued 100–300']],
  ['starts', [{ number: 1, requestedAt: 100, launchedAt: 200 }], undefined, ['queued 100–200', 'starting 200–1000']],
  [
    'failed to start',
    [{ number: 1, requestedAt: 100, launchedAt: 200, endedAt: 300 }],
    300,
    ['queued 100–200', 'starting 200–300'],
  ],
  [
    'runs and got its slot at once',
    [{ number: 1, requestedAt: 200, launchedAt: 200, startedAt: 250 }],
    undefined,
    ['starting 200–250', 'running 250–1000'],
  ],
  ['has ended', [DONE], 400, ['queued 100–200', 'starting 200–250', 'running 250–400']],
  [
    'was paused and is paused again',
    [{ number: 1, launchedAt: 200, startedAt: 250, pauses: [{ pausedAt: 300, resumedAt: 350 }], pausedAt: 500 }],
    undefined,
    ['starting 200–250', 'running 250–300', 'paused 300–350', 'running 350–500', 'paused 500–1000'],
  ],
  [
    'was cancelled while paused',
    [{ number: 1, launchedAt: 200, startedAt: 250, pausedAt: 500, endedAt: 600 }],
    600,
    ['starting 200–250', 'running 250–500', 'paused 500–600'],
  ],
  [
    'waited for somebody, was paused during the wait, and waits again',
    [
      {
        number: 1,
        launchedAt: 200,
        startedAt: 250,
        waits: [
          { waitingAt: 300, workingAt: 400 },
          { waitingAt: 450, workingAt: 600 },
        ],
        pauses: [{ pausedAt: 500, resumedAt: 550 }],
        waitingAt: 700,
      },
    ],
    undefined,
    [
      'starting 200–250',
      'running 250–300',
      'waiting 300–400',
      'running 400–450',
      'waiting 450–500',
      'paused 500–550',
      'waiting 550–600',
      'running 600–700',
      'waiting 700–1000',
    ],
  ],
  [
    'was cancelled while it waited for somebody',
    [{ number: 1, launchedAt: 200, startedAt: 250, waitingAt: 500, endedAt: 600 }],
    600,
    ['starting 200–250', 'running 250–500', 'waiting 500–600'],
  ],
  [
    'waits for a slot again',
    [DONE, { number: 2, requestedAt: 700 }],
    undefined,
    ['queued 100–200', 'starting 200–250', 'running 250–400', 'queued 700–1000 #2'],
  ],
  [
    'continues with newer feedback than it was queued with',
    [DONE, { number: 2, requestedAt: 500 }, { number: 3, requestedAt: 700, launchedAt: 800, startedAt: 900 }],
    undefined,
    [
      'queued 100–200',
      'starting 200–250',
      'running 250–400',
      'queued 700–800 #3',
      'starting 800–900 #3',
      'running 900–1000 #3',
    ],
  ],
])('segmentsOf() returns the times of a session that %s', (_, runs, endedAt, segments) => {
  expect(quote(runs, endedAt)).toEqual(segments);
});

it.each(['completed', 'failed', 'cancelled'] as const)('a session that is %s is over', (state) => {
  expect(isOver(state)).toBe(true);
});

it.each(['queued', 'starting', 'running', 'paused', 'waiting_feedback'] as const)(
  'a session that is %s is not over',
  (state) => {
    expect(isOver(state)).toBe(false);
  },
);
