import { setImmediate as turn } from 'node:timers/promises';
import type { UnifiedSessionManager } from 'autonomous-orchestration';
import { onTestFinished, vi } from 'vitest';

/** Fakes timers, `performance.now()` and `Date`. Time passes only when the test advances it. */
export function fakeClock(now = 1_000_000): void {
  vi.useFakeTimers({ now, toFake: ['setTimeout', 'clearTimeout', 'performance', 'Date'] });
  onTestFinished(() => void vi.useRealTimers());
}

/** Closes a manager whose launches hang. All the time for which `close()` waits for them passes at once. */
export async function closeWithoutWaiting(manager: UnifiedSessionManager): Promise<void> {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] });
  try {
    let isClosed = false;
    const closing = manager.close().finally(() => {
      isClosed = true;
    });
    while (!isClosed) {
      await vi.advanceTimersByTimeAsync(1_000);
      await turn();
    }
    await closing;
  } finally {
    vi.useRealTimers();
  }
}
