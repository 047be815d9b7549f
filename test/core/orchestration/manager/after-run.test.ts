import { describe, expect, it } from 'vitest';
import { afterRun } from '../../../../src/core/orchestration/manager/after-run.js';
import type { Outcome } from '../../../../src/core/orchestration/session/outcome.js';
import { resolveRetry } from '../../../../src/core/orchestration/session/retry.js';
import type { RunFailure, RunStop, SessionRun } from '../../../../src/core/orchestration/session/run.js';
import { runningSession } from '../../../support/sessions.js';

const RETRY = resolveRetry({ attempts: 2 });
const TOKENS = { input: 100, output: 20, cacheRead: 0, cacheCreation: 0 };
const FAILED: RunFailure = { pausedFor: 'retry', reason: 'provider_error', error: 'x', attempt: 1 };
const outcome = (reason: string, more: Partial<Outcome> = {}): Outcome => ({
  status: 'failed',
  result: { reason, error: 'x' },
  ...more,
});
const TRANSIENT = outcome('provider_error', { cause: 'transient' });

function next(
  runs: Partial<SessionRun>[],
  ended: Outcome,
  { now = 1_000, feedback = undefined as string | undefined, retry = RETRY } = {},
) {
  const numbered = runs.map((run, index) => ({ number: index + 1, ...run }));
  return afterRun({ ...runningSession(), runs: numbered }, ended, { feedback, retry, now });
}

describe('what follows a run that failed', () => {
  it.each([
    ['the first failure', [{}], 1],
    ['a second failure', [{ failure: FAILED }, {}], 2],
    [
      'a failure after a run that got answers and worked for a minute',
      [{ failure: FAILED }, { failure: FAILED }, { startedAt: 0, tokens: TOKENS }],
      1,
      60_000,
    ],
    ['a failure after a run that a person continued', [{ failure: FAILED }, {}, {}], 1],
    ['a failure after a usage limit', [{ failure: { ...FAILED, pausedFor: 'usage_limit' as const } }, {}], 1],
  ])('%s is waited for as attempt %#', (_, runs, attempt, now = 1_000) => {
    expect(next(runs, TRANSIENT, { now })).toEqual({ kind: 'wait', failure: { ...FAILED, attempt } });
  });

  it.each([
    ['made no progress', { startedAt: 0 }, 60_000],
    ['got answers only for seconds', { startedAt: 0, tokens: TOKENS }, 59_999],
  ])('the attempts are used up if the last run %s', (_, last, now) => {
    expect(next([{ failure: FAILED }, { failure: FAILED }, last], TRANSIENT, { now })).toEqual({
      kind: 'end',
      failedAttempts: 2,
    });
  });

  it('a failure that is not the provider’s is counted over all runs, whatever they have done', () => {
    const retry = resolveRetry({ attempts: 1, on: ['oom', 'lost', 'error'] });
    for (const reason of ['oom', 'lost', 'error']) {
      expect(next([{}], outcome(reason), { retry })).toMatchObject({ kind: 'wait', failure: { reason } });
      const runs = [{ failure: FAILED }, { startedAt: 0, tokens: TOKENS }];
      expect(next(runs, outcome(reason), { retry, now: 9e6 })).toMatchObject({ kind: 'end' });
      expect(next([{}], outcome(reason))).toEqual({ kind: 'end' });
    }
    expect(next([{}], TRANSIENT, { retry })).toEqual({ kind: 'end' });
  });

  it.each(['auth', 'spend_limit', 'killed', 'guard_bypassed', 'max_cost', 'unknown_model', 'context_full'])(
    'a session that failed as %s ends',
    (reason) => {
      expect(next([{}], outcome(reason))).toEqual({ kind: 'end' });
    },
  );

  it('a run that was stopped ends, unless it was stopped to wait', () => {
    const stop: RunStop = { status: 'failed', reason: 'overage', error: 'x' };
    expect(next([{ stop }], outcome('overage', { final: true }))).toEqual({ kind: 'end' });
    const waits: RunStop = { ...stop, wait: { pausedFor: 'overage', resetsAt: 7 } };
    expect(next([{ stop: waits }], outcome('overage', { final: true }))).toMatchObject({ kind: 'wait', resetsAt: 7 });
    expect(next([{ stop: waits }], outcome('DOCKER_UNAVAILABLE', { final: true }))).toEqual({ kind: 'end' });
  });

  const LIMITED: RunFailure = { ...FAILED, pausedFor: 'usage_limit', reason: 'rate_limited' };
  const AT_LIMIT = outcome('rate_limited', { usageLimit: {} });

  it('a run that ended at the usage limit has made progress only if it worked for a minute', () => {
    const runs = [{ failure: LIMITED }, { startedAt: 0, tokens: TOKENS }];
    expect(next(runs, AT_LIMIT, { now: 59_999 })).toMatchObject({ kind: 'wait', failure: { attempt: 2 } });
    expect(next(runs, AT_LIMIT, { now: 60_000 })).toMatchObject({ kind: 'wait', failure: { attempt: 1 } });
  });

  it.each([
    ['usage limit', LIMITED, AT_LIMIT],
    ['failure of the provider', FAILED, TRANSIENT],
  ])('a session ends at the %s after 100 runs that began by themselves, whatever its log says', (_, failure, ended) => {
    const worked = { startedAt: 0, endedAt: 60_000, tokens: TOKENS };
    const runs = Array.from({ length: 100 }, (_, index) => ({
      ...worked,
      ...(index % 2 ? { outputRetry: 1 } : {}),
      failure,
    }));
    expect(next([...runs.slice(1), worked], ended)).toMatchObject({ kind: 'wait' });
    expect(next([...runs, worked], ended)).toEqual({ kind: 'end', failedAttempts: 100 });
    expect(next([worked, ...runs.slice(0, 50), worked, worked, ...runs.slice(50), worked], ended).kind).toBe('wait');
  });

  it('feedback outweighs a failure that may pass', () => {
    expect(next([{}], TRANSIENT, { feedback: 'now' })).toEqual({ kind: 'go-on', feedback: 'now' });
  });
});
