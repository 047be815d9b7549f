import { beforeEach, describe, expect, it, vi } from 'vitest';
import {
  type Excess,
  RunLimits,
  type RunLimitsOptions,
  type Spending,
} from '../../../../src/core/orchestration/run/limits.js';
import type { SessionLimits } from '../../../../src/core/orchestration/session/limits.js';
import { NO_TOKENS, type Observation, totalTokens } from '../../../../src/core/orchestration/session/observation.js';
import { RunProgress } from '../../../../src/core/orchestration/session/run-progress.js';
import { fakeClock } from '../../../support/clock.js';
import { afterActions, observed, runningSession } from '../../../support/sessions.js';

const MINUTE = 60_000;
const NOTHING: Spending = { costUsd: 0, tokens: 0 };
/** The cost and tokens on record after these observations. */
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

/** Limits of a run of which nobody has seen anything. */
function watched(
  limits: SessionLimits,
  {
    excess,
    spending = () => NOTHING,
    ...more
  }: { excess: Excess[]; spending?: () => Spending } & Partial<RunLimitsOptions>,
) {
  const progress = new RunProgress();
  const overdue = vi.fn();
  const made = new RunLimits({
    limits,
    progress,
    unattended: true,
    setupMs: 0,
    env: {},
    spending,
    seenAtStart: () => 'It ran here: a test.',
    onExcess: (one) => void excess.push(one),
    onOverdue: overdue,
    ...more,
  });
  return { limits: made, progress, overdue };
}

