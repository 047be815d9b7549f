import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import {
  BaseExecutor,
  OrchestrationError,
  type Preparation,
  type RunHandle,
  type SessionEvent,
  type SessionManagerOptions,
  UnifiedSessionManager,
} from 'autonomous-orchestration';
import { SimulatedExecutor, scriptedRun } from 'autonomous-orchestration/testing';
import { describe, expect, it, vi } from 'vitest';
import { errorOf } from '../../support/errors.js';
import { DONE, ENDLESS, simulate } from '../../support/simulate.js';
import { tempFolder } from '../../support/temp-folder.js';

describe('UnifiedSessionManager', () => {
  it("each change is emitted under its own name and as 'event', the terminal event last", async () => {
    const { manager, events } = simulate(() =>
      scriptedRun([{ tool: 'Bash', input: { command: 'ls' }, output: 'x' }, { text: 'Done.' }]),
    );
    const own: SessionEvent[] = [];
    manager.on('session:completed', (event) => own.push(event));
    const { id } = await manager.create({ prompt: 'x' });
    await manager.waitFor(id);
    const types = events.filter(({ type }) => type.startsWith('session:')).map(({ type }) => type);
    expect(types).toEqual([
      'session:created',
      'session:started',
      'session:tool',
      'session:tool-result',
      'session:message',
      'session:completed',
    ]);
    expect(own).toEqual(events.filter(({ type }) => type === 'session:completed'));
    for (const event of events) expect(event).toMatchObject({ sessionId: id, at: expect.any(Number) });
  });

  it('slots and queue places follow the order of create() calls, however long each preparation takes', async () => {
    class Uneven extends SimulatedExecutor {
      #pause = 40;
      override async prepare(...args: Parameters<SimulatedExecutor['prepare']>): Promise<Preparation> {
        this.#pause -= 10;
        await delay(this.#pause);
        return super.prepare(...args);
      }
    }
    const { manager, events } = simulate(DONE, { executors: { autonomous: new Uneven(ENDLESS) }, maxConcurrent: 2 });
    const sessions = await Promise.all(['a', 'b', 'c', 'd'].map((taskId) => manager.create({ prompt: 'x', taskId })));
    expect(sessions.map(({ queuePosition }) => queuePosition)).toEqual([undefined, undefined, 1, 2]);
    const created = events.flatMap((event) => (event.type === 'session:created' ? [event.session.taskId] : []));
    expect(created).toEqual(['a', 'b', 'c', 'd']);
  });

  it('a record names the log of its session from the beginning, even if the session waits', async () => {
    const stateDir = tempFolder();
    const { manager } = simulate(ENDLESS, { maxConcurrent: 1, stateDir });
    const records = await Promise.all(['a', 'b'].map((prompt) => manager.create({ prompt, docker: true })));
    expect(records.map(({ status }) => status)).toEqual(['starting', 'queued']);
    expect(records.map(({ logFile }) => logFile)).toEqual(
      records.map(({ id }) => join(stateDir, 'sessions', id, 'stream.log')),
    );
  });

  it('a session that cannot be prepared gives its slot back', async () => {
    const { manager } = simulate(ENDLESS, { maxConcurrent: 1, maxQueued: 0 });
    await expect(manager.create({ prompt: '' })).rejects.toMatchObject({ code: 'INVALID_OPTIONS' });
    await expect(manager.create({ promptFile: 'missing.md' })).rejects.toMatchObject({ code: 'INVALID_OPTIONS' });
    const { status } = await manager.create({ prompt: 'x' });
    expect(status).toBe('starting');
    await expect(manager.create({ prompt: 'x' })).rejects.toMatchObject({ code: 'QUEUE_FULL' });
    expect(manager.list()).toHaveLength(1);
  });

  it('a session whose launch throws fails and frees its slot, a thousand times', async () => {
    class Failing extends BaseExecutor {
      async prepare(): Promise<Preparation> {
        return { environment: { docker: false, dockerImage: '', cwd: '/' } };
      }
      async launch(): Promise<RunHandle> {
        throw new OrchestrationError('LAUNCH_FAILED', 'no such thing');
      }
    }
    const { manager, events } = simulate(DONE, { executors: { autonomous: new Failing() } });
    for (let round = 0; round < 100; round++) {
      const sessions = await Promise.all(Array.from({ length: 10 }, () => manager.create({ prompt: 'x' })));
      const ended = await Promise.all(sessions.map(({ id }) => manager.waitFor(id)));
      for (const { status, result } of ended)
        expect({ status, reason: result?.reason }).toEqual({ status: 'failed', reason: 'LAUNCH_FAILED' });
    }
    expect(manager.queueStatus()).toMatchObject({ running: 0, queued: 0 });
    expect(events.filter(({ type }) => type === 'session:failed')).toHaveLength(1000);
  });

  it('exactly one terminal event is emitted when a cancel races the natural end', async () => {
    const { manager, events } = simulate(DONE);
    for (let round = 0; round < 100; round++) {
      const { id } = await manager.create({ prompt: 'x' });
      if (round % 2) await manager.waitFor(id, { status: ['running', 'completed'] });
      await Promise.all([manager.cancel(id), manager.waitFor(id)]);
      const terminal = events.filter(
        ({ type, sessionId }) => sessionId === id && /completed|failed|cancelled/.test(type),
      );
      expect(terminal).toHaveLength(1);
    }
    expect(manager.queueStatus().running).toBe(0);
  });

  it('a listener that throws is reported and does not affect the session or other listeners', async () => {
    const { manager, events } = simulate(DONE);
    const failures: unknown[] = [];
    manager.on('listener-error', (failure) => failures.push(failure));
    manager.on('session:started', () => {
      throw new Error('mine');
    });
    const { id } = await manager.create({ prompt: 'x' });
    expect(await manager.waitFor(id)).toMatchObject({ status: 'completed' });
    expect(failures).toEqual([{ event: 'session:started', error: new Error('mine') }]);
    expect(events.some(({ type }) => type === 'session:completed')).toBe(true);
  });

  it('continue() adds a run with the feedback to the same conversation', async () => {
    const { manager, events } = simulate(({ feedback, conversationId }) =>
      scriptedRun([{ text: feedback ?? 'first' }], { conversationId }),
    );
    const { id } = await manager.create({ prompt: 'x' });
    const first = await manager.waitFor(id);
    const again = await manager.continue(id, 'second');
    expect(again).toMatchObject({ status: 'starting' });
    expect(again.result).toBeUndefined();
    const second = await manager.waitFor(id);
    expect(second).toMatchObject({
      status: 'completed',
      result: { text: 'second' },
      conversationId: first.conversationId,
      channelCoderSession: first.conversationId,
    });
    expect(second.runs.map(({ number, feedback }) => ({ number, feedback }))).toEqual([
      { number: 1, feedback: undefined },
      { number: 2, feedback: 'second' },
    ]);
    expect(events.filter(({ type }) => type === 'session:continued')).toHaveLength(1);
  });

  it('cancel() wins over continue() while the run is being stopped in order to continue', async () => {
    const { manager, events } = simulate(ENDLESS);
    const { id } = await manager.create({ prompt: 'x' });
    await manager.waitFor(id, { status: 'running' });
    await vi.waitUntil(() => manager.get(id)?.channelCoderSession, 30_000);
    const continued = errorOf(manager.continue(id, 'more'), 'ILLEGAL_TRANSITION');
    await manager.cancel(id);
    expect((await continued).message).toContain("ended ('cancelled', cancelled) before it could be continued.");
    expect(manager.get(id)).toMatchObject({ status: 'cancelled', runs: [{ number: 1 }] });
    expect(events.filter(({ type }) => type === 'session:continued')).toEqual([]);
  });

  it('a session that is being cancelled cannot be continued until it has ended', async () => {
    const { manager, events } = simulate(ENDLESS);
    const { id } = await manager.create({ prompt: 'x' });
    await vi.waitUntil(() => manager.get(id)?.channelCoderSession, 30_000);
    const cancelled = manager.cancel(id, 'mine');
    const { message } = await errorOf(manager.continue(id, 'more'), 'ILLEGAL_TRANSITION');
    expect(message).toContain('cannot be continued: its run is being ended; wait for that with waitFor().');
    expect(await cancelled).toMatchObject({ status: 'cancelled', result: { error: 'mine' }, runs: [{ number: 1 }] });
    expect(events.filter(({ type }) => type === 'session:continued')).toEqual([]);
    await manager.continue(id, 'more');
    await manager.waitFor(id, { status: 'running' });
    expect(manager.get(id)?.runs).toHaveLength(2);
  });

  it('cancel() refuses a reason that is too long, and removes control characters from a reason', async () => {
    const { manager } = simulate(ENDLESS);
    const { id } = await manager.create({ prompt: 'x' });
    const { message } = await errorOf(manager.cancel(id, 'x'.repeat(2_001)), 'INVALID_OPTIONS');
    expect(message).toContain("Option 'reason'");
    expect(await manager.cancel(id, 'a\u001b[31mb')).toMatchObject({ result: { error: 'ab' } });
  });

  it('events() is an async iterable that ends when the manager closes', async () => {
    const { manager } = simulate(DONE);
    const seen: string[] = [];
    const reading = (async () => {
      for await (const { type } of manager.events()) seen.push(type);
    })();
    const { id } = await manager.create({ prompt: 'x' });
    await manager.waitFor(id);
    await manager.close();
    await reading;
    expect(seen).toContain('session:completed');
  });

  it('waitFor() rejects if the status is not reached; calls with an unknown session id reject', async () => {
    const { manager } = simulate(DONE);
    const { id } = await manager.create({ prompt: 'x' });
    await expect(manager.waitFor(id, { status: 'paused' })).rejects.toMatchObject({ code: 'ILLEGAL_TRANSITION' });
    for (const call of [manager.waitFor('x'), manager.cancel('x'), manager.continue('x', 'y')]) {
      await expect(call).rejects.toMatchObject({ code: 'SESSION_NOT_FOUND' });
    }
    expect(manager.get('x')).toBeUndefined();
  });

  it('the manager refuses an executor that does not extend BaseExecutor', async () => {
    const executors = { autonomous: {} } as SessionManagerOptions['executors'];
    const { message } = await errorOf(
      () => new UnifiedSessionManager({ ...(executors && { executors }) }),
      'INVALID_OPTIONS',
    );
    expect(message).toContain("Option 'executors.autonomous': {} is no executor");
  });

  it('create() refuses an unknown mode, and lists the known modes', async () => {
    const { manager } = simulate(DONE);
    await expect(manager.create({ prompt: 'x', mode: 'fast' as 'planning' })).rejects.toMatchObject({
      code: 'INVALID_OPTIONS',
      message: expect.stringMatching(/'mode'.*autonomous.*interactive.*planning.*orchestration.*worktree.*"fast"/),
    });
  });

  it('close() rejects pending waits, and create() and waitFor() are refused afterwards', async () => {
    const { manager } = simulate(ENDLESS);
    const { id } = await manager.create({ prompt: 'x' });
    const waiting = expect(manager.waitFor(id)).rejects.toMatchObject({ code: 'MANAGER_CLOSED' });
    await manager.close();
    await waiting;
    await expect(manager.create({ prompt: 'x' })).rejects.toMatchObject({ code: 'MANAGER_CLOSED' });
    await expect(manager.waitFor(id)).rejects.toMatchObject({ code: 'MANAGER_CLOSED' });
    await manager.close();
  });
});
