import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { cpus, totalmem } from 'node:os';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { type Figure, isMet } from './support/figure.js';
import { inRounds, type Results, type RoundsFigure, report } from './support/rounds.js';
import { otherVersion, reasonOf, thisVersion } from './support/versions.js';

/** The groups that can be chosen by name, and the files of each group. */
const GROUPS: Readonly<Record<string, readonly string[]>> = {
  queue: ['queue', 'long-queue'],
  growth: ['growth'],
  replay: ['monitor-replay'],
  streaming: ['streaming'],
  monitor: ['monitor-latency', 'record-size'],
  flood: ['log-flood'],
  guard: ['guard-round-trip', 'danger'],
  page: ['page'],
  socket: ['sessions-socket'],
  launch: ['launch'],
  start: ['start'],
  sessions: ['session-overhead', 'control-calls', 'event-loop'],
  events: ['emit'],
  following: ['follow'],
  peers: ['queue', 'emit', 'follow', 'control-calls', 'session-peers'],
};

/** This file runs from the folder `bench/built`. */
const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const RESULTS = new URL('../results/', import.meta.url);

const { positionals, values } = parseArgs({
  allowPositionals: true,
  options: {
    /** How often each file is measured. */
    rounds: { type: 'string', default: '3' },
    /** The results.json of an earlier run, to be shown beside this one. */
    compare: { type: 'string' },
    /** A built checkout of another version of this package, which is measured in turn with this one. */
    beside: { type: 'string' },
  },
});
const unknown = positionals.filter((name) => !(name in GROUPS));
if (unknown.length > 0) refuse(`no group ${unknown.join(', ')}; there are ${Object.keys(GROUPS).join(', ')}.`);
const rounds = Number(values.rounds);
if (!Number.isInteger(rounds) || rounds < 1) refuse(`--rounds ${values.rounds} is not a whole number above 0.`);
if (values.compare !== undefined && values.beside !== undefined) refuse('--compare and --beside: give one of them.');

// Read first, because this run may replace the file.
const earlier =
  values.compare === undefined ? undefined : (JSON.parse(await readFile(values.compare, 'utf8')) as Results);
const chosen = positionals.length > 0 ? positionals : Object.keys(GROUPS);
const files = [...new Set(chosen.flatMap((group) => GROUPS[group] ?? []))];
const after = thisVersion(ROOT);
const before = values.beside === undefined ? undefined : await otherVersion(ROOT, values.beside, files).catch(refuse);

const figures: RoundsFigure[] = [];
const figuresBefore: RoundsFigure[] = [];
const failures: string[] = [];
const leftOut: string[] = [];
for (const file of files) {
  const start = performance.now();
  const measured = { after: [] as Figure[][], before: [] as Figure[][] };
  const measureAfter = async (): Promise<void> => {
    measured.after.push(await after.measure(file));
  };
  const measureBefore = async (): Promise<void> => {
    if (before && !leftOut.includes(file)) {
      try {
        measured.before.push(await before.measure(file));
      } catch (error) {
        console.error(`bench: ${file} is left out of ${before.commit}: ${reasonOf(error)}`);
        leftOut.push(file);
      }
    }
  };
  try {
    for (let round = 1; round <= rounds; round++) {
      console.error(`bench: ${file}, round ${round} of ${rounds} …`);
      // In turn, so that both versions have the same share of what else the machine does.
      const turns = [measureBefore, measureAfter];
      for (const turn of round % 2 === 0 ? turns.reverse() : turns) await turn();
    }
  } catch (error) {
    console.error(`bench: ${file} has failed: ${reasonOf(error)}`);
    failures.push(file);
  }
  figures.push(...inEachRound(measured.after));
  if (!leftOut.includes(file)) figuresBefore.push(...inEachRound(measured.before));
  console.error(`bench: ${file} took ${Math.round((performance.now() - start) / 1_000)} s`);
  await save(); // A run that is ended early has what it has measured.
}

console.log(`\n${await save()}`);

const missed = figures.filter((figure) => isMet(figure) === false);
for (const { what } of missed) console.error(`bench: target missed: ${what}`);
process.exitCode = missed.length > 0 || failures.length > 0 ? 1 : 0;

async function save(): Promise<string> {
  const results: Results = {
    machine: `${cpus().length} × ${cpus()[0]?.model ?? 'unknown'}, ${Math.round(totalmem() / 2 ** 30)} GB, Node ${process.version}, ${process.platform}`,
    date: new Date().toISOString(),
    rounds,
    commit: after.commit,
    figures,
    ...(before && { before: { commit: before.commit, figures: figuresBefore, leftOut } }),
  };
  const notes = [
    `${results.machine}, ${rounds} rounds, ${results.date}, commit ${results.commit}`,
    ...(before
      ? [`before: commit ${before.commit}, measured in turn; it has nothing for: ${leftOut.join(', ') || '–'}`]
      : []),
    ...(failures.length > 0 ? [`failed: ${failures.join(', ')}`] : []),
  ];
  const text = `${report(figures, earlier?.figures ?? results.before?.figures)}\n\n${notes.join('\n')}\n`;
  await mkdir(RESULTS, { recursive: true });
  await writeFile(new URL('results.md', RESULTS), text);
  await writeFile(new URL('results.json', RESULTS), `${JSON.stringify(results, undefined, 2)}\n`);
  return text;
}

function inEachRound(measured: readonly (readonly Figure[])[]): RoundsFigure[] {
  return (measured[0] ?? []).map((_, index) => inRounds(measured.flatMap((round) => round[index] ?? [])));
}

function refuse(reason: unknown): never {
  console.error(`bench: ${reasonOf(reason)}`);
  process.exit(2);
}