function scene(own: SessionLimits, more: Partial<RunLimitsOptions> = {}) {
  const excess: Excess[] = [];
  let spending = NOTHING;
  const { limits, progress, overdue } = watched(own, { excess, spending: () => spending, ...more });
  limits.start();
  /** @param spent the cost and tokens by then */
  const observe = (observations: readonly Observation[], spent: Spending = NOTHING): void => {
    spending = spent;
    progress.observe(observations);
    limits.observe(observations);
    limits.recorded(observations);
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
  return { limits, progress, overdue, excess, observe, tell, untilExcess };
}

beforeEach(() => fakeClock());

describe('a run without limits', () => {
  it('a run without limits may spend and take as much as it wants', () => {
    const { excess, tell, observe } = scene({});
    for (let hour = 0; hour < 100; hour++) {
      tell(SAYS);
      vi.advanceTimersByTime(59 * MINUTE);
    }
    observe([], spendingOf(runningSession(), spent(1e9, 1e15)));
    expect(excess).toEqual([]);
  });

  it('an interactive run without limits sets no timer', () => {
    const { tell } = scene({}, { unattended: false });
    tell(SAYS);
    expect(vi.getTimerCount()).toBe(0);
  });
});

describe('durationMs', () => {
  it('durationMs counts from the start of the run, whatever the agent does', () => {
    const excess: Excess[] = [];
    const { limits } = watched({ durationMs: 10_000 }, { excess });
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

  it('durationMs does not count while the run is paused', () => {
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
  it('idleMs starts again with each message and tool result', () => {
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

  it('idleMs starts again with a sign of life without information, also while a tool call runs', () => {
    const { limits, excess, tell, untilExcess } = scene({ idleMs: 10_000 });
    vi.advanceTimersByTime(9_999);
    limits.alive();
    vi.advanceTimersByTime(9_999);
    expect(excess).toEqual([]);
    tell(tool('a', 'Bash', { timeout: MINUTE }));
    limits.alive();
    expect(untilExcess()).toBe(MINUTE + 10_000);
  });

  it('idleMs ends a run that gives no sign of life after its start', () => {
    const { untilExcess, excess } = scene({ idleMs: 10_000 });
    expect(untilExcess()).toBe(10_000);
    expect(excess).toEqual([
      { reason: 'idle', error: expect.stringMatching(/limits\.idleMs \(10000 ms\)\. It ran here: a test\.$/) },
    ]);
  });

  it.each<[string, Observation, number]>([
    ['a Bash call without a timeout gets two minutes', tool('a', 'Bash', { command: 'make' }), 2 * MINUTE],
    ['a Bash call gets its declared timeout', tool('a', 'Bash', { timeout: 5 * MINUTE }), 5 * MINUTE],
    ['a Bash call may declare a short timeout', tool('a', 'Bash', { timeout: 1_000 }), 1_000],
    ['a timeout counts for ten minutes at most', tool('a', 'Bash', { timeout: 999 * MINUTE }), 10 * MINUTE],
    ['a timeout that is a text is ignored', tool('a', 'Bash', { timeout: '300000' }), 2 * MINUTE],
    ['a negative timeout is ignored', tool('a', 'Bash', { timeout: -1 }), 2 * MINUTE],
    ['a Bash call may have no input', tool('a', 'Bash', null), 2 * MINUTE],
  ])('idleMs is extended while a tool call runs: %s', (_, call, more) => {
    const { tell, untilExcess } = scene({ idleMs: 10_000 });
    tell(call);
    expect(untilExcess()).toBe(more + 10_000);
  });

  it('idleMs is extended by the longest running call, and no longer when that call has ended', () => {
    const { tell, untilExcess } = scene({ idleMs: 10_000 });
    tell(tool('short', 'Bash', { timeout: MINUTE }), tool('long', 'Bash', { timeout: 5 * MINUTE }));
    tell(ended('long'));
    expect(untilExcess()).toBe(MINUTE + 10_000);
  });

  it('the declared timeout of a call counts from the start of the call', () => {
    const { limits, tell, untilExcess } = scene({ idleMs: 10_000 });
    tell(tool('a', 'Bash'));
    vi.advanceTimersByTime(MINUTE);
    limits.alive();
    expect(untilExcess()).toBe(MINUTE + 10_000);
  });

  it('idleMs does not count while the run is paused, even if a tool call runs', () => {
    const { limits, excess, tell, untilExcess } = scene({ idleMs: 10_000 });
    tell(tool('a', 'Bash'));
    vi.advanceTimersByTime(MINUTE);
    limits.pause();
    limits.alive();
    vi.advanceTimersByTime(60 * MINUTE);
    expect(excess).toEqual([]);
    limits.resume();
    expect(untilExcess()).toBe(MINUTE + 10_000);
  });

  it('idleMs still works after 200,000 calls that never end', () => {
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
  ])('costUsd 0.5 is exceeded only by more than 0.5 US dollars: %s spent', (costUsd, error) => {
    const { excess, observe } = scene({ costUsd: 0.5 });
    observe([], spendingOf(runningSession(), spent(costUsd, 1)));
    expect(excess).toEqual(error === undefined ? [] : [{ reason: 'max_cost', error }]);
  });

  it.each([
    [94, undefined],
    [95, 'The session used 101 tokens, more than limits.tokens (100).'],
  ])('tokens 100, cache included, is exceeded only by more than 100 tokens: %s and 6 used', (input, error) => {
    const { excess, observe } = scene({ tokens: 100 });
    observe([], spendingOf(runningSession(), spent(0, input)));
    expect(excess).toEqual(error === undefined ? [] : [{ reason: 'max_tokens', error }]);
  });

  it('costUsd and tokens are not checked at a result of Claude, but at the next observation without one', () => {
    const { excess, observe } = scene({ costUsd: 0.5, tokens: 100 });
    const account = spent(9, 9_000);
    const session = spendingOf(runningSession(), account);
    observe([account], session);
    observe([SAYS, account], session);
    expect(excess).toEqual([]);
    observe([SAYS], session);
    expect(excess).toMatchObject([{ reason: 'max_cost' }]);
  });

  it('the cost of earlier runs counts towards costUsd', () => {
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

describe('several limits', () => {
  it('only the first limit that is reached is reported, and only once', () => {
    const { excess, tell, observe } = scene({ durationMs: 5_000, idleMs: 10_000, costUsd: 1, tokens: 1 });
    vi.advanceTimersByTime(60_000);
    tell(SAYS);
    observe([], spendingOf(runningSession(), spent(100, 100)));
    expect(excess.map(({ reason }) => reason)).toEqual(['timeout']);
    expect(vi.getTimerCount()).toBe(0);
  });

  it('no limit is reported after the end of the run', () => {
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

describe('idleMs while something is open', () => {
  const HOUR = 60 * MINUTE;

  it.each([
    ['an MCP call', tool('a', 'mcp__build__run')],
    ['a call of WebFetch', tool('a', 'WebFetch', { url: 'https://example.com' })],
    ['a subagent', tool('a', 'Agent', { prompt: 'x' })],
    ['a call of another tool that has an input named timeout', tool('a', 'mcp__x__y', { timeout: 3 })],
  ])('%s explains any silence, until its result', (_, call) => {
    const { tell, excess, untilExcess } = scene({ idleMs: 10_000 });
    tell(call);
    vi.advanceTimersByTime(5 * HOUR);
    expect(excess).toEqual([]);
    tell(ended('a'));
    expect(untilExcess()).toBe(10_000);
  });

  it.each([
    ['no timeout', {}, { BASH_DEFAULT_TIMEOUT_MS: '1800000' }, 30],
    ['a timeout above the usual maximum', { timeout: 30 * MINUTE }, { BASH_MAX_TIMEOUT_MS: '3600000' }, 30],
    ['a timeout above the maximum', { timeout: 90 * MINUTE }, { BASH_MAX_TIMEOUT_MS: '1800000' }, 30],
    ['variables that are no numbers', {}, { BASH_DEFAULT_TIMEOUT_MS: 'x', BASH_MAX_TIMEOUT_MS: '-1' }, 2],
  ])('a Bash call may take as long as the variables let it: %s', (_, input, env, minutes) => {
    const { tell, untilExcess } = scene({ idleMs: 10_000 }, { env });
    tell(tool('a', 'Bash', input));
    expect(untilExcess()).toBe(minutes * MINUTE + 10_000);
  });

  it('shortening the conversation explains a quarter of an hour', () => {
    const { tell, untilExcess } = scene({ idleMs: 10_000 });
    tell({ kind: 'compacting', state: 'begun' });
    expect(untilExcess()).toBe(15 * MINUTE + 10_000);
  });

  it('work in the background explains an hour, and the error of a run that has a result names it', () => {
    const { limits, tell, excess } = scene({ idleMs: 10_000 });
    tell(SAYS, { kind: 'task', id: 't', state: 'running', what: 'npm test', background: true });
    tell({ kind: 'result', subtype: 'success', isError: false });
    vi.advanceTimersByTime(50 * MINUTE);
    limits.alive();
    vi.advanceTimersByTime(60 * MINUTE);
    expect(excess).toEqual([]);
    vi.advanceTimersByTime(10_000);
    expect(excess).toEqual([{ reason: 'incomplete', error: expect.stringContaining('open: npm test') }]);
  });

  it('without limits, a run that shows no sign of life for an hour is idle', () => {
    const { tell, excess } = scene({});
    tell(SAYS);
    vi.advanceTimersByTime(HOUR - 1);
    expect(excess).toEqual([]);
    vi.advanceTimersByTime(1);
    expect(excess).toMatchObject([{ reason: 'idle' }]);
  });
});

describe('commands before the agent', () => {
  it('startMs begins when they are over, and not before', () => {
    const { limits, excess } = scene({ startMs: 1_000 }, { setupMs: 10 * MINUTE });
    vi.advanceTimersByTime(5 * MINUTE);
    limits.setup();
    vi.advanceTimersByTime(999);
    expect(excess).toEqual([]);
    vi.advanceTimersByTime(1);
    expect(excess).toMatchObject([{ reason: 'no_start' }]);
  });

  it('if nobody tells their end, startMs begins when all their time is over', () => {
    const { excess } = scene({ startMs: 1_000 }, { setupMs: 10 * MINUTE });
    vi.advanceTimersByTime(10 * MINUTE + 999);
    expect(excess).toEqual([]);
    vi.advanceTimersByTime(1);
    expect(excess).toMatchObject([{ reason: 'no_start' }]);
  });

  it('a short idleMs does not end a run whose commands are silent, and counts again after the first line', () => {
    const { limits, excess, tell } = scene({ idleMs: 1_000 }, { setupMs: 10 * MINUTE });
    vi.advanceTimersByTime(9 * MINUTE);
    expect(excess).toEqual([]);
    tell(SAYS);
    vi.advanceTimersByTime(1_000);
    expect(excess).toMatchObject([{ reason: 'idle' }]);
    limits.end();
  });

  it('a pause of the run does not count against their time', () => {
    const { limits, excess } = scene({ startMs: 1_000 }, { setupMs: MINUTE });
    limits.pause();
    vi.advanceTimersByTime(60 * MINUTE);
    limits.resume();
    vi.advanceTimersByTime(MINUTE);
    expect(excess).toEqual([]);
  });
});

describe('startMs', () => {
  it('a run without a first line ends after two minutes, and the error says what was seen', () => {
    const { excess } = scene({});
    vi.advanceTimersByTime(2 * MINUTE - 1);
    expect(excess).toEqual([]);
    vi.advanceTimersByTime(1);
    const error = 'Claude Code wrote nothing within limits.startMs (120000 ms). It ran here: a test.';
    expect(excess).toEqual([{ reason: 'no_start', error }]);
  });

  it('what an entrypoint prints is no first line', () => {
    const { tell, excess } = scene({ startMs: 1_000 });
    vi.advanceTimersByTime(900);
    tell({ kind: 'diagnostic', line: 'Initializing firewall...' });
    vi.advanceTimersByTime(100);
    expect(excess).toMatchObject([{ reason: 'no_start' }]);
  });

  it('startMs does not count while the run is paused, and not after the first line', () => {
    const { limits, excess } = scene({ startMs: 1_000, idleMs: 10 * MINUTE });
    vi.advanceTimersByTime(999);
    limits.pause();
    vi.advanceTimersByTime(MINUTE);
    limits.resume();
    limits.alive();
    vi.advanceTimersByTime(MINUTE);
    expect(excess).toEqual([]);
  });

  it('an interactive run may wait for its person', () => {
    const { excess } = scene({ startMs: 1_000 }, { unattended: false });
    vi.advanceTimersByTime(60 * MINUTE);
    expect(excess).toEqual([]);
  });
});

describe('exitMs', () => {
  const DONE: Observation = { kind: 'result', subtype: 'success', isError: false };

  it('a run that stays after its last word is overdue after 30 seconds, and no limit ends it', () => {
    const { tell, excess, overdue } = scene({ idleMs: 1_000, durationMs: 60 * MINUTE });
    tell(SAYS, DONE);
    vi.advanceTimersByTime(29_999);
    expect(overdue).not.toHaveBeenCalled();
    vi.advanceTimersByTime(1);
    expect(overdue).toHaveBeenCalledTimes(1);
    vi.advanceTimersByTime(60 * MINUTE);
    expect([excess, overdue.mock.calls.length]).toEqual([[], 1]);
  });

  it('durationMs ends only the process of a run whose last word is there', () => {
    const { tell, excess, overdue } = scene({ durationMs: 1_000 });
    tell(SAYS, DONE);
    vi.advanceTimersByTime(1_000);
    expect([excess, overdue.mock.calls.length]).toEqual([[], 1]);
  });

  it('the time begins again with each line, and only when nothing is open', () => {
    const { limits, tell, excess, overdue } = scene({ exitMs: 1_000 });
    tell(SAYS, { kind: 'task', id: 't', state: 'running', what: 'x', background: true }, DONE);
    vi.advanceTimersByTime(MINUTE);
    tell({ kind: 'task', id: 't', state: 'completed' });
    vi.advanceTimersByTime(MINUTE);
    tell({ kind: 'turn-begin' }, SAYS);
    vi.advanceTimersByTime(MINUTE);
    tell(DONE);
    vi.advanceTimersByTime(999);
    limits.alive();
    vi.advanceTimersByTime(999);
    expect(overdue).not.toHaveBeenCalled();
    vi.advanceTimersByTime(1);
    expect([excess, overdue.mock.calls.length]).toEqual([[], 1]);
  });
});
