import { answer, ask } from './support/child.js';
import type { EmitterName } from './support/emit-rounds.js';
import { type Figure, withUnit } from './support/figure.js';
import { median } from './support/stats.js';

const ROUNDS_MODULE = new URL('./support/emit-rounds.js', import.meta.url);

/** Nanoseconds of CPU for an event with three listeners. */
const perEvent = async (name: EmitterName): Promise<number> => median(await ask<number[]>(ROUNDS_MODULE, [name]));

const [ours, loop] = [await perEvent('isolated'), await perEvent('loop')];
const others: Record<string, number> = {};
for (const name of ['eventemitter3', 'mitt', 'node:events'] as const)
  others[`${name}, listeners in try`] = await perEvent(name);

answer([
  {
    what: 'events: emit with isolation of three listeners, against a loop without isolation',
    measured: withUnit(ours, 'ns'),
    reference: withUnit(loop, 'ns'),
    value: ours / loop,
    unit: '×',
    target: { most: 1.6 },
    peers: { unit: 'ns', ours, others: { ...others, 'loop without isolation': loop } },
  },
] satisfies Figure[]);
