import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { resumeTime } from '../../../../src/core/orchestration/manager/usage-limit.js';

const NOW = 1_795_000_000_000;
const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

describe('the time at which a session tries again', () => {
  it.each([
    ['a moment', 1],
    ['five hours', 5 * HOUR],
    ['a week', 7 * DAY],
    ['almost eight days', 8 * DAY - 1],
  ])("a session tries again at the provider's reset time plus a margin if the reset is %s away", (_, away) => {
    expect(resumeTime(NOW, 1, NOW + away)).toBe(NOW + away + 5_000);
    expect(resumeTime(NOW, 9, NOW + away)).toBe(NOW + away + 5_000);
  });

  const waits = (resetsAt: number | undefined): number[] =>
    [1, 2, 3, 4, 5, 6, 7, 8, 2_000].map((attempts) => resumeTime(NOW, attempts, resetsAt) - NOW);
  const BACKOFF = [1, 2, 4, 8, 16, 32, 60, 60, 60].map((minutes) => minutes * MINUTE);

  it.each([
    ['no reset time', undefined],
    ['a reset time that is too far away', NOW + 8 * DAY + 1],
    ['an infinite reset time', Number.POSITIVE_INFINITY],
  ])('the wait doubles each time from a minute up to an hour if the provider gives %s', (_, resetsAt) => {
    expect(waits(resetsAt)).toEqual(BACKOFF);
  });

  it.each([
    ['a moment ago', NOW - 1],
    ['now', NOW],
    ['in seconds instead of milliseconds', NOW / 1000],
    ['zero', 0],
  ])('only the first retry comes after 5 seconds if the reset time is %s', (_, resetsAt) => {
    expect(waits(resetsAt)).toEqual([5_000, ...BACKOFF.slice(1)]);
  });

  it('the next try is always in the future and at most about eight days away', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 10_000 }),
        fc.option(fc.double(), { nil: undefined }),
        (attempts, resetsAt) => {
          const wait = resumeTime(NOW, attempts, resetsAt) - NOW;
          expect(wait).toBeGreaterThan(0);
          expect(wait).toBeLessThanOrEqual(8 * DAY + 5_000);
        },
      ),
    );
  });
});
