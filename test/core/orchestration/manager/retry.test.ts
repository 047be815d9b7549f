import type { RunRequest, SessionManagerOptions, UnifiedSessionManager } from 'autonomous-orchestration';
import {
  SimulatedExecutor,
  type SimulatedRun,
  type SimulatedScript,
  type SimulatedStep,
} from 'autonomous-orchestration/testing';
import { beforeEach, describe, expect, it, vi } from 'vitest';
import { retryDelay } from '../../../../src/core/orchestration/session/retry.js';
import { fakeClock } from '../../../support/clock.js';
import { DONE, everyMode, simulate } from '../../../support/simulate.js';
import { tempFolder } from '../../../support/temp-folder.js';

const NOW = 1_795_000_000_000;
const CONVERSATION = '11111111-2222-4333-8444-555555555555';
const INIT = { type: 'system', subtype: 'init', session_id: CONVERSATION, model: 'simulated' };
const RETRY = { attempts: 2, initialMs: 1_000, maxMs: 5_000 };

/** A run that ends with a failed request, as Claude Code writes it. */
function failing(
  text: string,
  { before = [], begins = true }: { before?: object[]; begins?: boolean } = {},
): SimulatedRun {
  const usage = { input_tokens: 100, output_tokens: 20 };
  const lines = [
    ...(begins ? [INIT] : []),
    ...before,
    {
      type: 'assistant',
      message: { id: 'e', model: '<synthetic>', content: [{ type: 'text', text }] },
      error: 'unknown',
    },
    { type: 'result', subtype: 'success', is_error: true, result: text, usage, session_id: CONVERSATION },
  ];
  return { steps: lines.map((line): SimulatedStep => ({ line })), exitCode: 1 };
}

const ERROR_500 = 'API Error: 500 Internal server error';

function runs(first: SimulatedRun[], options: SessionManagerOptions = {}, last: SimulatedScript = DONE) {
  const requests: RunRequest[] = [];
  const left = [...first];
  const { manager, events } = simulate(
    (request) => {
      requests.push(request);
      return left.shift() ?? last(request);
    },
    { retry: RETRY, ...options },
  );
  return { manager, events, requests };
}

async function goesOn(manager: UnifiedSessionManager, id: string): Promise<number> {
  const { resumeAt = 0 } = await manager.waitFor(id, { status: 'paused' });
  const wait = resumeAt - Date.now();
  vi.advanceTimersByTime(wait);
  return wait;
}

