import { onTestFinished, vi } from 'vitest';

/** Time that passes only where the test says so: timers, `performance.now()` and `Date`. */
export function fakeClock(now = 1_000_000): void {
  vi.useFakeTimers({ now, toFake: ['setTimeout', 'clearTimeout', 'performance', 'Date'] });
  onTestFinished(() => void vi.useRealTimers());
}
