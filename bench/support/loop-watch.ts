import { monitorEventLoopDelay, performance } from 'node:perf_hooks';
import { setTimeout as delay } from 'node:timers/promises';

/** How the event loop of this process fared while something went on. */
export interface LoopReport {
  /** The longest that callbacks kept it without a break. Waiting for a CPU that other processes use is no callback. */
  readonly longestBusyMs: number;
  /** The longest delay of a timer, whatever its cause. */
  readonly longestDelayMs: number;
  readonly p99DelayMs: number;
}

/** Watches the event loop while some work is done. */
export async function watchLoop(work: () => Promise<unknown>): Promise<LoopReport> {
  await delay(200); // What went on before is no part of it.
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
    await delay(20); // The last block shows in the tick after it.
  } finally {
    histogram.disable();
    clearInterval(timer);
  }
  return { longestBusyMs, longestDelayMs: histogram.max / 1e6, p99DelayMs: histogram.percentile(99) / 1e6 };
}