describe('a failure of the provider that may pass', () => {
  beforeEach(() => fakeClock(NOW));

  it('the time that it takes to write the result down is no progress of the run', async () => {
    class Slow extends SimulatedExecutor {
      override async finalResult() {
        vi.advanceTimersByTime(60_000);
        return {};
      }
    }
    const executors = everyMode(new Slow(() => failing(ERROR_500)));
    const { manager } = simulate(DONE, { executors, retry: { ...RETRY, attempts: 1 } });
    const { id } = await manager.create({ prompt: 'x' });
    await goesOn(manager, id);
    expect(await manager.waitFor(id, { status: ['paused', 'failed'] })).toMatchObject({ status: 'failed' });
  });

  it('the conversation goes on after a wait, and the slot is free meanwhile', async () => {
    const { manager, events, requests } = runs([failing(ERROR_500)], { maxConcurrent: 1 });
    const { id } = await manager.create({ prompt: 'x' });
    const session = await manager.waitFor(id, { status: 'paused' });
    expect(session).toMatchObject({
      pausedFor: 'retry',
      runs: [{ exitCode: 1, failure: { pausedFor: 'retry', reason: 'provider_error', error: ERROR_500, attempt: 1 } }],
    });
    expect(manager.queueStatus()).toMatchObject({ running: 0, queued: 0 });
    const other = await manager.create({ prompt: 'y' });
    expect((await manager.waitFor(other.id)).status).toBe('completed');

    expect(await goesOn(manager, id)).toBeLessThanOrEqual(RETRY.initialMs);
    const ended = await manager.waitFor(id);
    expect(ended).toMatchObject({ status: 'completed', runs: [{}, {}] });
    expect(ended).not.toHaveProperty('pausedFor');
    expect(requests.at(-1)).toMatchObject({ run: 2, conversationId: CONVERSATION });
    expect(requests.at(-1)?.feedback).toMatch(/^Continue from where you left off\. .*do not make them again/);
    expect(events).toContainEqual(expect.objectContaining({ type: 'session:paused', pausedFor: 'retry' }));
  });

  it('the agent is told which calls were interrupted, because not every conversation contains them', async () => {
    const call = { type: 'tool_use', id: 't1', name: 'Bash', input: { command: 'make release' } };
    const before = [{ type: 'assistant', message: { id: 'm', model: 'claude', content: [call] } }];
    const { manager, requests } = runs([failing(ERROR_500, { before })]);
    const { id } = await manager.create({ prompt: 'x' });
    await goesOn(manager, id);
    await manager.waitFor(id);
    expect(requests[1]?.feedback).toContain('their outcome is unknown:\n- Bash');
    expect(requests[1]?.feedback).toContain('make release');
  });

  it('after all attempts, the session fails with a reason of its own that says how often it tried', async () => {
    const { manager } = runs([failing(ERROR_500), failing(ERROR_500), failing(ERROR_500)]);
    const { id } = await manager.create({ prompt: 'x' });
    const waits = [await goesOn(manager, id), await goesOn(manager, id)];
    expect(waits[1]).toBeGreaterThan(waits[0] ?? 0);
    const ended = await manager.waitFor(id);
    expect(ended).toMatchObject({ status: 'failed', result: { reason: 'provider_error' }, runs: [{}, {}, {}] });
    expect(ended.result?.error).toContain('2 further attempts');
    expect(vi.getTimerCount()).toBe(0);
  });

  it('resume() tries again at once', async () => {
    const { manager } = runs([failing(ERROR_500)]);
    const { id } = await manager.create({ prompt: 'x' });
    await manager.waitFor(id, { status: 'paused' });
    await manager.resume(id);
    expect(await manager.waitFor(id)).toMatchObject({ status: 'completed' });
    expect(vi.getTimerCount()).toBe(0);
  });

  it.each([
    ['of the manager', { retry: false as const }, {}],
    ['of the session', {}, { retry: false as const }],
    ['as no attempts', {}, { retry: { attempts: 0 } }],
  ])('no attempt is made if retry is switched off, %s', async (_, manages, creates) => {
    const { manager } = runs([failing(ERROR_500)], manages);
    const { id } = await manager.create({ prompt: 'x', ...creates });
    const { status, result } = await manager.waitFor(id);
    expect([status, result?.reason, result?.error]).toEqual(['failed', 'provider_error', ERROR_500]);
  });

  it.each([
    'API Error: 400 {"error":{"type":"invalid_request_error","message":"tool_use ids must be unique"}}',
    'API Error: 413 Request too large',
    "There's an issue with the selected model (claude-x). It may not exist.",
  ])('a failure that stays is not tried again: %s', async (text) => {
    const { manager } = runs([failing(text)]);
    const { id } = await manager.create({ prompt: 'x' });
    expect(await manager.waitFor(id)).toMatchObject({ status: 'failed', runs: [{}] });
  });

  it('a session that had no conversation yet begins anew with its prompt', async () => {
    const { manager, requests } = runs([failing(ERROR_500, { begins: false })]);
    const { id } = await manager.create({ prompt: 'x' });
    await goesOn(manager, id);
    expect(await manager.waitFor(id)).toMatchObject({ status: 'completed' });
    expect(requests[1]).toMatchObject({ run: 2, feedback: undefined, conversationId: undefined });
  });

  it('retry.on names other failures, whose attempts are counted over all runs', async () => {
    const { manager } = runs([failing('odd'), failing('odd'), failing('odd')], { retry: { ...RETRY, on: ['error'] } });
    const { id } = await manager.create({ prompt: 'x' });
    await goesOn(manager, id);
    await goesOn(manager, id);
    expect(await manager.waitFor(id)).toMatchObject({ status: 'failed', result: { reason: 'error' } });
  });

  it('a later manager goes on with the wait and with the count, and the session has no slot', async () => {
    const stateDir = tempFolder();
    const first = runs([failing(ERROR_500), failing(ERROR_500)], { stateDir });
    const { id } = await first.manager.create({ prompt: 'x' });
    await goesOn(first.manager, id);
    const { resumeAt } = await first.manager.waitFor(id, { status: 'paused' });
    await first.manager.close();
    const { manager } = runs([failing(ERROR_500)], { stateDir });
    await manager.recover();
    expect(manager.get(id)).toMatchObject({ status: 'paused', resumeAt, pausedFor: 'retry' });
    expect(manager.queueStatus().running).toBe(0);
    await goesOn(manager, id);
    expect(await manager.waitFor(id)).toMatchObject({ status: 'failed', result: { reason: 'provider_error' } });
  });

  it.each([
    { attempts: -1 },
    { attempts: 1.5 },
    { initialMs: 0 },
    { maxMs: -5 },
    { on: ['everything'] },
    { tries: 3 },
    true,
  ])('an option that makes no sense is refused: %j', async (retry) => {
    const { manager } = runs([]);
    await expect(manager.create({ prompt: 'x', retry: retry as never })).rejects.toMatchObject({
      code: 'INVALID_OPTIONS',
      message: expect.stringContaining('retry'),
    });
  });
});

it('the wait doubles up to its maximum, and differs a little between sessions', () => {
  const options = { initialMs: 30_000, maxMs: 600_000 };
  for (const [index, full] of [30_000, 60_000, 120_000, 240_000, 480_000, 600_000, 600_000].entries()) {
    const waits = ['a', 'b', 'session'].map((seed) => retryDelay(options, index + 1, seed));
    for (const wait of waits) expect(wait).toBeGreaterThanOrEqual(full * 0.9);
    for (const wait of waits) expect(wait).toBeLessThanOrEqual(full);
    expect(new Set(waits).size).toBe(3);
  }
  expect(retryDelay(options, 2_000, 'a')).toBeLessThanOrEqual(600_000);
});
