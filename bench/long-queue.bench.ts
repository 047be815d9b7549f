import { answer, ask } from './support/child.js';
import { type Figure, withUnit } from './support/figure.js';
import type { QueueCosts } from './support/long-queue.js';
import { median } from './support/stats.js';
import type { CallCosts } from './support/waiting-sessions.js';

const LONG = 10_000;
const SHORT = 100;
/** What a change may cost with 10,000 sessions waiting, as the project's plan sets it. */
const MOST_MS = 1;

const queue = (waiting: number) => ask<QueueCosts>(new URL('./support/long-queue.js', import.meta.url), [waiting]);
const calls = (waiting: number) => ask<CallCosts>(new URL('./support/waiting-sessions.js', import.meta.url), [waiting]);
const [short, long] = [await queue(SHORT), await queue(LONG)];
const [shortCalls, longCalls] = [await calls(SHORT), await calls(LONG)];
const name = (what: string): string => `long queue: ${what}, ${LONG.toLocaleString('en')} waiting`;

const change = (what: string, key: 'creates' | 'cancels' | 'ends'): Figure => ({
  what: name(`${what}, without the disk`),
  measured: withUnit(median(long[key]), 'ms'),
  reference: `${SHORT} waiting ${withUnit(median(short[key]), 'ms')}`,
  value: median(long[key]),
  unit: 'ms',
  target: { below: MOST_MS },
});
const call = (what: string, key: keyof CallCosts): Figure => ({
  what: name(`${what}, with the disk, time in which the process is busy`),
  measured: withUnit(median(longCalls[key]), 'ms'),
  reference: `${SHORT} waiting ${withUnit(median(shortCalls[key]), 'ms')}`,
  value: median(longCalls[key]) / median(shortCalls[key]),
  unit: '×',
  target: { most: 2 },
});

answer([
  change('a session comes', 'creates'),
  change('a session is cancelled', 'cancels'),
  change('a session ends and the next one starts', 'ends'),
  call('create()', 'creates'),
  call('cancel()', 'cancels'),
  {
    what: name(`heap after ${long.changes.toLocaleString('en')} more changes`),
    measured: withUnit(long.heapMb, 'MB'),
    reference: '',
    value: long.grownMb,
    unit: 'MB more',
    target: { most: 1 },
  },
] satisfies Figure[]);
