import { beforeEach, describe, expect, it, vi } from 'vitest';
import { ClaudeEventReader } from '../../../../src/core/orchestration/monitoring/claude-events.js';
import { ProviderWatch } from '../../../../src/core/orchestration/run/provider-watch.js';
import { StopCause } from '../../../../src/core/orchestration/run/stop-cause.js';
import type { OverageChoice } from '../../../../src/core/orchestration/session/overage.js';
import type { RunStop } from '../../../../src/core/orchestration/session/run.js';
import { fakeClock } from '../../../support/clock.js';

const NOW = 1_795_000_000_000;
const SECONDS = NOW / 1_000;
const HOUR_S = 3_600;
const CONVERSATION = '11111111-2222-4333-8444-555555555555';

const init = (apiKeySource?: string) => ({
  type: 'system',
  subtype: 'init',
  session_id: CONVERSATION,
  ...(apiKeySource !== undefined && { apiKeySource }),
});
const retry = (attempt: number, error_status: number | null, error: string) => ({
  type: 'system',
  subtype: 'api_retry',
  attempt,
  max_retries: 10,
  retry_delay_ms: 500,
  error_status,
  error,
});
const synthetic = (text: string, error: string) => ({
  type: 'assistant',
  message: { id: `m-${text}`, model: '<synthetic>', content: [{ type: 'text', text }] },
  error,
});
const said = { type: 'assistant', message: { id: 'm1', model: 'claude', content: [{ type: 'text', text: 'Hello' }] } };
const toolResult = (content: string) => ({
  type: 'user',
  message: { content: [{ type: 'tool_result', tool_use_id: 't', content, is_error: true }] },
});
const limit = (info: object) => ({ type: 'rate_limit_event', rate_limit_info: info });

function watching({ onOverage = 'continue' as OverageChoice, attended = false } = {}) {
  const stops: RunStop[] = [];
  const watch = new ProviderWatch({ onOverage, attended, stop: (stop) => stops.push(stop) });
  const reader = new ClaudeEventReader();
  const see = (...events: object[]): void => {
    for (const event of events) watch.observe(reader.read(event));
  };
  return { stops, watch, see };
}

describe('a refused login', () => {
  beforeEach(() => fakeClock(NOW));

  it.each([
    ['a key that Claude cannot renew', [init('ANTHROPIC_API_KEY'), retry(1, 401, 'authentication_failed')]],
    ['a log that does not say where the key is from', [init(), retry(1, 401, 'authentication_failed')]],
    ['a forbidden account', [init('ANTHROPIC_API_KEY'), retry(1, 403, 'authentication_failed')]],
    ['an organisation that does not allow it', [init(), retry(1, 403, 'oauth_org_not_allowed')]],
    ['an account on hold', [init(), retry(1, 403, 'account_on_hold')]],
    ['a status without a name', [init(), retry(1, 401, 'unknown')]],
  ])('the first refused request ends the run: %s', (_, events) => {
    const { stops, see } = watching();
    see(...events);
    expect(stops).toMatchObject([{ status: 'failed', reason: 'auth' }]);
  });

  it('a login that Claude renews is refused only at the second request', () => {
    const { stops, see } = watching();
    see(init('none'), retry(1, 401, 'authentication_failed'));
    expect(stops).toEqual([]);
    see(retry(2, 401, 'authentication_failed'));
    expect(stops).toMatchObject([{ reason: 'auth' }]);
  });

  it('an answer between two refused requests shows that the login was renewed', () => {
    const { stops, see } = watching();
    see(init('none'), retry(1, 401, 'authentication_failed'), said, retry(1, 401, 'authentication_failed'));
    expect(stops).toEqual([]);
  });

  it.each([
    ['a server error', [retry(1, 500, 'server_error'), retry(2, 529, 'overloaded')]],
    ['a lost connection', [retry(1, null, 'unknown')]],
    ['a tool that prints a refused login', [toolResult('401 Unauthorized: Invalid API key. Please run /login')]],
    [
      'an agent that talks about one',
      [
        {
          ...said,
          message: { ...said.message, content: [{ type: 'text', text: 'API Error: 401, please run /login' }] },
        },
      ],
    ],
  ])('something else does not end the run: %s', (_, events) => {
    const { stops, see } = watching();
    see(init(), ...events);
    vi.advanceTimersByTime(60_000);
    expect(stops).toEqual([]);
  });

  it.each([
    ['a message', synthetic('Not logged in · Please run /login', 'authentication_failed')],
    ['auth_status', { type: 'auth_status', isAuthenticating: false, output: [], error: 'Token refresh failed: 400' }],
  ])('a run whose Claude has given up and does not exit is ended: told by %s', (_, event) => {
    const { stops, see } = watching();
    see(init(), event);
    expect(stops).toEqual([]);
    vi.advanceTimersByTime(3_000);
    expect(stops).toMatchObject([{ reason: 'auth' }]);
  });

  it('a run whose Claude has given up and reports its result ends by itself', () => {
    const { stops, see } = watching();
    see(synthetic('Please run /login', 'authentication_failed'), {
      type: 'result',
      subtype: 'success',
      is_error: true,
    });
    vi.advanceTimersByTime(60_000);
    expect(stops).toEqual([]);
    expect(vi.getTimerCount()).toBe(0);
  });

  it('a person at the terminal can log in there, so the run is not ended', () => {
    const { stops, see } = watching({ attended: true });
    see(init(), retry(1, 401, 'authentication_failed'));
    expect(stops).toEqual([]);
  });

  it('what an earlier process may have read counts only if nothing later disproves it', () => {
    const healed = watching();
    healed.watch.replay();
    healed.see(init(), retry(1, 401, 'authentication_failed'), said);
    healed.watch.caughtUp();
    expect(healed.stops).toEqual([]);
    const dead = watching();
    dead.watch.replay();
    dead.see(init(), retry(1, 401, 'authentication_failed'));
    expect(dead.stops).toEqual([]);
    dead.watch.caughtUp();
    expect(dead.stops).toMatchObject([{ reason: 'auth' }]);
  });
});

