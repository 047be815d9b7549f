import { onTestFinished, vi } from 'vitest';

/** Fakes timers, `performance.now()` and `Date`. Time passes only when the test advances it. */
export function fakeClock(now = 1_000_000): void {
  vi.useFakeTimers({ now, toFake: ['setTimeout', 'clearTimeout', 'performance', 'Date'] });
  onTestFinished(() => void vi.useRealTimers());
}
