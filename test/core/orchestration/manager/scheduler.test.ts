import type {
  EndedRun,
  RunRequest,
  SessionEvent,
  SessionResult,
  UnifiedSession,
  UnifiedSessionManager,
} from 'autonomous-orchestration';
import {
  SimulatedExecutor,
  type SimulatedRun,
  type SimulatedScript,
  type SimulatedStep,
  scriptedRun,
} from 'autonomous-orchestration/testing';
import { beforeEach, describe, expect, it, vi } from 'vitest';
import { deferred } from '../../../../src/core/orchestration/util/deferred.js';
import { fakeClock } from '../../../support/clock.js';
import { errorOf } from '../../../support/errors.js';
import { DONE, ENDLESS, simulate } from '../../../support/simulate.js';

const NOW = 1_795_000_000_000;
const HOUR = 3_600_000;
const CONVERSATION = '11111111-2222-4333-8444-555555555555';
const GO_ON = expect.stringMatching(/^Continue from where you left off\./);

/** A run that ends at the provider's usage limit, as Claude Code writes it. */
function limited({
  resetsAt,
  says = true,
  tokens = 0,
}: {
  resetsAt?: number;
  says?: boolean;
  tokens?: number;
} = {}): SimulatedRun {
  const init = { type: 'system', subtype: 'init', session_id: CONVERSATION, model: 'simulated' };
  const info = { status: 'rejected', ...(resetsAt !== undefined && { resetsAt: resetsAt / 1_000 }) };
  const text = 'API Error: 429 {"type":"error","error":{"type":"rate_limit_error"}}';
  const usage = { input_tokens: tokens, output_tokens: 0 };
  const lines: object[] = [
    ...(says ? [init] : []),
    { type: 'rate_limit_event', rate_limit_info: info },
    { type: 'result', subtype: 'success', is_error: true, result: text, usage, session_id: CONVERSATION },
  ];
  return { steps: lines.map((line): SimulatedStep => ({ line })), exitCode: 1 };
}

/** Runs that end at the limit, and then runs of another script. */
function limitedRuns(runs: SimulatedRun[], last: SimulatedScript = DONE) {
  const requests: RunRequest[] = [];
  const script: SimulatedScript = (request) => {
    requests.push(request);
    return runs.shift() ?? last(request);
  };
  return { requests, script };
}

const paused = (manager: UnifiedSessionManager, id: string): Promise<UnifiedSession> =>
  manager.waitFor(id, { status: 'paused' });
const typesOf = (events: SessionEvent[]): string[] => events.map(({ type }) => type);

