import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { RunHandle, RunRequest } from 'autonomous-orchestration';
import { SimulatedExecutor } from 'autonomous-orchestration/testing';
import { describe, expect, it, vi } from 'vitest';
import { errorOf } from '../../support/errors.js';
import { DONE, ENDLESS, simulate } from '../../support/simulate.js';

const TERMINAL = /completed|failed|cancelled/;

describe('a listener that acts from inside an event', () => {
  it('a listener may cancel in session:created, and no event follows the terminal one', async () => {
    const { manager, events } = simulate(ENDLESS);
    manager.on('session:created', ({ sessionId }) => void manager.cancel(sessionId));
    const { id } = await manager.create({ prompt: 'x' });
    await manager.waitFor(id);
    const types = events.filter(({ type }) => type.startsWith('session:')).map(({ type }) => type);
    expect(types.at(0)).toBe('session:created');
    expect(types.at(-1)).toBe('session:cancelled');
    expect(types.filter((type) => TERMINAL.test(type))).toHaveLength(1);
    expect(manager.queueStatus().running).toBe(0);
  });

  it('a listener may cancel in session:continued', async () => {
    const { manager, events } = simulate(DONE);
    const { id } = await manager.create({ prompt: 'x' });
    await manager.waitFor(id);
    manager.on('session:continued', ({ sessionId }) => void manager.cancel(sessionId));
    await manager.continue(id, 'more');
    expect(await manager.waitFor(id)).toMatchObject({ runs: [{ number: 1 }, { number: 2 }] });
    expect(events.filter(({ type }) => TERMINAL.test(type))).toHaveLength(2);
    expect(manager.queueStatus().running).toBe(0);
  });

  it('a listener may continue in session:completed, with one slot and no place in the queue', async () => {
    const { manager, events } = simulate(DONE, { maxConcurrent: 1, maxQueued: 0 });
    manager.once('session:completed', ({ sessionId }) => manager.continue(sessionId, 'more'));
    const { id } = await manager.create({ prompt: 'x' });
    await manager.waitFor(id, { status: 'completed' });
    for await (const { type } of manager.events()) if (type === 'session:completed') break;
    expect(manager.get(id)).toMatchObject({ status: 'completed', runs: [{ number: 1 }, { number: 2 }] });
    const order = events.map(({ type }) => type).filter((type) => /completed|continued/.test(type));
    expect(order).toEqual(['session:completed', 'session:continued', 'session:completed']);
  });

  it('a listener may throw a value that cannot be converted to text', async () => {
    const { manager } = simulate(DONE);
    const failures: unknown[] = [];
    manager.on('listener-error', ({ error }) => failures.push(error));
    manager.on('session:message', () => {
      throw Object.create(null);
    });
    const { id } = await manager.create({ prompt: 'x' });
    expect(await manager.waitFor(id)).toMatchObject({ status: 'completed' });
    expect(failures).toHaveLength(1);
  });

  it('a listener may abort the signal of the created session', async () => {
    const { manager } = simulate(ENDLESS);
    const controller = new AbortController();
    manager.on('session:created', () => controller.abort());
    const { id } = await manager.create({ prompt: 'x', signal: controller.signal });
    expect(await manager.waitFor(id)).toMatchObject({ status: 'cancelled' });
  });
});

describe('continue on a run that cannot be proved gone', () => {
  it('continue() ends the session instead of starting a second run beside the first', async () => {
    class Unreachable extends SimulatedExecutor {
      override async launch(request: RunRequest): Promise<RunHandle> {
        const handle = await super.launch(request);
        const ended = handle.ended.then(() => ({ reason: 'DOCKER_UNAVAILABLE', error: 'No engine answers.' }));
        return { ...handle, ended };
      }
    }
    const { manager } = simulate(DONE, { executors: { autonomous: new Unreachable(ENDLESS) } });
    const { id } = await manager.create({ prompt: 'x' });
    await vi.waitUntil(() => manager.get(id)?.channelCoderSession, 30_000);
    const { message } = await errorOf(manager.continue(id, 'more'), 'ILLEGAL_TRANSITION');
    expect(message).toContain("ended ('failed', DOCKER_UNAVAILABLE) before it could be continued.");
    expect(manager.get(id)).toMatchObject({
      status: 'failed',
      result: { reason: 'DOCKER_UNAVAILABLE' },
      runs: [{ number: 1 }],
    });
  });
});

describe('calls at the same time', () => {
  it('two calls of continue() at once add one run, and the second call is refused', async () => {
    const { manager } = simulate(DONE);
    const { id } = await manager.create({ prompt: 'x' });
    await manager.waitFor(id);
    const [first, second] = await Promise.allSettled([manager.continue(id, 'A'), manager.continue(id, 'B')]);
    expect(first.status).toBe('fulfilled');
    expect(second).toMatchObject({ status: 'rejected', reason: { code: 'ILLEGAL_TRANSITION' } });
    expect((await manager.waitFor(id)).runs.map(({ feedback }) => feedback)).toEqual([undefined, 'A']);
  });

  it('two calls of close() at once both wait for the end of the sessions', async () => {
    const { manager } = simulate(ENDLESS);
    const { id } = await manager.create({ prompt: 'x' });
    void manager.close({ sessions: 'cancel' });
    await manager.close();
    expect(manager.get(id)).toMatchObject({ status: 'cancelled' });
  });

  it('cancel() after close() is refused', async () => {
    const { manager } = simulate(ENDLESS);
    const { id } = await manager.create({ prompt: 'x' });
    await manager.close();
    await expect(manager.cancel(id)).rejects.toMatchObject({ code: 'MANAGER_CLOSED' });
  });

  it('the process can end after create() and close()', async () => {
    const script = join(import.meta.dirname, '../../fixtures/create-and-close.ts');
    const { stdout } = await promisify(execFile)(process.execPath, ['--import', 'tsx', script]);
    expect(stdout).toBe('closed\n');
  });
});
