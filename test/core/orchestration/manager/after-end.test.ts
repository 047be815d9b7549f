import type { SessionManagerOptions } from 'autonomous-orchestration';
import { type SimulatedScript, scriptedRun } from 'autonomous-orchestration/testing';
import { describe, expect, it } from 'vitest';
import { deferred } from '../../../../src/core/orchestration/util/deferred.js';
import { closeWithoutWaiting } from '../../../support/clock.js';
import { errorOf } from '../../../support/errors.js';
import { eventually } from '../../../support/eventually.js';
import { isPending, Leaving } from '../../../support/leaving.js';
import { DONE, ENDLESS, everyMode, simulate } from '../../../support/simulate.js';

function scene(script: SimulatedScript = DONE, options: SessionManagerOptions = {}) {
  const executor = new Leaving(script);
  const { manager, events } = simulate(script, { executors: everyMode(executor), maxConcurrent: 1, ...options });
  const ended = async () => manager.waitFor((await manager.create({ prompt: 'x' })).id);
  return { executor, manager, events, ended };
}

describe('a session that has ended, and whose container is still being removed', () => {
  it('has its terminal event before the removal begins, and no event after it', async () => {
    const { executor, manager, events, ended } = scene();
    manager.on('event', ({ type }) => {
      if (type.startsWith('session:')) executor.steps.push(type);
    });
    const { id, status } = await ended();
    expect(status).toBe('completed');
    expect(executor.steps.slice(-2)).toEqual(['session:completed', 'remove 1']);
    const before = events.length;
    executor.gone();
    await manager.cancel(id);
    expect(events.slice(before).map(({ type }) => type)).toEqual(['queue:changed']);
  });

  it('keeps its slot until the container is gone, and then the next session starts', async () => {
    const { executor, manager, ended } = scene();
    await ended();
    const next = await manager.create({ prompt: 'y' });
    expect(next).toMatchObject({ status: 'queued', queuePosition: 1 });
    expect(manager.queueStatus()).toMatchObject({ running: 1, queued: 1 });
    executor.gone();
    await manager.waitFor(next.id);
    expect(executor.steps.slice(0, 4)).toEqual(['launch 1', 'remove 1', 'removed 1', 'launch 1']);
    executor.gone();
    await manager.cancel(next.id);
    expect(manager.queueStatus()).toMatchObject({ running: 0, queued: 0 });
  });

  it('leaves its place to a new session at once, even if no place to wait is free', async () => {
    const { executor, manager, ended } = scene(DONE, { maxQueued: 0 });
    await ended();
    const next = await manager.create({ prompt: 'y' });
    expect(next.status).toBe('queued');
    await errorOf(manager.create({ prompt: 'z' }), 'QUEUE_FULL');
    executor.gone();
    await manager.waitFor(next.id);
    executor.gone();
  });

  it.each([
    ['cancel()', ({ manager }: ReturnType<typeof scene>, id: string) => manager.cancel(id)],
    ['remove()', ({ manager }: ReturnType<typeof scene>, id: string) => manager.remove(id)],
    ['close()', ({ manager }: ReturnType<typeof scene>) => manager.close()],
  ])('lets %s wait until the container is gone', async (_, call) => {
    const all = scene();
    const { id } = await all.ended();
    const called = call(all, id);
    expect(await isPending(called)).toBe(true);
    all.executor.gone();
    await called;
    expect(all.executor.steps).toEqual(['launch 1', 'remove 1', 'removed 1']);
  });

  it('is given up by close() if the engine does not answer', async () => {
    const { executor, manager, ended } = scene();
    await ended();
    await closeWithoutWaiting(manager);
    expect(executor.steps).toEqual(['launch 1', 'remove 1']);
    expect(executor.detached).toEqual([1]);
  });

  it('is not swept by recover(), which waits for the removal', async () => {
    class Swept extends Leaving {
      override async leftovers() {
        this.steps.push('look');
        return [];
      }
    }
    const executor = new Swept(DONE);
    const { manager } = simulate(DONE, { executors: everyMode(executor) });
    await manager.waitFor((await manager.create({ prompt: 'x' })).id);
    await eventually(() => expect(executor.steps).toContain('remove 1'));
    const before = executor.steps.length;
    const recovered = manager.recover();
    await eventually(() => expect(executor.steps.length).toBeGreaterThan(before));
    expect(await isPending(recovered)).toBe(true);
    executor.gone();
    await recovered;
    expect(executor.steps.slice(-2)).toEqual(['removed 1', 'look']);
  });

  it('lets a cancel() wait that is called by a listener of its end', async () => {
    const { executor, manager } = scene();
    const cancelled = new Promise((resolve) => {
      manager.once('session:completed', ({ sessionId }) => resolve(manager.cancel(sessionId)));
    });
    await manager.create({ prompt: 'x' });
    await eventually(() => expect(executor.steps).toContain('remove 1'));
    expect(await isPending(cancelled)).toBe(true);
    executor.gone();
    expect(await cancelled).toMatchObject({ status: 'completed' });
  });

  it('is continued when the container is gone, by the first of two calls', async () => {
    const { executor, manager, ended } = scene();
    const { id } = await ended();
    const [first, second] = [
      manager.continue(id, 'more'),
      errorOf(manager.continue(id, 'again'), 'ILLEGAL_TRANSITION'),
    ];
    expect(await isPending(first)).toBe(true);
    executor.gone();
    await first;
    await second;
    const { runs } = await manager.waitFor(id);
    expect(runs.map(({ feedback }) => feedback)).toEqual([undefined, 'more']);
    expect(executor.steps.slice(0, 4)).toEqual(['launch 1', 'remove 1', 'removed 1', 'launch 2']);
    executor.gone();
  });
});

