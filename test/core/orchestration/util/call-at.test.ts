import { beforeEach, describe, expect, it, vi } from 'vitest';
import { callAt } from '../../../../src/core/orchestration/util/call-at.js';
import { fakeClock } from '../../../support/clock.js';

const NOW = 1_795_000_000_000;
const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

describe('callAt', () => {
  beforeEach(() => fakeClock(NOW));

  it('callAt() calls back once, at the given time', () => {
    const callback = vi.fn(() => Date.now());
    callAt(NOW + 3 * HOUR, Date.now, callback);
    vi.advanceTimersByTime(3 * HOUR - 1);
    expect(callback).not.toHaveBeenCalled();
    vi.advanceTimersByTime(DAY);
    expect(callback.mock.results).toEqual([{ type: 'return', value: NOW + 3 * HOUR }]);
    expect(vi.getTimerCount()).toBe(0);
  });

  it('callAt() calls back within a minute if the machine slept past the given time', () => {
    const callback = vi.fn();
    callAt(NOW + 5 * HOUR, Date.now, callback);
    vi.advanceTimersByTime(10 * MINUTE);
    vi.setSystemTime(NOW + 6 * HOUR);
    expect(callback).not.toHaveBeenCalled();
    vi.advanceTimersByTime(MINUTE);
    expect(callback).toHaveBeenCalledTimes(1);
  });

  it('callAt() keeps waiting if the clock was set back', () => {
    const callback = vi.fn();
    callAt(NOW + 10 * MINUTE, Date.now, callback);
    vi.advanceTimersByTime(9.5 * MINUTE);
    vi.setSystemTime(NOW);
    vi.advanceTimersByTime(9 * MINUTE);
    expect(callback).not.toHaveBeenCalled();
    vi.advanceTimersByTime(2 * MINUTE);
    expect(callback).toHaveBeenCalledTimes(1);
  });

  it.each([0, -1, -DAY])('callAt() calls back soon, but not synchronously, for a past time (%s ms)', (ms) => {
    const callback = vi.fn();
    callAt(NOW + ms, Date.now, callback);
    expect(callback).not.toHaveBeenCalled();
    vi.advanceTimersByTime(0);
    expect(callback).toHaveBeenCalledTimes(1);
  });

  it('callAt() can be cancelled at any time and leaves no timer', () => {
    const callback = vi.fn();
    for (const passed of [0, 30_000, 5 * MINUTE]) {
      const cancel = callAt(Date.now() + HOUR, Date.now, callback);
      vi.advanceTimersByTime(passed);
      cancel();
      expect(vi.getTimerCount()).toBe(0);
    }
    vi.advanceTimersByTime(DAY);
    expect(callback).not.toHaveBeenCalled();
  });
});
