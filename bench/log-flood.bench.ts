import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { answer, ask } from './support/child.js';
import { type Figure, withUnit } from './support/figure.js';
import { FLOODS } from './support/floods.js';
import type { ReplayReport } from './support/replay.js';
import { inScratch } from './support/scratch.js';

const REPLAY_MODULE = new URL('./support/replay.js', import.meta.url);
const MEGABYTE = 1024 * 1024;

const { values } = parseArgs({ options: { megabytes: { type: 'string', default: '16' } } });

await inScratch(async (folder) => {
  const file = join(folder, 'flood.log');
  const figures: Figure[] = [];
  for (const [kind, flood] of Object.entries(FLOODS)) {
    const bytes = flood(Number(values.megabytes) * MEGABYTE);
    await writeFile(file, bytes);
    const { seconds, longestBlockMs } = await ask<ReplayReport>(REPLAY_MODULE, ['flood', file]);
    const speed = bytes.length / MEGABYTE / seconds;
    figures.push({
      what: `flood of ${kind}, longest block`,
      measured: withUnit(speed, 'MB/s'),
      reference: '',
      value: longestBlockMs,
      unit: 'ms',
      // danger.bench.ts measures the rating of dangers.
      ...(!kind.includes('hard to rate') && { target: { most: 20 } }),
    });
  }
  answer(figures);
});