describe('the limit of an account', () => {
  const limitAfter = (...infos: object[]) => {
    const { watch, see } = watching();
    see(...infos.map(limit));
    return watch.limit(NOW);
  };

  it('the latest reset of several windows counts', () => {
    const five = { status: 'rejected', rateLimitType: 'five_hour', resetsAt: SECONDS + HOUR_S };
    const seven = { status: 'rejected', rateLimitType: 'seven_day', resetsAt: SECONDS + 50 * HOUR_S };
    const expected = { cause: 'usage_limit', resetsAt: NOW + 50 * HOUR_S * 1_000 };
    expect(limitAfter(five, seven)).toEqual(expected);
    expect(limitAfter(seven, five)).toEqual(expected);
  });

  it('an event of one window does not lift the limit of another', () => {
    const five = { status: 'rejected', rateLimitType: 'five_hour', resetsAt: SECONDS + HOUR_S };
    const seven = { rateLimitType: 'seven_day', resetsAt: SECONDS + 50 * HOUR_S };
    const reached = { cause: 'usage_limit', resetsAt: NOW + HOUR_S * 1_000 };
    expect(limitAfter(five, { ...seven, status: 'allowed_warning' })).toEqual(reached);
    expect(limitAfter(five, { ...seven, status: 'rejected' }, { ...seven, status: 'allowed' })).toEqual(reached);
    expect(limitAfter(five, { ...five, status: 'allowed' })).toBeUndefined();
  });

  it('a cap on paid extra usage that no window lifts is a spend limit', () => {
    expect(limitAfter({ status: 'rejected', rateLimitType: 'overage' })).toEqual({ cause: 'spend_limit' });
    const month = { status: 'rejected', rateLimitType: 'overage', resetsAt: SECONDS + 20 * 24 * HOUR_S };
    expect(limitAfter(month)).toEqual({ cause: 'spend_limit' });
  });

  it.each([
    ['no event', []],
    ['a warning', [{ status: 'allowed_warning', resetsAt: SECONDS + 9 }]],
    [
      'a window that is used up while extra usage is paid',
      [{ status: 'rejected', resetsAt: SECONDS + 9, isUsingOverage: true }],
    ],
    ['a window that is open again', [{ status: 'rejected', resetsAt: SECONDS + 9 }, { status: 'allowed' }]],
    [
      'an overage that covers all windows',
      [
        { status: 'rejected', rateLimitType: 'five_hour', resetsAt: SECONDS + 9 },
        { status: 'allowed', rateLimitType: 'overage', isUsingOverage: true },
      ],
    ],
    ['a status that is none', [{ status: 'Rejected', resetsAt: SECONDS + 9 }]],
    ['an event without information', [{}]],
  ])('there is no limit after %s', (_, infos) => {
    expect(limitAfter(...infos)).toBeUndefined();
  });

  it('an answer of the provider shows that the limit is over', () => {
    const { watch, see } = watching();
    see(limit({ status: 'rejected', resetsAt: SECONDS + HOUR_S }), said);
    expect(watch.limit(NOW)).toBeUndefined();
  });

  it('an agent that invents windows fills no memory', () => {
    const { watch, see } = watching();
    for (let n = 0; n < 5_000; n++) see(limit({ status: 'rejected', rateLimitType: `w${n}`, resetsAt: SECONDS + n }));
    expect(watch.limit(NOW)).toEqual({ cause: 'usage_limit', resetsAt: NOW + 15_000 });
  });
});

describe('paid extra usage', () => {
  const paid = limit({
    status: 'rejected',
    rateLimitType: 'five_hour',
    resetsAt: SECONDS + HOUR_S,
    isUsingOverage: true,
  });

  it('is reported once in a run', () => {
    const reader = new ClaudeEventReader();
    const kinds = [paid, paid].map((event) => reader.read(event).map(({ kind }) => kind));
    expect(kinds).toEqual([['usage-window', 'overage', 'error'], ['usage-window']]);
  });

  it.each<[OverageChoice, RunStop[]]>([
    ['continue', []],
    ['end', [{ status: 'failed', reason: 'overage', error: "The account pays extra usage, and onOverage is 'end'." }]],
    [
      'wait',
      [
        {
          status: 'failed',
          reason: 'overage',
          error: "The account pays extra usage, and onOverage is 'wait'.",
          wait: { pausedFor: 'overage', resetsAt: NOW + HOUR_S * 1_000 },
        },
      ],
    ],
  ])('onOverage %s', (onOverage, expected) => {
    const { stops, see } = watching({ onOverage });
    see(init(), said, paid, said, paid);
    expect(stops).toEqual(expected);
  });
});

it('a session that is cancelled while its run is stopped to wait does not go on', () => {
  const cause = new StopCause();
  const wait = { pausedFor: 'overage' as const };
  expect(cause.give({ status: 'failed', reason: 'overage', error: 'x', wait }, 'gently')).toBe(true);
  const cancel: RunStop = { status: 'cancelled', reason: 'cancelled', error: 'enough' };
  expect(cause.give(cancel, 'gently')).toBe(true);
  expect(cause.stop).toBe(cancel);
});
