import { closeSync, openSync, writeSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { LogLines } from './log-lines.js';

/** The order to the writer: which logs to append to, and for how long. */
export interface WriteOrder {
  readonly files: readonly string[];
  readonly seconds: number;
}

const BURSTS_PER_SECOND = 8;
/** Lines come in bursts: an agent's call and its result, or a message and its calls, are written close together. */
const MOST_LINES_A_BURST = 3;

/** The time at which a line was written, in nanoseconds of the system's monotonic clock, which all processes share. */
function stamp(): string {
  return `@${process.hrtime.bigint()}@ `;
}

async function writeOne(file: string, seed: number, until: number): Promise<void> {
  const lines = new LogLines(seed);
  const fd = openSync(file, 'a');
  while (performance.now() < until) {
    await delay((Math.random() * 2_000) / BURSTS_PER_SECOND);
    const burst = 1 + Math.floor(Math.random() * MOST_LINES_A_BURST);
    for (let line = 0; line < burst; line++) writeSync(fd, `${lines.next(stamp())}\n`);
  }
  closeSync(fd);
}

process.on('message', ({ files, seconds }: WriteOrder) => {
  const until = performance.now() + seconds * 1_000;
  void Promise.all(files.map((file, index) => writeOne(file, index + 1, until))).then(() => process.send?.('written'));
});
