import { answer, ask } from './support/child.js';
import { type Figure, type Target, withUnit } from './support/figure.js';
import type { Grown, Restart } from './support/grown-manager.js';
import type { HeapGrowth } from './support/one-after-another.js';
import { median, percentile } from './support/stats.js';

const ENDED = 10_000;
const WAITING = 10_000;
const STREAMING = 200;
/** With FULL=1, as many as the project's plan says. That takes an hour or so. */
const ONE_AFTER_ANOTHER = process.env.FULL ? 100_000 : 10_000;
/** More than leave memory at once, so that they are on the disk for a while. */
const KEPT = 1_500;
const NUMBERS = new Intl.NumberFormat('en');

const run = <T>(file: string, args: readonly number[]) =>
  ask<T>(new URL(`./support/${file}.js`, import.meta.url), args);
const grown = await run<Grown>('grown-manager', [ENDED, WAITING, STREAMING]);
const kept = await run<HeapGrowth>('one-after-another', [ONE_AFTER_ANOTHER, KEPT]);
const all = await run<HeapGrowth>('one-after-another', [ONE_AFTER_ANOTHER, 0]);

const size = `${NUMBERS.format(WAITING)} waiting, ${NUMBERS.format(ENDED)} ended`;
const ms = (what: string, value: number, reference: string, target?: Target): Figure => ({
  what: `growth: ${what}`,
  measured: withUnit(value, 'ms'),
  reference,
  value,
  unit: 'ms',
  ...(target && { target }),
});
const calls = Object.entries(grown.calls).flatMap(([name, values]) => [
  ms(`${name}(), CPU of the thread, ${size}, median`, median(values), '', { most: 1 }),
  ms(`${name}(), CPU of the thread, ${size}, p99`, percentile(values, 0.99), '', { most: 5 }),
]);
const restart = (what: string, { elapsedMs, cpuMs, loop }: Restart, target?: Target): Figure[] => [
  ms(`${what}, ${NUMBERS.format(ENDED)} ended`, elapsedMs, `CPU of the thread ${withUnit(cpuMs, 'ms')}`, target),
  ms(`${what}, longest block`, loop.longestBlockMs, `longest delay ${withUnit(loop.longestDelayMs, 'ms')}`, {
    most: 10,
  }),
];
const heap = (what: string, { earlyMb, lateMb, sessions }: HeapGrowth, most: number): Figure => {
  const bytes = ((lateMb - earlyMb) * 2 ** 20) / sessions;
  return {
    what: `growth: heap, ${NUMBERS.format(ONE_AFTER_ANOTHER)} sessions one after another, ${what}`,
    measured: `${withUnit(lateMb, 'MB')} at the end`,
    reference: `${withUnit(earlyMb, 'MB')} after the first ${NUMBERS.format(ONE_AFTER_ANOTHER - sessions)}`,
    value: bytes,
    unit: 'B more a session',
    target: { most },
  };
};

answer([
  ...restart('recover(), no index', grown.first),
  ...restart('recover()', grown.restart, { most: 1_000 }),
  ...calls,
  ms(
    `longest block, ${STREAMING} sessions stream and calls are made, ${size}`,
    grown.busy.longestBlockMs,
    `longest delay ${withUnit(grown.busy.longestDelayMs, 'ms')}`,
    { most: 10 },
  ),
  {
    what: `growth: heap, ${STREAMING} running, ${size}`,
    measured: withUnit(grown.heapMb, 'MB'),
    reference: `a record has ${withUnit(grown.recordBytes / 1_000, 'kB')}`,
    value: grown.heapMb,
    unit: 'MB',
  },
  heap(`${NUMBERS.format(KEPT)} kept`, kept, 100),
  heap('all kept', all, 1_000),
] satisfies Figure[]);
