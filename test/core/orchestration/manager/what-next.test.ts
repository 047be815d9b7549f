import type { RunRequest, SessionManagerOptions } from 'autonomous-orchestration';
import type { SimulatedRun, SimulatedStep } from 'autonomous-orchestration/testing';
import { beforeEach, describe, expect, it, vi } from 'vitest';
import { whatNext } from '../../../../src/core/orchestration/manager/what-next.js';
import type { SessionRun } from '../../../../src/core/orchestration/session/run.js';
import { fakeClock } from '../../../support/clock.js';
import { DONE, simulate } from '../../../support/simulate.js';
import { tempFolder } from '../../../support/temp-folder.js';

const CONVERSATION = '11111111-2222-4333-8444-555555555555';
const INIT = { type: 'system', subtype: 'init', session_id: CONVERSATION, model: 'simulated' };
const RESULT = { type: 'result', subtype: 'success', is_error: false, result: 'done', session_id: CONVERSATION };
const SCHEMA = { type: 'object', properties: { a: { type: 'number' } }, required: ['a'] };
const run = (lines: object[], exitCode = 0): SimulatedRun => ({
  steps: lines.map((line): SimulatedStep => ({ line })),
  exitCode,
});
const FULL = run([INIT, { ...RESULT, is_error: true, result: 'Prompt is too long' }], 1);
/** A run that fails before its first line. */
const NOTHING = run([], 1);
const BROKEN = run([INIT], 1);

function scene(runs: SimulatedRun[], options: SessionManagerOptions = {}) {
  const requests: RunRequest[] = [];
  const left = [...runs];
  const { manager } = simulate(
    (request) => {
      requests.push(request);
      return left.shift() ?? DONE(request);
    },
    { retry: { on: ['error'], attempts: 3, initialMs: 1_000 }, ...options },
  );
  const wakes = async (id: string) => {
    const { resumeAt = 0 } = await manager.waitFor(id, { status: 'paused' });
    vi.advanceTimersByTime(resumeAt - Date.now());
  };
  return { manager, requests, wakes };
}

describe('a run that failed before its conversation began', () => {
  beforeEach(() => fakeClock(1_795_000_000_000));

  it('is repeated with its own feedback, as often as that happens', async () => {
    const { manager, requests, wakes } = scene([run([INIT, RESULT]), NOTHING, NOTHING]);
    const { id } = await manager.create({ prompt: 'The task' });
    await manager.waitFor(id);
    await manager.continue(id, 'FIX THE BUG');
    for (const _ of [2, 3]) await wakes(id);
    expect(await manager.waitFor(id)).toMatchObject({ status: 'completed', runs: [{}, {}, {}, {}] });
    expect(requests.slice(1)).toMatchObject(
      [2, 3, 4].map((number) => ({ run: number, feedback: 'FIX THE BUG', conversationId: CONVERSATION })),
    );
  });

  it('a fresh run gets its feedback and its hand-over again', async () => {
    const { manager, requests, wakes } = scene([FULL, NOTHING]);
    const { id } = await manager.create({ prompt: 'The task' });
    await manager.waitFor(id);
    await manager.continue(id, 'NEW FEEDBACK', { fresh: true });
    await wakes(id);
    expect(await manager.waitFor(id)).toMatchObject({
      status: 'completed',
      runs: [{}, { fresh: true }, { feedback: 'NEW FEEDBACK', fresh: true, begun: true }],
    });
    const [, second, third] = requests;
    expect(third?.conversationId).toBeUndefined();
    expect(third?.feedback).toBe(second?.feedback);
    expect(third?.feedback).toMatch(/The task[\s\S]*NEW FEEDBACK/);
  });

  it('a run that gives the result again does so with the same words and the same count', async () => {
    const wrong = run([INIT, { ...RESULT, structured_output: { a: 'no' } }]);
    const right = run([INIT, { ...RESULT, structured_output: { a: 1 } }]);
    const { manager, requests, wakes } = scene([wrong, NOTHING, right]);
    const { id } = await manager.create({ prompt: 'x', output: SCHEMA });
    await wakes(id);
    expect(await manager.waitFor(id)).toMatchObject({
      status: 'completed',
      runs: [{}, { outputRetry: 1 }, { outputRetry: 1 }],
    });
    expect(requests[2]?.feedback).toBe(requests[1]?.feedback);
  });

  it('so it is under the next manager', async () => {
    const stateDir = tempFolder();
    const before = scene([run([INIT, RESULT]), NOTHING], { stateDir });
    const { id } = await before.manager.create({ prompt: 'The task' });
    await before.manager.waitFor(id);
    await before.manager.continue(id, 'FIX THE BUG');
    await before.manager.waitFor(id, { status: 'paused' });
    await before.manager.close();
    const { manager, requests, wakes } = scene([], { stateDir });
    await manager.recover();
    await wakes(id);
    await manager.waitFor(id);
    expect(requests).toMatchObject([{ run: 3, feedback: 'FIX THE BUG' }]);
  });

  it('the first run begins anew with the prompt, and a run that had begun only goes on', async () => {
    const { manager, requests, wakes } = scene([NOTHING, BROKEN]);
    const { id } = await manager.create({ prompt: 'The task' });
    for (const _ of [1, 2]) await wakes(id);
    expect(await manager.waitFor(id)).toMatchObject({ status: 'completed' });
    expect(requests[1]?.feedback).toBeUndefined();
    expect(requests[2]?.feedback).toMatch(/^Continue from where you left off\./);
  });

  it('a run of an earlier release, which has no such mark, only goes on', async () => {
    const { manager } = scene([run([INIT, RESULT])]);
    const { id } = await manager.create({ prompt: 'x' });
    const session = await manager.waitFor(id);
    const old: SessionRun = { number: 2, feedback: 'FIX THE BUG', endedAt: 1 };
    expect(whatNext({ ...session, runs: [old] }).feedback).toMatch(/^Continue from where you left off\./);
  });
});
