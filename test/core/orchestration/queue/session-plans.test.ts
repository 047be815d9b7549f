import { beforeEach, expect, it, vi } from 'vitest';
import { SessionPlans } from '../../../../src/core/orchestration/queue/session-plans.js';
import type { SessionStatus } from '../../../../src/core/orchestration/session/status.js';
import { fakeClock } from '../../../support/clock.js';

const NOW = 1_795_000_000_000;
const HOUR = 3_600_000;

function scene(statuses: Partial<Record<'dep', SessionStatus>> = {}) {
  const onTime = vi.fn<(ids: readonly string[]) => void>();
  const plans = new SessionPlans({
    now: Date.now,
    statusOf: (id) => (id === 'dep' ? statuses.dep : undefined),
    onTime,
  });
  return { plans, statuses, onTime };
}

beforeEach(() => fakeClock(NOW));

it('sessions come when their time has come, all of the same time at once, with one timer for all', () => {
  const { plans, onTime } = scene();
  plans.add('late', { notBefore: NOW + 2 * HOUR });
  plans.add('a', { notBefore: NOW + HOUR });
  plans.add('b', { notBefore: NOW + HOUR });
  plans.add('past', { notBefore: NOW });
  expect(['late', 'a', 'b', 'past'].map((id) => plans.isBlocked(id))).toEqual([true, true, true, false]);
  expect(vi.getTimerCount()).toBe(1);
  vi.advanceTimersByTime(HOUR - 1);
  expect(onTime).not.toHaveBeenCalled();
  vi.advanceTimersByTime(1);
  expect(onTime.mock.calls).toEqual([[['a', 'b']]]);
  expect(plans.isBlocked('a')).toBe(false);
  vi.advanceTimersByTime(HOUR);
  expect(onTime.mock.calls[1]).toEqual([['late']]);
  expect(vi.getTimerCount()).toBe(0);
});

it('a session starts within a minute after the machine wakes, if it slept past the time', () => {
  const { plans, onTime } = scene();
  plans.add('a', { notBefore: NOW + HOUR });
  vi.advanceTimersByTime(60_000);
  vi.setSystemTime(NOW + 5 * HOUR);
  vi.advanceTimersByTime(60_000);
  expect(onTime).toHaveBeenCalledWith(['a']);
});

it('no timer is left when no session waits for a time any more, or after close()', () => {
  const { plans, onTime } = scene();
  plans.add('a', { notBefore: NOW + HOUR });
  plans.delete('a');
  expect(vi.getTimerCount()).toBe(0);
  plans.add('b', { notBefore: NOW + HOUR });
  expect(vi.getTimerCount()).toBe(1);
  plans.close();
  expect(vi.getTimerCount()).toBe(0);
  vi.advanceTimersByTime(2 * HOUR);
  expect(onTime).not.toHaveBeenCalled();
});

it('a session that waits for a time and for another session needs both', () => {
  const { plans, statuses, onTime } = scene({ dep: 'running' });
  plans.add('a', { notBefore: NOW + HOUR, after: [{ id: 'dep', on: 'completed' }] });
  expect(plans.describe('a')).toEqual({ id: 'a', after: ['dep'], notBefore: NOW + HOUR });
  vi.advanceTimersByTime(HOUR);
  expect(onTime).not.toHaveBeenCalled();
  expect(plans.describe('a')).toEqual({ id: 'a', after: ['dep'] });
  statuses.dep = 'completed';
  expect(plans.settle('dep')).toEqual({ changed: ['a'], failed: [] });
  expect(plans.isBlocked('a')).toBe(false);
});

it.each([
  ['completed', 'completed', 'changed'],
  ['completed', 'failed', 'failed'],
  ['completed', 'cancelled', 'failed'],
  ['ended', 'completed', 'changed'],
  ['ended', 'failed', 'changed'],
  ['ended', 'cancelled', 'changed'],
] as const)("a session that waits with on '%s' for one that ends as '%s' is %s", (on, status, becomes) => {
  const { plans, statuses } = scene({ dep: 'running' });
  plans.add('a', { after: [{ id: 'dep', on }] });
  statuses.dep = status;
  const settled = plans.settle('dep');
  expect(settled[becomes]).toEqual(['a']);
  expect(plans.isBlocked('a')).toBe(becomes === 'failed');
  expect(plans.failedDependency('a')).toEqual(becomes === 'failed' ? { id: 'dep', on } : undefined);
});

it('a dependency that is gone counts as ended, and not as completed', () => {
  const { plans } = scene();
  plans.add('a', { after: [{ id: 'gone', on: 'ended' }] });
  plans.add('b', { after: [{ id: 'gone', on: 'completed' }] });
  expect(plans.settle('gone', true)).toEqual({ changed: ['a'], failed: ['b'] });
  expect(['a', 'b'].map((id) => plans.isBlocked(id))).toEqual([false, true]);
});

it('nothing of a session is left when it has left the queue', () => {
  const { plans } = scene({ dep: 'running' });
  plans.add('a', { after: [{ id: 'dep', on: 'ended' }] });
  expect(plans.dependantOf('dep')).toBe('a');
  plans.delete('a');
  expect(plans.dependantOf('dep')).toBeUndefined();
  expect(plans.dependencies()).toEqual([]);
  expect(plans.settle('dep')).toEqual({ changed: [], failed: [] });
});
