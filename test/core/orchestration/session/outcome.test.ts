import { describe, expect, it } from 'vitest';
import { MOUNTS_REFUSED } from '../../../../src/core/orchestration/session/mounts-refused.js';
import type { ResultObservation } from '../../../../src/core/orchestration/session/observation.js';
import { outcomeOf, type RunWitnesses } from '../../../../src/core/orchestration/session/outcome.js';
import type { RunStop } from '../../../../src/core/orchestration/session/run.js';

const GOOD: ResultObservation = { kind: 'result', subtype: 'success', isError: false, text: 'done' };
const bad = (text?: string, subtype = 'success'): ResultObservation => ({
  kind: 'result',
  subtype,
  isError: true,
  ...(text !== undefined && { text }),
});

const outcome = (witnesses: Partial<RunWitnesses>): ReturnType<typeof outcomeOf> =>
  outcomeOf({
    end: { exitCode: 0 },
    result: undefined,
    isFinal: witnesses.result !== undefined,
    worksOn: false,
    isSilent: false,
    open: { calls: [], tasks: [], unheard: [] },
    failedRequest: undefined,
    hasEvents: true,
    unattended: { docker: true, dockerImage: 'agents:stable' },
    stopped: undefined,
    limit: undefined,
    diagnostics: [],
    ...witnesses,
  });

const CANCEL: RunStop = { status: 'cancelled', reason: 'cancelled', error: 'enough' };
const LIMIT: RunStop = { status: 'failed', reason: 'max_cost', error: 'too much' };
const AWAY = { reason: 'DOCKER_UNAVAILABLE', error: 'gone' };

