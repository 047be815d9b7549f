import { beforeEach, describe, expect, it, vi } from 'vitest';
import { type Excess, RunLimits, type Spending } from '../../../../src/core/orchestration/run/limits.js';
import type { SessionLimits } from '../../../../src/core/orchestration/session/limits.js';
import { NO_TOKENS, type Observation, totalTokens } from '../../../../src/core/orchestration/session/observation.js';
import { fakeClock } from '../../../support/clock.js';
import { afterActions, observed, runningSession } from '../../../support/sessions.js';

const MINUTE = 60_000;
const NOTHING: Spending = { costUsd: 0, tokens: 0 };
/** What a record says of it. */
const spendingOf = (...record: Parameters<typeof observed>): Spending => {
  const { costUsd = 0, tokens = NO_TOKENS } = observed(...record).metadata;
  return { costUsd, tokens: totalTokens(tokens) };
};
const SAYS: Observation = { kind: 'message', text: 'hello', first: true };
const tool = (id: string, name: string, input: unknown = {}): Observation => ({ kind: 'tool', id, name, input });
const ended = (toolUseId: string): Observation => ({ kind: 'tool-result', toolUseId, outcome: 'ok', output: '' });
const spent = (costUsd: number, input: number): Observation => ({
  kind: 'result',
  subtype: 'success',
  isError: false,
  costUsd,
  tokens: { input, output: 1, cacheRead: 2, cacheCreation: 3 },
});

function scene(own: SessionLimits) {
  const excess: Excess[] = [];
  let spending = NOTHING;
  const limits = new RunLimits(
    own,
    () => spending,
    (one) => excess.push(one),
  );
  limits.start();
  /** @param spent by then */
  const observe = (observations: readonly Observation[], spent: Spending = NOTHING): void => {
    spending = spent;
    limits.observe(observations);
  };
  const tell = (...observations: Observation[]): void => observe(observations);
  /** The time until a limit is reported, in milliseconds; at most an hour is waited for. */
  const untilExcess = (): number | undefined => {
    for (let ms = 0; ms <= 60 * MINUTE; ms += 1_000) {
      if (excess.length > 0) return ms;
      vi.advanceTimersByTime(1_000);
    }
    return undefined;
  };
  return { limits, excess, observe, tell, untilExcess };
}

beforeEach(() => fakeClock());

describe('no limits', () => {
  it('end nothing and set no timer', () => {
    const { excess, tell, observe } = scene({});
    tell(SAYS);
    observe([], spendingOf(runningSession(), spent(1e9, 1e15)));
    expect(vi.getTimerCount()).toBe(0);
    expect(excess).toEqual([]);
  });
});

describe('durationMs', () => {
  it('counts from the start of the work, whatever the agent does meanwhile', () => {
    const excess: Excess[] = [];
    const limits = new RunLimits(
      { durationMs: 10_000 },
      () => NOTHING,
      (one) => excess.push(one),
    );
    vi.advanceTimersByTime(60_000);
    limits.start();
    for (let second = 0; second < 9; second += 1) {
      vi.advanceTimersByTime(1_000);
      limits.observe([SAYS]);
    }
    vi.advanceTimersByTime(999);
    expect(excess).toEqual([]);
    vi.advanceTimersByTime(1);
    expect(excess).toEqual([{ reason: 'timeout', error: 'The run took longer than limits.durationMs (10000 ms).' }]);
  });

  it('does not count while the run is paused', () => {
    const { limits, excess } = scene({ durationMs: 10_000 });
    vi.advanceTimersByTime(6_000);
    limits.pause();
    limits.pause();
    vi.advanceTimersByTime(60 * MINUTE);
    limits.resume();
    vi.advanceTimersByTime(3_999);
    expect(excess).toEqual([]);
    vi.advanceTimersByTime(1);
    expect(excess).toHaveLength(1);
  });
});

