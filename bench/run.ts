import { mkdir, writeFile } from 'node:fs/promises';
import { cpus, totalmem } from 'node:os';
import { parseArgs } from 'node:util';
import { ask } from './support/child.js';
import { type Figure, isMet, table } from './support/figure.js';

/** The groups that can be chosen by name, and the files of each group. */
const GROUPS: Readonly<Record<string, readonly string[]>> = {
  queue: ['queue', 'long-queue'],
  monitor: ['monitor-latency', 'monitor-replay', 'log-flood', 'record-size'],
  guard: ['guard-round-trip', 'danger'],
  page: ['page'],
  socket: ['sessions-socket'],
  sessions: ['session-overhead', 'control-calls', 'event-loop'],
};

const RESULTS = new URL('./results/', import.meta.url);

const { positionals } = parseArgs({ allowPositionals: true });
const unknown = positionals.filter((name) => !(name in GROUPS));
if (unknown.length > 0) {
  console.error(`bench: no group ${unknown.join(', ')}; there are ${Object.keys(GROUPS).join(', ')}.`);
  process.exit(2);
}

const chosen = positionals.length > 0 ? positionals : Object.keys(GROUPS);
const figures: Figure[] = [];
for (const file of chosen.flatMap((group) => GROUPS[group] ?? [])) {
  console.error(`bench: ${file} …`);
  figures.push(...(await ask<Figure[]>(new URL(`./${file}.bench.ts`, import.meta.url))));
}

const machine = `${cpus().length} × ${cpus()[0]?.model ?? 'unknown'}, ${Math.round(totalmem() / 2 ** 30)} GB, Node ${process.version}, ${process.platform}`;
const report = `${table(figures)}\n\n${machine}, ${new Date().toISOString()}\n`;
console.log(`\n${report}`);

await mkdir(RESULTS, { recursive: true });
await writeFile(new URL('results.md', RESULTS), report);
await writeFile(new URL('results.json', RESULTS), `${JSON.stringify({ machine, figures }, undefined, 2)}\n`);

const missed = figures.filter((figure) => isMet(figure) === false);
for (const { what } of missed) console.error(`bench: target missed: ${what}`);
process.exitCode = missed.length > 0 ? 1 : 0;