describe('the outcome of a run', () => {
  const TABLE: [string, Partial<RunWitnesses>, status: string, reason: string][] = [
    ['exit 0 and a good result', { result: GOOD }, 'completed', 'success'],
    ['a good result and an unknown end', { end: { unknown: true }, result: GOOD }, 'completed', 'success'],
    ['exit 0 without a result', {}, 'failed', 'incomplete'],
    ['an unknown end without a result', { end: { unknown: true } }, 'failed', 'incomplete'],
    ['exit 0 with a result that is an error', { result: bad('odd') }, 'failed', 'error'],
    ['a good result, but exit 1', { end: { exitCode: 1 }, result: GOOD }, 'failed', 'error'],
    ['a good result, but killed', { end: { exitCode: 137 }, result: GOOD }, 'completed', 'success'],
    ['an interim result, then killed', { end: { exitCode: 137 }, result: GOOD, isFinal: false }, 'failed', 'killed'],
    ['a good result, but terminated', { end: { exitCode: 143 }, result: GOOD }, 'completed', 'success'],
    [
      'an interim result, then terminated',
      { end: { exitCode: 143 }, result: GOOD, isFinal: false },
      'failed',
      'terminated',
    ],
    ['an unknown end with exit 1', { end: { unknown: true, exitCode: 1 }, result: GOOD }, 'failed', 'error'],
    [
      'the exit code and message of a container whose mounts were swapped',
      { end: { exitCode: 97 }, diagnostics: ['other words', MOUNTS_REFUSED] },
      'failed',
      'UNSAFE_MOUNT',
    ],
    ['the same exit code without the message', { end: { exitCode: 97 }, diagnostics: ['x'] }, 'failed', 'error'],
    [
      'the same exit code and message after a good result of the agent',
      { end: { exitCode: 97 }, diagnostics: [MOUNTS_REFUSED], result: GOOD },
      'failed',
      'error',
    ],
    ['no exit code at all', { end: {}, result: GOOD }, 'failed', 'error'],
    ['all turns used', { result: bad(undefined, 'error_max_turns') }, 'failed', 'max_turns'],
    ['a result without authentication', { result: bad('Invalid API key · Please run /login') }, 'failed', 'auth'],
    ['a result at the rate limit', { result: bad('API Error: 429 rate_limit_error') }, 'failed', 'rate_limited'],
    ['a result after an error', { result: bad(undefined, 'error_during_execution') }, 'failed', 'error'],
    [
      'exit 1 and a last output about authentication',
      { end: { exitCode: 1 }, diagnostics: ['Not logged in'] },
      'failed',
      'auth',
    ],
    [
      'exit 1 and another last output',
      { end: { exitCode: 1 }, diagnostics: ['Segmentation fault'] },
      'failed',
      'error',
    ],
    ['too much memory', { end: { exitCode: 137, oomKilled: true } }, 'failed', 'oom'],
    [
      'too much memory after a good result',
      { end: { exitCode: 137, oomKilled: true }, result: GOOD },
      'completed',
      'success',
    ],
    ['a container that is lost', { end: { reason: 'lost', error: 'gone' } }, 'failed', 'lost'],
    [
      'a container that is lost after a good result',
      { end: { reason: 'lost', error: 'gone' }, result: GOOD },
      'completed',
      'success',
    ],
    ['a launch that failed', { end: { reason: 'LAUNCH_FAILED' } }, 'failed', 'LAUNCH_FAILED'],
    ['an engine that is unavailable', { end: { reason: 'DOCKER_UNAVAILABLE' } }, 'failed', 'DOCKER_UNAVAILABLE'],
    ['a stop on purpose', { end: { exitCode: 143 }, stopped: CANCEL }, 'cancelled', 'cancelled'],
    ['a stop on purpose that came too late', { result: GOOD, stopped: CANCEL }, 'cancelled', 'cancelled'],
    [
      'a stop that needed force',
      { end: { exitCode: 137, oomKilled: true }, stopped: CANCEL },
      'cancelled',
      'cancelled',
    ],
    ['a limit that was reached', { end: { exitCode: 143 }, stopped: LIMIT }, 'failed', 'max_cost'],
    ['a limit that the result reached', { result: GOOD, stopped: LIMIT }, 'failed', 'max_cost'],
    ['a limit that needed force', { end: { exitCode: 137, oomKilled: true }, stopped: LIMIT }, 'failed', 'max_cost'],
    ['a reached limit while the engine is unavailable', { end: AWAY, stopped: LIMIT }, 'failed', 'DOCKER_UNAVAILABLE'],
    [
      'a stop on purpose while the engine is unavailable',
      { end: AWAY, stopped: CANCEL },
      'failed',
      'DOCKER_UNAVAILABLE',
    ],
    ["Claude's own budget", { result: bad(undefined, 'error_max_budget_usd') }, 'failed', 'max_cost'],
  ];

  it.each(TABLE)('the status and reason of a run: %s', (_, witnesses, status, reason) => {
    const { status: reached, result } = outcome(witnesses);
    expect([reached, result.reason]).toEqual([status, reason]);
    expect(result.error === undefined).toBe(status === 'completed');
  });

  it('the exit code and the closing text are kept for every kind of end', () => {
    expect(outcome({ result: GOOD }).result).toEqual({ text: 'done', exitCode: 0, reason: 'success' });
    expect(outcome({ end: { exitCode: 137 }, result: GOOD, stopped: CANCEL }).result).toEqual({
      text: 'done',
      exitCode: 137,
      reason: 'cancelled',
      error: 'enough',
    });
    expect(outcome({ end: { unknown: true }, result: GOOD }).result).not.toHaveProperty('exitCode');
  });

  it('the error says in words what was wrong, with the last output', () => {
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

describe('a run that ends with exit code 0 and an empty log', () => {
  const silent = (witnesses: Partial<RunWitnesses>) => outcome({ hasEvents: false, ...witnesses }).result;

  it('the error names the likely causes in the image, a command to try, and the last output', () => {
    const { reason, error } = silent({ diagnostics: ['entrypoint: ready'] });
    expect(reason).toBe('incomplete');
    expect(error).toContain('exit code 0, but Claude Code wrote nothing');
    expect(error).toContain("the entrypoint of the image 'agents:stable' does not execute its arguments");
    expect(error).toContain('docker.user');
    expect(error).toContain("docker run --rm -e DISABLE_FIREWALL=true agents:stable claude -p 'Say hello'");
    expect(error).toMatch(/ Last output: entrypoint: ready$/);
  });

  it('without a container, the error says nothing of images', () => {
    const { error } = silent({ unattended: { docker: false, dockerImage: '' } });
    expect(error).toContain("the 'claude' on the PATH is a wrapper");
    expect(error).not.toMatch(/image|docker/);
  });

  it.each<[string, Partial<RunWitnesses>]>([
    ['Claude wrote something', { hasEvents: true }],
    ['nobody knows the exit code', { end: { unknown: true } }],
    ['a person had a terminal', { unattended: undefined }],
  ])('the error only says that there is no result if %s', (_, witnesses) => {
    expect(silent(witnesses)).toMatchObject({ reason: 'incomplete', error: 'It ended without a result.' });
  });
});

it('the error of a run has a bounded length, even for a huge text of control sequences', () => {
  const { error } = outcome({ result: bad(`\u001b${'#;'.repeat(8 * 1024 * 1024)}`) }).result;
  expect(error).toHaveLength(50_001);
  expect(error).toMatch(/^ #;.*…$/);
});

describe("the provider's usage limit", () => {
  const LIMITED = bad('API Error: 429 rate_limit_error');
  const REACHED = { cause: 'usage_limit', resetsAt: 7 } as const;

  it('a run that ended at the usage limit is marked, with the time at which the limit resets', () => {
    expect(outcome({ end: { exitCode: 1 }, result: LIMITED, limit: REACHED })).toEqual({
      status: 'failed',
      result: { text: LIMITED.text, exitCode: 1, reason: 'rate_limited', error: LIMITED.text },
      cause: 'usage_limit',
      usageLimit: { resetsAt: 7 },
    });
    expect(outcome({ result: LIMITED }).usageLimit).toEqual({});
    const dated = { ...LIMITED, text: 'Claude AI usage limit reached|1735689600' };
    expect(outcome({ result: dated }).usageLimit).toEqual({ resetsAt: 1_735_689_600_000 });
    expect(outcome({ result: dated, limit: REACHED }).usageLimit).toEqual({ resetsAt: 7 });
  });

  it.each([
    ['a run that was cancelled', { result: LIMITED, stopped: CANCEL }],
    ['a run that reached a limit of ours', { result: LIMITED, stopped: LIMIT }],
    ['a run that was killed', { end: { exitCode: 137, oomKilled: true }, result: LIMITED, isFinal: false }],
    ['a run while the engine is unavailable', { end: AWAY, result: LIMITED }],
    ['a run that went well after all', { result: GOOD }],
    ['another error', { result: bad('Prompt is too long') }],
  ])('the usage limit is not the cause of the end of %s', (_, witnesses) => {
    expect(outcome({ ...witnesses, limit: REACHED })).not.toHaveProperty('usageLimit');
  });
});

describe('a run that must not be continued right after its stop', () => {
  it.each([
    ['a run that may still exist is final', { end: AWAY, stopped: CANCEL }, true],
    ['a run that a limit ended is final', { end: { exitCode: 143 }, stopped: LIMIT }, true],
    ['a run that was stopped to be continued is not final', { end: { exitCode: 143 }, stopped: CANCEL }, undefined],
    ['a run that ended by itself is not final', { result: GOOD }, undefined],
  ])('%s', (_, witnesses, final) => {
    expect(outcome(witnesses).final).toBe(final);
  });
});
