import { monitorEventLoopDelay } from 'node:perf_hooks';
import { setTimeout as delay } from 'node:timers/promises';
import { ThreadCpu } from './thread-cpu.js';

/** How much the event loop of this process was blocked during the work. */
export interface LoopReport {
  /**
   * The longest block of the event loop, in CPU time of this thread. Waiting for a CPU that other processes use does not count,
   * nor does waiting in a system call.
   */
  readonly longestBlockMs: number;
  /** The longest delay of a timer, whatever its cause. */
  readonly longestDelayMs: number;
  readonly p99DelayMs: number;
}

/** Watches the event loop during the work. */
export async function watchLoop(work: () => Promise<unknown>): Promise<LoopReport> {
  await delay(200); // Earlier work must not count.
  const cpu = new ThreadCpu();
  const histogram = monitorEventLoopDelay({ resolution: 1 });
  let longestBlockMs = 0;
  let before = cpu.now();
  const look = (): void => {
    const now = cpu.now();
    longestBlockMs = Math.max(longestBlockMs, now - before);
    before = now;
  };
  const timer = setInterval(look, 1);
  histogram.enable();
  try {
    await work();
    await delay(20); // The last block shows only in the tick after it.
  } finally {
    histogram.disable();
    clearInterval(timer);
  }
  const p99DelayMs = histogram.percentile(99) / 1e6;
  return { longestBlockMs, longestDelayMs: histogram.max / 1e6, p99DelayMs };
}
