import { describe, expect, it } from 'vitest';
import type { ResultObservation } from '../../../src/core/orchestration/monitoring/observation.js';
import { outcomeOf, type RunWitnesses } from '../../../src/core/orchestration/run-outcome.js';

const GOOD: ResultObservation = { kind: 'result', subtype: 'success', isError: false, text: 'done' };
const bad = (text?: string, subtype = 'success'): ResultObservation => ({
  kind: 'result',
  subtype,
  isError: true,
  ...(text !== undefined && { text }),
});

const outcome = (witnesses: Partial<RunWitnesses>): ReturnType<typeof outcomeOf> =>
  outcomeOf({ end: { exitCode: 0 }, result: undefined, cancelled: undefined, diagnostics: [], ...witnesses });

describe('how a run went', () => {
  const TABLE: [string, Partial<RunWitnesses>, status: string, reason: string][] = [
    ['exit 0 and a good result', { result: GOOD }, 'completed', 'success'],
    ['a good result and an unknown end', { end: { unknown: true }, result: GOOD }, 'completed', 'success'],
    ['exit 0 without a result', {}, 'failed', 'incomplete'],
    ['an unknown end without a result', { end: { unknown: true } }, 'failed', 'incomplete'],
    ['exit 0 with a result that is an error', { result: bad('odd') }, 'failed', 'error'],
    ['a good result, but exit 1', { end: { exitCode: 1 }, result: GOOD }, 'failed', 'error'],
    ['a good result, but killed', { end: { exitCode: 137 }, result: GOOD }, 'failed', 'killed'],
    ['a good result, but terminated', { end: { exitCode: 143 }, result: GOOD }, 'failed', 'terminated'],
    ['an unknown end with exit 1', { end: { unknown: true, exitCode: 1 }, result: GOOD }, 'failed', 'error'],
    ['no exit code at all', { end: {}, result: GOOD }, 'failed', 'error'],
    ['all turns used', { result: bad(undefined, 'error_max_turns') }, 'failed', 'max_turns'],
    ['a result without authentication', { result: bad('Invalid API key · Please run /login') }, 'failed', 'auth'],
    ['a result at the rate limit', { result: bad('API Error: 429 rate_limit_error') }, 'failed', 'rate_limited'],
    ['a result after an error', { result: bad(undefined, 'error_during_execution') }, 'failed', 'error'],
    ['exit 1 and a word on authentication', { end: { exitCode: 1 }, diagnostics: ['Not logged in'] }, 'failed', 'auth'],
    ['exit 1 and another word', { end: { exitCode: 1 }, diagnostics: ['Segmentation fault'] }, 'failed', 'error'],
    ['too much memory', { end: { exitCode: 137, oomKilled: true }, result: GOOD }, 'failed', 'oom'],
    ['a lost container', { end: { reason: 'lost', error: 'gone' }, result: GOOD }, 'failed', 'lost'],
    ['a launch that failed', { end: { reason: 'LAUNCH_FAILED' } }, 'failed', 'LAUNCH_FAILED'],
    ['an engine that is away', { end: { reason: 'DOCKER_UNAVAILABLE' } }, 'failed', 'DOCKER_UNAVAILABLE'],
    ['a stop on purpose', { end: { exitCode: 143 }, cancelled: 'enough' }, 'cancelled', 'cancelled'],
    ['a stop on purpose that came too late', { result: GOOD, cancelled: 'enough' }, 'cancelled', 'cancelled'],
    ['a stop that needed force', { end: { exitCode: 137, oomKilled: true }, cancelled: 'x' }, 'cancelled', 'cancelled'],
  ];

  it.each(TABLE)('%s', (_, witnesses, status, reason) => {
    const { status: reached, result } = outcome(witnesses);
    expect([reached, result.reason]).toEqual([status, reason]);
    expect(result.error === undefined).toBe(status === 'completed');
  });

  it('keeps exit code and closing text whatever the end', () => {
    expect(outcome({ result: GOOD }).result).toEqual({ text: 'done', exitCode: 0, reason: 'success' });
    expect(outcome({ end: { exitCode: 137 }, result: GOOD, cancelled: 'enough' }).result).toEqual({
      text: 'done',
      exitCode: 137,
      reason: 'cancelled',
      error: 'enough',
    });
    expect(outcome({ end: { unknown: true }, result: GOOD }).result).not.toHaveProperty('exitCode');
  });

  it('says for a person what was wrong, with the last output', () => {
    const diagnostics = ['entrypoint: starting', 'boom'];
    expect(outcome({ end: { exitCode: 9 }, diagnostics }).result.error).toBe(
      'It ended with exit code 9. Last output: entrypoint: starting | boom',
    );
    expect(outcome({ end: { reason: 'lost', error: 'The container is gone' }, diagnostics }).result.error).toBe(
      'The container is gone. Last output: entrypoint: starting | boom',
    );
    expect(outcome({ result: bad(undefined, 'error_max_turns') }).result.error).toContain("'error_max_turns'");
  });
});
