import { vi } from 'vitest';

/** Calls `check` until it no longer throws, and resolves with its result. Most take milliseconds. 10 s are for busy machines. */
export function eventually<T>(check: () => T | Promise<T>, { interval = 50 }: { interval?: number } = {}): Promise<T> {
  return vi.waitFor(check, { timeout: 30_000, interval });
}