describe('a session that goes on after its run', () => {
  it('has no further run before the container of the last run is gone', async () => {
    const { executor, manager } = scene(ENDLESS);
    const { id } = await manager.create({ prompt: 'x' });
    await eventually(() => expect(manager.get(id)?.conversationId).toBeDefined());
    const continued = manager.continue(id, 'more');
    await eventually(() => expect(executor.steps).toContain('remove 1'));
    expect(await isPending(continued)).toBe(true);
    expect(manager.get(id)?.runs).toHaveLength(1);
    executor.gone();
    await continued;
    await manager.waitFor(id, { status: 'running' });
    expect(executor.steps).toEqual(['launch 1', 'remove 1', 'removed 1', 'launch 2']);
    const cancelled = manager.cancel(id);
    await eventually(() => expect(executor.steps).toContain('remove 2'));
    executor.gone();
    await cancelled;
  });

  it('ends, and has no further run, if it is cancelled while the container of the last run is removed', async () => {
    const { executor, manager } = scene(ENDLESS);
    const { id } = await manager.create({ prompt: 'x' });
    await eventually(() => expect(manager.get(id)?.conversationId).toBeDefined());
    const continued = errorOf(manager.continue(id, 'more'), 'ILLEGAL_TRANSITION');
    await eventually(() => expect(executor.steps).toContain('remove 1'));
    const cancelled = manager.cancel(id, 'enough');
    executor.gone();
    expect(await cancelled).toMatchObject({ status: 'cancelled', result: { error: 'enough' } });
    await continued;
    expect(executor.steps).toEqual(['launch 1', 'remove 1', 'removed 1']);
  });
});

describe('a manager that is closed while it judges how a run went', () => {
  it('leaves the container of the run to the next manager', async () => {
    const judging = deferred<void>();
    const judged = deferred<void>();
    const json = { type: 'object', properties: { a: { type: 'number' } } } as const;
    const output = {
      '~standard': {
        version: 1 as const,
        vendor: 'test',
        jsonSchema: { input: () => json, output: () => json },
        validate: async () => {
          judging.resolve();
          await judged.promise;
          return { issues: [{ message: 'no' }] };
        },
      },
    };
    const { executor, manager } = scene(({ conversationId }) =>
      scriptedRun([{ text: 'Done.' }], { conversationId, output: { a: 1 } }),
    );
    await manager.create({ prompt: 'x', output });
    await judging.promise;
    await manager.close();
    judged.resolve();
    await isPending(new Promise(() => {}));
    expect(executor.steps).toEqual(['launch 1']);
  });
});
