import { closeSync, openSync, writeSync } from 'node:fs';
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { answer, ask } from './support/child.js';
import { type Figure, quote, withUnit } from './support/figure.js';
import { LogLines } from './support/log-lines.js';
import type { ReplayName, ReplayReport } from './support/replay.js';
import { inScratch } from './support/scratch.js';
import { median } from './support/stats.js';

const REPLAY_MODULE = new URL('./support/replay.ts', import.meta.url);
const MEGABYTE = 1e6;
const ROUNDS = 3;

function writeLog(file: string, bytes: number): void {
  const lines = new LogLines();
  const fd = openSync(file, 'w');
  let written = writeSync(fd, `${lines.init()}\n`);
  while (written < bytes) {
    const batch = Array.from({ length: 100 }, () => `${lines.next()}\n`).join('');
    written += writeSync(fd, batch);
  }
  writeSync(fd, `${lines.end()}\n`);
  closeSync(fd);
}

async function measure(file: string): Promise<Record<ReplayName, ReplayReport[]>> {
  const reports: Record<ReplayName, ReplayReport[]> = { session: [], parseLogFile: [], scan: [] };
  for (let round = 0; round < ROUNDS; round++) {
    for (const [name, list] of Object.entries(reports)) list.push(await ask<ReplayReport>(REPLAY_MODULE, [name, file]));
  }
  return reports;
}

const { values } = parseArgs({ options: { megabytes: { type: 'string', default: '200' } } });

await inScratch(async (folder) => {
  const file = join(folder, 'replayed.log');
  writeLog(file, Number(values.megabytes) * MEGABYTE);
  const { size } = await stat(file);
  const reports = await measure(file);

  const speed = (name: ReplayName): number => median(reports[name].map(({ seconds }) => size / MEGABYTE / seconds));
  const memory = (name: ReplayName): number => median(reports[name].map(({ addedBytes }) => addedBytes / MEGABYTE));
  const block = (name: ReplayName): number => median(reports[name].map(({ longestBlockMs }) => longestBlockMs));
  const worstBlock = Math.max(...reports.session.map(({ longestBlockMs }) => longestBlockMs));
  const references = (of: (name: ReplayName) => number, unit: string): string =>
    `parseLogFile ${withUnit(of('parseLogFile'), unit)}, bare scan ${withUnit(of('scan'), unit)}`;
  const megabytes = quote(size / MEGABYTE);

  answer([
    {
      what: `monitor: ${megabytes} MB log replayed as a session, speed`,
      measured: `${quote(reports.session[0]?.events ?? 0)} events`,
      reference: references(speed, 'MB/s'),
      value: speed('session'),
      unit: 'MB/s',
      target: { least: 150 },
    },
    {
      what: `monitor: ${megabytes} MB log replayed as a session, memory added`,
      measured: `${ROUNDS} rounds`,
      reference: references(memory, 'MB'),
      value: memory('session'),
      unit: 'MB',
      target: { most: 100 },
    },
    {
      what: `monitor: ${megabytes} MB log replayed as a session, longest block`,
      measured: `worst of ${ROUNDS}: ${withUnit(worstBlock, 'ms')}`,
      reference: references(block, 'ms'),
      value: block('session'),
      unit: 'ms',
      target: { most: 20 },
    },
  ] satisfies Figure[]);
});