describe('idleMs', () => {
  it('begins anew with each sign of life', () => {
    const { excess, tell } = scene({ idleMs: 10_000 });
    vi.advanceTimersByTime(9_999);
    tell(SAYS);
    vi.advanceTimersByTime(9_999);
    tell(ended('unknown'));
    vi.advanceTimersByTime(9_999);
    expect(excess).toEqual([]);
    vi.advanceTimersByTime(1);
    expect(excess).toEqual([{ reason: 'idle', error: 'The agent gave no sign of life for limits.idleMs (10000 ms).' }]);
  });

  it('begins anew with a sign of life that tells nothing, also beside a running call', () => {
    const { limits, excess, tell, untilExcess } = scene({ idleMs: 10_000 });
    vi.advanceTimersByTime(9_999);
    limits.alive();
    vi.advanceTimersByTime(9_999);
    expect(excess).toEqual([]);
    tell(tool('a', 'Bash', { timeout: MINUTE }));
    limits.alive();
    expect(untilExcess()).toBe(MINUTE + 10_000);
  });

  it('ends a run that says nothing from its start on', () => {
    expect(scene({ idleMs: 10_000 }).untilExcess()).toBe(10_000);
  });

  it.each<[string, Observation, number]>([
    ['Bash has two minutes where it declares none', tool('a', 'Bash', { command: 'make' }), 2 * MINUTE],
    ['Bash has what it declares', tool('a', 'Bash', { timeout: 5 * MINUTE }), 5 * MINUTE],
    ['Bash may declare less', tool('a', 'Bash', { timeout: 1_000 }), 1_000],
    ['nobody is believed more than ten minutes', tool('a', 'Bash', { timeout: 999 * MINUTE }), 10 * MINUTE],
    ['no text is a time', tool('a', 'Bash', { timeout: '300000' }), 2 * MINUTE],
    ['no time is negative', tool('a', 'Bash', { timeout: -1 }), 2 * MINUTE],
    ['an input may be none', tool('a', 'Bash', null), 2 * MINUTE],
    ['other tools have what they declare', tool('a', 'mcp__x__y', { timeout: MINUTE }), MINUTE],
    ['other tools have nothing where they declare none', tool('a', 'WebFetch', {}), 0],
  ])('waits longer for a tool call that runs: %s', (_, call, more) => {
    const { tell, untilExcess } = scene({ idleMs: 10_000 });
    tell(call);
    expect(untilExcess()).toBe(more + 10_000);
  });

  it('waits for the longest of several calls, and no longer when it has ended', () => {
    const { tell, untilExcess } = scene({ idleMs: 10_000 });
    tell(tool('short', 'Bash', { timeout: MINUTE }), tool('long', 'Bash', { timeout: 5 * MINUTE }));
    tell(ended('long'));
    expect(untilExcess()).toBe(MINUTE + 10_000);
  });

  it('counts what a call declared from when it began', () => {
    const { tell, untilExcess } = scene({ idleMs: 10_000 });
    tell(tool('a', 'Bash'));
    vi.advanceTimersByTime(MINUTE);
    tell(SAYS);
    expect(untilExcess()).toBe(MINUTE + 10_000);
  });

  it('does not count while the run is paused, for a running call either', () => {
    const { limits, excess, tell, untilExcess } = scene({ idleMs: 10_000 });
    tell(tool('a', 'Bash'));
    vi.advanceTimersByTime(MINUTE);
    limits.pause();
    tell(SAYS);
    vi.advanceTimersByTime(60 * MINUTE);
    expect(excess).toEqual([]);
    limits.resume();
    expect(untilExcess()).toBe(MINUTE + 10_000);
  });

  it('bears any number of calls that never end', () => {
    const { observe, tell, excess, untilExcess } = scene({ idleMs: 10_000 });
    const calls = Array.from({ length: 200_000 }, (_, index) => tool(`${index}`, 'Bash', { timeout: 1 }));
    observe(calls);
    tell(tool('last', 'Bash', { timeout: MINUTE }));
    expect(excess).toEqual([]);
    expect(untilExcess()).toBe(MINUTE + 10_000);
  });
});

describe('costUsd and tokens', () => {
  it.each([
    [0.5, undefined],
    [0.5001, 'The session cost $0.5001, more than limits.costUsd ($0.5).'],
  ])('of 0.5 US dollars, %s spent', (costUsd, error) => {
    const { excess, observe } = scene({ costUsd: 0.5 });
    observe([], spendingOf(runningSession(), spent(costUsd, 1)));
    expect(excess).toEqual(error === undefined ? [] : [{ reason: 'max_cost', error }]);
  });

  it.each([
    [94, undefined],
    [95, 'The session used 101 tokens, more than limits.tokens (100).'],
  ])('of 100 tokens, cache included, %s and 6 used', (input, error) => {
    const { excess, observe } = scene({ tokens: 100 });
    observe([], spendingOf(runningSession(), spent(0, input)));
    expect(excess).toEqual(error === undefined ? [] : [{ reason: 'max_tokens', error }]);
  });

  it("do not count at Claude's own account of a run that has ended, but with what is told next", () => {
    const { excess, observe } = scene({ costUsd: 0.5, tokens: 100 });
    const account = spent(9, 9_000);
    const session = spendingOf(runningSession(), account);
    observe([account], session);
    observe([SAYS, account], session);
    expect(excess).toEqual([]);
    observe([SAYS], session);
    expect(excess).toMatchObject([{ reason: 'max_cost' }]);
  });

  it('count what earlier runs spent', () => {
    const first = observed(runningSession(), spent(0.4, 10));
    const second = afterActions(
      first,
      { type: 'continued', at: 500, feedback: 'more' },
      { type: 'launching', at: 501 },
      { type: 'running', at: 502 },
    );
    const { excess, observe } = scene({ costUsd: 0.5 });
    observe(
      [],
      spendingOf(second, {
        kind: 'usage',
        added: { input: 1, output: 0, cacheRead: 0, cacheCreation: 0 },
        costUsd: 0.2,
      }),
    );
    expect(excess).toMatchObject([{ reason: 'max_cost' }]);
  });
});

describe('a limit', () => {
  it('is reported once, the first that is reached', () => {
    const { excess, tell, observe } = scene({ durationMs: 5_000, idleMs: 10_000, costUsd: 1, tokens: 1 });
    vi.advanceTimersByTime(60_000);
    tell(SAYS);
    observe([], spendingOf(runningSession(), spent(100, 100)));
    expect(excess.map(({ reason }) => reason)).toEqual(['timeout']);
    expect(vi.getTimerCount()).toBe(0);
  });

  it('is not reported after the end of the run', () => {
    const { limits, excess, tell, observe } = scene({ durationMs: 5_000, idleMs: 10_000, costUsd: 1 });
    limits.end();
    tell(SAYS);
    limits.alive();
    observe([], spendingOf(runningSession(), spent(100, 1)));
    vi.advanceTimersByTime(60_000);
    expect(excess).toEqual([]);
    expect(vi.getTimerCount()).toBe(0);
  });
});
