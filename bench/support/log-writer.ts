import { closeSync, openSync, writeSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { LogLines } from './log-lines.js';

/** The order to the writer: which logs to append to, for how long, and how much. */
export interface WriteOrder {
  readonly files: readonly string[];
  readonly seconds: number;
  /** How many lines each log gets in a second on average. */
  readonly linesPerSecond: number;
}

/** Lines come in bursts: an agent's call and its result, or a message and its calls, are written close together. */
const MOST_LINES_A_BURST = 3;
const LINES_A_BURST = (1 + MOST_LINES_A_BURST) / 2;
/** As wide as the time of a machine that runs for months. */
const STAMP_DIGITS = 16;
const NO_STAMP = `@${'0'.repeat(STAMP_DIGITS)}@ `;

/** A line that is made before it is needed, so that the writer takes as little of the CPU as possible. */
interface Line {
  readonly bytes: Buffer;
  /** Where the digits of the stamp begin. */
  readonly stampAt: number;
}

const lines = new LogLines();
const made: Line[] = [];

/** All logs hold the same lines. The ids in a log are different. */
function lineAt(index: number): Line {
  while (made.length <= index) {
    const bytes = Buffer.from(`${lines.next(NO_STAMP)}\n`);
    made.push({ bytes, stampAt: bytes.indexOf(NO_STAMP) + 1 });
  }
  return made[index] as Line;
}

/** How many lines each log has by now. */
const written = new Map<string, number>();

/** Writes the line with the time of the system's monotonic clock in nanoseconds, which all processes share. */
function append(fd: number, { bytes, stampAt }: Line): void {
  bytes.write(String(process.hrtime.bigint()).padStart(STAMP_DIGITS, '0'), stampAt, 'latin1');
  writeSync(fd, bytes);
}

async function writeOne(
  file: string,
  { until, linesPerSecond }: { until: number; linesPerSecond: number },
): Promise<void> {
  const fd = openSync(file, 'a');
  while (true) {
    await delay((Math.random() * 2_000 * LINES_A_BURST) / linesPerSecond);
    if (performance.now() > until) break;
    const burst = 1 + Math.floor(Math.random() * MOST_LINES_A_BURST);
    const first = written.get(file) ?? 0;
    written.set(file, first + burst);
    for (let line = 0; line < burst; line++) append(fd, lineAt(first + line));
  }
  closeSync(fd);
}

process.on('message', ({ files, seconds, linesPerSecond }: WriteOrder) => {
  for (let line = 0; line < 2 * seconds * linesPerSecond; line++) lineAt(line);
  const until = performance.now() + seconds * 1_000;
  void Promise.all(files.map((file) => writeOne(file, { until, linesPerSecond }))).then(() =>
    process.send?.('written'),
  );
});
