import { monitorEventLoopDelay, performance } from 'node:perf_hooks';
import { setTimeout as delay } from 'node:timers/promises';

/** How much the event loop of this process was blocked during the work. */
export interface LoopReport {
  /** The longest time for which callbacks blocked the event loop. Waiting for a CPU that other processes use does not count. */
  readonly longestBusyMs: number;
  /** The longest delay of a timer, whatever its cause. */
  readonly longestDelayMs: number;
  readonly p99DelayMs: number;
}

/** Watches the event loop during the work. */
export async function watchLoop(work: () => Promise<unknown>): Promise<LoopReport> {
  await delay(200); // Earlier work must not count.
  const histogram = monitorEventLoopDelay({ resolution: 1 });
  let longestBusyMs = 0;
  let before = performance.eventLoopUtilization();
  const look = (): void => {
    const now = performance.eventLoopUtilization();
    longestBusyMs = Math.max(longestBusyMs, now.active - before.active);
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
  return { longestBusyMs, longestDelayMs: histogram.max / 1e6, p99DelayMs: histogram.percentile(99) / 1e6 };
}
