import { closeSync, openSync, writeSync } from 'node:fs';
import { mkdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { answer, ask } from './support/child.js';
import { type Figure, quote, type Target, withUnit } from './support/figure.js';
import { LogLines } from './support/log-lines.js';
import type { ReplayName, ReplayReport } from './support/replay.js';
import { inScratch } from './support/scratch.js';

const REPLAY_MODULE = new URL('./support/replay.js', import.meta.url);
const DECIDED_MODULE = new URL('./support/decided.js', import.meta.url);
const MEGABYTE = 1e6;
const WORDS: Readonly<Record<ReplayName, string>> = {
  recovered: 'guarded session taken over',
  session: 'session without a guard',
  flood: 'log that is not of Claude',
  parseLogFile: 'parseLogFile',
  scan: 'a bare scan',
};
const NAMES = ['recovered', 'scan', 'session', 'parseLogFile'] as const satisfies readonly ReplayName[];

function writeLog(file: string, bytes: number): void {
  const lines = new LogLines();
  const fd = openSync(file, 'w');
  let written = writeSync(fd, `${lines.init()}\n`);
  while (written < bytes) {
    // Whole turns, so that every call has its result.
    const batch = Array.from({ length: 99 }, () => `${lines.next()}\n`).join('');
    written += writeSync(fd, batch);
  }
  writeSync(fd, `${lines.end()}\n`);
  closeSync(fd);
}

const { values } = parseArgs({ options: { megabytes: { type: 'string', default: '200' } } });

await inScratch(async (folder) => {
  const file = join(folder, 'replayed.log');
  const state = join(folder, 'state');
  writeLog(file, Number(values.megabytes) * MEGABYTE);
  const megabytes = (await stat(file)).size / MEGABYTE;
  await mkdir(state);
  const session = await ask<string>(DECIDED_MODULE, [state, file]);
  await rm(join(session, 'stream.log'));
  const reports = {} as Record<ReplayName, ReplayReport>;
  for (const name of NAMES) reports[name] = await ask<ReplayReport>(REPLAY_MODULE, [name, file, state]);

  const speed = (name: ReplayName): string => withUnit(megabytes / reports[name].seconds, 'MB/s');
  const cpu = (name: ReplayName): string => withUnit(megabytes / reports[name].cpuSeconds, 'MB/s');
  const memory = (name: ReplayName): number => reports[name].addedBytes / MEGABYTE;
  const log = `${quote(megabytes)} MB log`;
  const times = (name: ReplayName, other: ReplayName, target?: Target): Figure => ({
    what: `replay: ${log}, ${WORDS[name]}, CPU time of the thread against ${WORDS[other]}`,
    measured: `${cpu(name)}, on the clock ${speed(name)}`,
    reference: `${cpu(other)}, on the clock ${speed(other)}`,
    value: reports[other].cpuSeconds / reports[name].cpuSeconds,
    unit: '×',
    ...(target && { target }),
  });
  const added = (name: ReplayName, target?: Target): Figure => ({
    what: `replay: ${log}, ${WORDS[name]}, memory added`,
    measured: `${quote(reports[name].events)} events`,
    reference: `parseLogFile ${withUnit(memory('parseLogFile'), 'MB')}, bare scan ${withUnit(memory('scan'), 'MB')}`,
    value: memory(name),
    unit: 'MB',
    ...(target && { target }),
  });
  const block = (name: ReplayName): Figure => ({
    what: `replay: ${log}, ${WORDS[name]}, longest block, in the thread's own CPU time`,
    measured: withUnit(reports[name].longestBlockMs, 'ms'),
    reference: `parseLogFile ${withUnit(reports.parseLogFile.longestBlockMs, 'ms')}`,
    value: reports[name].longestBlockMs,
    unit: 'ms',
    target: { most: 20 },
  });

  answer([
    times('recovered', 'scan', { least: 0.45 }),
    times('recovered', 'parseLogFile', { least: 1 }),
    times('session', 'scan'),
    times('session', 'parseLogFile', { least: 1 }),
    added('recovered', { most: 48 }),
    added('session', { most: 48 }),
    block('recovered'),
    block('session'),
  ] satisfies Figure[]);
});
