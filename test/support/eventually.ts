import { vi } from 'vitest';

/** Resolves with what `check` returns once it no longer throws. Ten seconds are for a busy machine: most take milliseconds. */
export function eventually<T>(check: () => T | Promise<T>, { interval = 50 }: { interval?: number } = {}): Promise<T> {
  return vi.waitFor(check, { timeout: 10_000, interval });
}