describe("a session that reaches its provider's usage limit", () => {
  beforeEach(() => fakeClock(NOW));

  it('a limited session waits without a slot until the limit is reset, and then continues by itself', async () => {
    const { script, requests } = limitedRuns([limited({ resetsAt: NOW + 5 * HOUR })]);
    const { manager, events } = simulate(script, { maxConcurrent: 1 });
    const { id } = await manager.create({ prompt: 'x' });
    const session = await paused(manager, id);
    expect(session).toMatchObject({ resumeAt: NOW + 5 * HOUR + 5_000, runs: [{ endedAt: NOW, exitCode: 1 }] });
    expect(session).not.toHaveProperty('result');
    const next = await manager.create({ prompt: 'y' });
    expect(next.status).toBe('queued');
    expect(manager.queueStatus()).toMatchObject({ running: 0, queued: 1, held: { reason: 'usage_limit' } });

    vi.advanceTimersByTime(5 * HOUR + 4_999);
    expect(manager.get(id)?.status).toBe('paused');
    vi.advanceTimersByTime(1);
    const ended = await manager.waitFor(id);
    expect(ended).toMatchObject({ status: 'completed', runs: [{ number: 1 }, { number: 2, feedback: GO_ON }] });
    expect(ended).not.toHaveProperty('resumeAt');
    expect(requests[1]).toMatchObject({ run: 2, feedback: GO_ON, conversationId: CONVERSATION });
    await manager.waitFor(next.id);
    const own = events.filter(
      ({ sessionId, type }) => sessionId === id && /paused|continued|failed|completed/.test(type),
    );
    expect(typesOf(own)).toEqual(['session:paused', 'session:continued', 'session:completed']);
    expect(own[0]).toMatchObject({ resumeAt: NOW + 5 * HOUR + 5_000 });
  });

  it('without a reset time, a limited session waits longer each time, also if short runs report tokens', async () => {
    const { script } = limitedRuns([limited(), limited(), limited(), limited({ tokens: 50 })]);
    const { manager } = simulate(script);
    const { id } = await manager.create({ prompt: 'x' });
    const waits: number[] = [];
    for (let round = 0; round < 4; round += 1) {
      const { resumeAt = 0 } = await paused(manager, id);
      waits.push(resumeAt - Date.now());
      vi.advanceTimersByTime(resumeAt - Date.now());
    }
    expect(waits).toEqual([60_000, 120_000, 240_000, 480_000]);
    expect(await manager.waitFor(id)).toMatchObject({ status: 'completed' });
  });

  it('a limited session continues if the machine slept past the reset time', async () => {
    const { script } = limitedRuns([limited({ resetsAt: NOW + HOUR })]);
    const { manager } = simulate(script);
    const { id } = await manager.create({ prompt: 'x' });
    await paused(manager, id);
    vi.setSystemTime(NOW + 9 * HOUR);
    vi.advanceTimersByTime(60_000);
    expect(await manager.waitFor(id)).toMatchObject({ status: 'completed' });
  });

  it('a limited session does not wait if it is cancelled while its final result is computed', async () => {
    const concluding = deferred<void>();
    const going = deferred<void>();
    class Concluding extends SimulatedExecutor {
      override async finalResult(ended: EndedRun): Promise<SessionResult> {
        concluding.resolve();
        await going.promise;
        return ended.result;
      }
    }
    const { script } = limitedRuns([limited({ resetsAt: NOW + HOUR })]);
    const { manager } = simulate(script, { executors: { autonomous: new Concluding(script) } });
    const { id } = await manager.create({ prompt: 'x' });
    await concluding.promise;
    const cancelled = manager.cancel(id, 'enough\u001b[2J');
    going.resolve();
    expect(await cancelled).toMatchObject({
      status: 'cancelled',
      result: { reason: 'cancelled', error: 'enough', exitCode: 1 },
    });
    expect(manager.queueStatus()).toMatchObject({ running: 0 });
    expect(vi.getTimerCount()).toBe(0);
  });

  it('resume() makes a limited session try again at once', async () => {
    const { script } = limitedRuns([limited({ resetsAt: NOW + HOUR })]);
    const { manager } = simulate(script);
    const { id } = await manager.create({ prompt: 'x' });
    await paused(manager, id);
    const resumed = await manager.resume(id);
    expect(resumed).toMatchObject({ status: 'starting', runs: [{}, { feedback: GO_ON }] });
    expect(resumed).not.toHaveProperty('resumeAt');
    expect(await manager.waitFor(id)).toMatchObject({ status: 'completed' });
    vi.advanceTimersByTime(2 * HOUR);
    expect(manager.get(id)?.runs).toHaveLength(2);
    expect(vi.getTimerCount()).toBe(0);
  });

  it('a limited session cannot be paused and still continues by itself', async () => {
    const { script } = limitedRuns([limited({ resetsAt: NOW + HOUR })]);
    const { manager } = simulate(script);
    const { id } = await manager.create({ prompt: 'x' });
    const session = await paused(manager, id);
    const { message } = await errorOf(manager.pause(id), 'ILLEGAL_TRANSITION');
    expect(message).toContain('and goes on by itself; use cancel() to end it.');
    expect(manager.get(id)).toBe(session);
    vi.advanceTimersByTime(HOUR + 5_000);
    expect(await manager.waitFor(id)).toMatchObject({ status: 'completed' });
  });

  it('a limited session can be continued with feedback', async () => {
    const { script, requests } = limitedRuns([limited({ resetsAt: NOW + HOUR })]);
    const { manager } = simulate(script, { maxConcurrent: 1, maxQueued: 0 });
    const { id } = await manager.create({ prompt: 'x' });
    await paused(manager, id);
    expect(await manager.continue(id, 'shorter')).toMatchObject({ status: 'starting' });
    expect(await manager.waitFor(id)).toMatchObject({ status: 'completed' });
    expect(requests[1]).toMatchObject({ feedback: 'shorter', conversationId: CONVERSATION });
    vi.advanceTimersByTime(2 * HOUR);
    expect(requests).toHaveLength(2);
  });

  it.each<[string, (manager: UnifiedSessionManager, id: string, controller: AbortController) => Promise<unknown>]>([
    ['cancel()', (manager, id) => manager.cancel(id, 'enough')],
    [
      'its signal',
      async (manager, id, controller) => {
        controller.abort();
        await manager.waitFor(id);
      },
    ],
    ['a close() that cancels sessions', (manager) => manager.close({ sessions: 'cancel' })],
  ])('a limited session is ended by %s, and its slot becomes free', async (_, end) => {
    const { script, requests } = limitedRuns([limited({ resetsAt: NOW + HOUR })]);
    const { manager, events } = simulate(script, { maxConcurrent: 1 });
    const controller = new AbortController();
    const { id } = await manager.create({ prompt: 'x', signal: controller.signal });
    await paused(manager, id);
    await end(manager, id, controller);
    expect(manager.get(id)).toMatchObject({ status: 'cancelled', runs: [{ exitCode: 1, endedAt: NOW }] });
    expect(manager.get(id)).not.toHaveProperty('resumeAt');
    expect(manager.queueStatus().running).toBe(0);
    expect(vi.getTimerCount()).toBeLessThanOrEqual(1); // That of the account, which is held as before.
    expect(typesOf(events).filter((type) => type === 'session:cancelled')).toHaveLength(1);
    vi.advanceTimersByTime(2 * HOUR);
    expect(requests).toHaveLength(1);
  });

  it('close() releases a limited session and leaves no timer', async () => {
    const { script, requests } = limitedRuns([limited({ resetsAt: NOW + HOUR })]);
    const { manager } = simulate(script);
    const { id } = await manager.create({ prompt: 'x' });
    await paused(manager, id);
    expect(vi.getTimerCount()).toBeGreaterThan(0);
    await manager.close();
    expect(vi.getTimerCount()).toBe(0);
    vi.advanceTimersByTime(2 * HOUR);
    expect(requests).toHaveLength(1);
    expect(manager.get(id)?.status).toBe('paused');
  });

  it('a limited session cannot be steered, and has no approval to answer', async () => {
    const { script } = limitedRuns([limited({ resetsAt: NOW + HOUR })]);
    const { manager } = simulate(script);
    const { id } = await manager.create({ prompt: 'x' });
    await paused(manager, id);
    for (const call of [manager.steer(id, 'x'), manager.approve(id, 'x'), manager.deny(id, 'x')]) {
      expect((await errorOf(call, 'ILLEGAL_TRANSITION')).message).toContain("('paused')");
    }
  });

  it('a limited session begins anew with its prompt if Claude Code began no conversation that can be continued', async () => {
    const { script, requests } = limitedRuns([limited({ says: false })]);
    const { manager } = simulate(script);
    const { id } = await manager.create({ prompt: 'x' });
    const { resumeAt = 0 } = await paused(manager, id);
    vi.advanceTimersByTime(resumeAt - Date.now());
    expect(await manager.waitFor(id)).toMatchObject({ status: 'completed', runs: [{}, {}] });
    expect(requests[1]).toMatchObject({ feedback: undefined, conversationId: undefined });
  });

  it('a session that got a rate limit event and then completed its work does not wait', async () => {
    const line = JSON.stringify({
      type: 'rate_limit_event',
      rate_limit_info: { status: 'rejected', resetsAt: NOW / 1_000 + 60 },
    });
    const { manager } = simulate(() => scriptedRun([{ line }, { text: 'Done.' }]));
    const { id } = await manager.create({ prompt: 'x' });
    expect(await manager.waitFor(id)).toMatchObject({ status: 'completed' });
  });

  it('a session that is continued while it runs starts its next run with the feedback', async () => {
    const { script, requests } = limitedRuns([], (request) =>
      request.feedback === undefined ? ENDLESS(request) : DONE(request),
    );
    const { manager } = simulate(script);
    const { id } = await manager.create({ prompt: 'x' });
    await manager.waitFor(id, { status: 'running' });
    for await (const { type } of manager.events()) if (type === 'session:message') break;
    await manager.continue(id, 'now');
    expect(await manager.waitFor(id)).toMatchObject({ status: 'completed' });
    expect(requests.map(({ feedback }) => feedback)).toEqual([undefined, 'now']);
  });
});
