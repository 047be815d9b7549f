import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { cpus, totalmem } from 'node:os';
import { parseArgs } from 'node:util';
import { ask } from './support/child.js';
import { type Figure, isMet } from './support/figure.js';
import { inRounds, type RoundsFigure, report } from './support/rounds.js';

/** The groups that can be chosen by name, and the files of each group. */
const GROUPS: Readonly<Record<string, readonly string[]>> = {
  queue: ['queue', 'long-queue'],
  replay: ['monitor-replay'],
  monitor: ['monitor-latency', 'log-flood', 'record-size'],
  guard: ['guard-round-trip', 'danger'],
  page: ['page'],
  socket: ['sessions-socket'],
  launch: ['launch'],
  start: ['start'],
  sessions: ['session-overhead', 'control-calls', 'event-loop'],
};

/** This file runs from the folder `built`. */
const RESULTS = new URL('../results/', import.meta.url);

interface Results {
  readonly machine: string;
  readonly figures: readonly RoundsFigure[];
}

const { positionals, values } = parseArgs({
  allowPositionals: true,
  // --rounds: how often each file is measured. --compare: the results.json of an earlier run, to be shown beside this one.
  options: { rounds: { type: 'string', default: '3' }, compare: { type: 'string' } },
});
const unknown = positionals.filter((name) => !(name in GROUPS));
if (unknown.length > 0) {
  console.error(`bench: no group ${unknown.join(', ')}; there are ${Object.keys(GROUPS).join(', ')}.`);
  process.exit(2);
}
const rounds = Number(values.rounds);
if (!Number.isInteger(rounds) || rounds < 1) {
  console.error(`bench: --rounds ${values.rounds} is not a whole number above 0.`);
  process.exit(2);
}
// Read first, because this run may replace the file.
const earlier =
  values.compare === undefined ? undefined : (JSON.parse(await readFile(values.compare, 'utf8')) as Results);

const chosen = positionals.length > 0 ? positionals : Object.keys(GROUPS);
const figures: RoundsFigure[] = [];
for (const file of chosen.flatMap((group) => GROUPS[group] ?? [])) {
  const measured: Figure[][] = [];
  for (let round = 1; round <= rounds; round++) {
    console.error(`bench: ${file}, round ${round} of ${rounds} …`);
    measured.push(await ask<Figure[]>(new URL(`./${file}.bench.js`, import.meta.url)));
  }
  figures.push(...(measured[0] ?? []).map((_, index) => inRounds(measured.flatMap((round) => round[index] ?? []))));
}

const machine = `${cpus().length} × ${cpus()[0]?.model ?? 'unknown'}, ${Math.round(totalmem() / 2 ** 30)} GB, Node ${process.version}, ${process.platform}`;
const text = `${report(figures, earlier?.figures)}\n\n${machine}, ${rounds} rounds, ${new Date().toISOString()}\n`;
console.log(`\n${text}`);

await mkdir(RESULTS, { recursive: true });
await writeFile(new URL('results.md', RESULTS), text);
await writeFile(new URL('results.json', RESULTS), `${JSON.stringify({ machine, figures }, undefined, 2)}\n`);

const missed = figures.filter((figure) => isMet(figure) === false);
for (const { what } of missed) console.error(`bench: target missed: ${what}`);
process.exitCode = missed.length > 0 ? 1 : 0;
