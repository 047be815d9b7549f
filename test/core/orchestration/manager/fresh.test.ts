import type { RunRequest } from 'autonomous-orchestration';
import type { SimulatedRun, SimulatedStep } from 'autonomous-orchestration/testing';
import { describe, expect, it } from 'vitest';
import { simulate } from '../../../support/simulate.js';

const OLD = '11111111-2222-4333-8444-555555555555';
const NEW = '99999999-2222-4333-8444-555555555555';
const init = (session_id: string): object => ({ type: 'system', subtype: 'init', session_id, model: 'simulated' });
const says = (text: string): object => ({
  type: 'assistant',
  message: { id: text, content: [{ type: 'text', text }] },
});
const DONE = { type: 'result', subtype: 'success', is_error: false, result: 'done' };
const run = (lines: object[], exitCode = 0): SimulatedRun => ({
  steps: lines.map((line): SimulatedStep => ({ line })),
  exitCode,
});
const FULL = run([init(OLD), says('I did the half.'), { ...DONE, is_error: true, result: 'Prompt is too long' }], 1);

function scene(...runs: SimulatedRun[]) {
  const requests: RunRequest[] = [];
  const left = [...runs];
  const simulated = simulate((request) => {
    requests.push(request);
    return left.shift() ?? run([init(NEW), says('done'), DONE]);
  });
  return { ...simulated, requests };
}

describe('continue() with fresh', () => {
  it('a session whose conversation is full goes on only with a new conversation, which gets a hand-over', async () => {
    const { manager, requests, events } = scene(FULL);
    const { id } = await manager.create({ prompt: 'Do the whole' });
    expect(await manager.waitFor(id)).toMatchObject({ conversationId: OLD, result: { reason: 'context_full' } });
    await expect(manager.continue(id, 'Go on')).rejects.toMatchObject({
      code: 'ILLEGAL_TRANSITION',
      message: expect.stringContaining('{ fresh: true }'),
    });

    await manager.continue(id, 'Go on', { fresh: true });
    expect(await manager.waitFor(id)).toMatchObject({
      status: 'completed',
      conversationId: NEW,
      runs: [{ number: 1 }, { number: 2, feedback: 'Go on', fresh: true }],
    });
    const [, second] = requests;
    expect(second?.conversationId).toBeUndefined();
    for (const part of ['Do the whole', 'Go on', '> I did the half.']) expect(second?.feedback).toContain(part);
    expect(events).toContainEqual(expect.objectContaining({ type: 'session:continued', fresh: true }));

    await manager.continue(id, 'And on');
    await manager.waitFor(id);
    expect(requests[2]).toMatchObject({ conversationId: NEW, feedback: 'And on' });
  });

  it('a session in which Claude never began can be continued only with a new conversation', async () => {
    const { manager, requests } = scene(run([], 1));
    const { id } = await manager.create({ prompt: 'Do the whole' });
    await manager.waitFor(id);
    await expect(manager.continue(id, 'Go on')).rejects.toMatchObject({ code: 'ILLEGAL_TRANSITION' });
    await manager.continue(id, 'Go on', { fresh: true });
    expect(await manager.waitFor(id)).toMatchObject({ status: 'completed' });
    expect(requests[1]?.feedback).toContain('Do the whole');
  });

  it('options that nobody knows are refused', async () => {
    const { manager } = scene();
    const { id } = await manager.create({ prompt: 'x' });
    await manager.waitFor(id);
    const wrong = { fresh: 'yes' } as never;
    await expect(manager.continue(id, 'Go on', wrong)).rejects.toMatchObject({ code: 'INVALID_OPTIONS' });
  });
});

describe('a process that stays after the last word of its run', () => {
  async function* staying(...lines: object[]): AsyncGenerator<SimulatedStep> {
    for (const line of lines) yield { line };
    await new Promise(() => {});
  }

  it('the session is completed after limits.exitMs, with its text', async () => {
    const { manager } = scene({ steps: staying(init(OLD), says('done'), DONE) } as SimulatedRun);
    const { id } = await manager.create({ prompt: 'x', limits: { exitMs: 10 } });
    const { status, result, runs } = await manager.waitFor(id);
    expect({ status, result }).toMatchObject({ status: 'completed', result: { reason: 'success', text: 'done' } });
    expect(runs[0]?.stop).toBeUndefined();
  });

  it('a cancel counts even after the last word', async () => {
    const { manager } = scene({ steps: staying(init(OLD), says('done'), DONE) } as SimulatedRun);
    const { id } = await manager.create({ prompt: 'x' });
    await expect.poll(() => manager.get(id)?.metadata.messages).toBe(1);
    expect(await manager.cancel(id)).toMatchObject({ status: 'cancelled' });
  });

  it('a run without a first line fails as no_start', async () => {
    const { manager } = scene({ steps: staying() } as SimulatedRun);
    const { id } = await manager.create({ prompt: 'x', limits: { startMs: 10 } });
    expect((await manager.waitFor(id)).result).toMatchObject({
      reason: 'no_start',
      error: expect.stringContaining('limits.startMs (10 ms)'),
    });
  });
});
