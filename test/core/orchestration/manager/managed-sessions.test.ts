import { setImmediate as turn } from 'node:timers/promises';
import { OrchestrationError, UnifiedSessionManager } from 'autonomous-orchestration';
import { SimulatedExecutor } from 'autonomous-orchestration/testing';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { deferred } from '../../../../src/core/orchestration/util/deferred.js';
import { closeWithoutWaiting } from '../../../support/clock.js';
import { eventually } from '../../../support/eventually.js';
import { type Host, World } from '../../../support/outliving.js';
import { DONE, everyMode } from '../../../support/simulate.js';
import { tempFolder } from '../../../support/temp-folder.js';

/** A world in which the next launch stops at a moment, until `gate` is resolved. */
function held(moment: 'beforePlaced' | 'beforeLaunch' | 'onLaunch', options: Parameters<World['host']>[0] = {}) {
  const world = new World();
  const [gate, reached] = [deferred<void>(), deferred<void>()];
  const { onLaunch } = world;
  const hold = (): Promise<void> => {
    reached.resolve();
    return gate.promise;
  };
  if (moment === 'onLaunch') world.onLaunch = (run) => hold().then(() => onLaunch(run));
  else world[moment] = hold;
  return { world, host: world.host(options), gate, reached: reached.promise };
}

const create = (host: Host) => host.manager.create({ prompt: 'x', cwd: host.cwd });

/** True if a promise is still pending after some turns of the event loop. */
async function isPending(promise: Promise<unknown>): Promise<boolean> {
  let settled = false;
  void promise.finally(() => {
    settled = true;
  });
  for (let turns = 0; turns < 50; turns++) await turn();
  return !settled;
}

describe('close() while a session is starting', () => {
  it.each(['beforePlaced', 'beforeLaunch', 'onLaunch'] as const)(
    'close() waits for a launch that is at %s, and the session completes with nobody there',
    async (moment) => {
      const { world, host, gate, reached } = held(moment);
      const { id } = await create(host);
      await reached;
      const closing = host.manager.close();
      expect(await isPending(closing)).toBe(true);
      gate.resolve();
      await closing;
      expect(world.stored(id).session).toMatchObject({
        status: 'running',
        runs: [
          { number: 1, containerName: `ao-${id}-1`, containerId: `id of ao-${id}-1`, startedAt: expect.any(Number) },
        ],
      });
      world.runOf(id).say('Nobody reads this.').complete();

      const next = world.host();
      expect(await next.recover()).toMatchObject({ closed: [id], adopted: [], requeued: [] });
      expect(next.manager.get(id)).toMatchObject({
        status: 'completed',
        result: { exitCode: 0 },
        runs: [{ number: 1 }],
      });
      expect(world.launches).toHaveLength(1);
    },
  );

  it('a session that close() has launched is adopted while it runs', async () => {
    const world = new World();
    const host = world.host();
    const { id } = await create(host);
    await host.manager.close();
    const next = world.host();
    expect(await next.recover()).toMatchObject({ adopted: [id] });
    expect(world.launches).toHaveLength(1);
  });

  it('a launch that fails during close() is recorded as failed', async () => {
    const { world, host, gate, reached } = held('beforeLaunch');
    const { id } = await create(host);
    await reached;
    const closing = host.manager.close();
    world.beforeLaunch = () => {};
    world.onLaunch = () => {
      throw new OrchestrationError('IMAGE_NOT_FOUND', 'The image is gone.');
    };
    gate.resolve();
    await closing;
    const failed = {
      status: 'failed',
      result: { reason: 'IMAGE_NOT_FOUND', error: expect.stringContaining('The image is gone.') },
    };
    expect(world.stored(id).session).toMatchObject(failed);
    const next = world.host();
    expect(await next.recover()).toMatchObject({ known: [id], requeued: [] });
    expect(next.manager.get(id)).toMatchObject(failed);
  });

  it('a run whose container never starts is recorded as failed', async () => {
    const world = new World();
    world.onLaunch = (run) => run.exit({ reason: 'LAUNCH_FAILED', error: 'The engine refused' });
    const host = world.host();
    const { id } = await create(host);
    await host.manager.close();
    expect(world.stored(id).session).toMatchObject({ status: 'failed', result: { reason: 'LAUNCH_FAILED' } });
  });

  it('sessions that wait stay queued, even if close() sees a slot become free', async () => {
    const { world, host, gate, reached } = held('beforePlaced', { maxConcurrent: 1 });
    const first = await create(host);
    const second = await create(host);
    expect(second.status).toBe('queued');
    await reached;
    const closing = host.manager.close();
    world.beforePlaced = () => {};
    world.onLaunch = (run) => run.exit({ reason: 'LAUNCH_FAILED', error: 'The engine refused' });
    gate.resolve();
    await closing;
    expect(world.stored(first.id).session.status).toBe('failed');
    expect(world.stored(second.id).session).toMatchObject({ status: 'queued', runs: [] });
    world.onLaunch = (run) => run.begin();
    const next = world.host();
    expect(await next.recover()).toMatchObject({ known: [first.id], requeued: [second.id] });
    await next.manager.waitFor(second.id, { status: 'running' });
    expect(world.launches.map(({ sessionId }) => sessionId)).toEqual([first.id, second.id]);
  });

  it('close() waits for the run that continue() has started', async () => {
    const world = new World();
    const host = world.host();
    const { id } = await host.running();
    world.runOf(id).complete();
    await host.manager.waitFor(id);
    await host.manager.continue(id, 'Go on');
    await host.manager.close();
    expect(world.stored(id).session).toMatchObject({ status: 'running', runs: [{ number: 1 }, { number: 2 }] });
    expect(world.runOf(id)).toMatchObject({ number: 2, feedback: 'Go on' });
  });
});

describe('close() while a launch hangs', () => {
  it('a run that is not on record is not launched after close()', async () => {
    const { world, host, gate, reached } = held('beforePlaced');
    const { id } = await create(host);
    await reached;
    await closeWithoutWaiting(host.manager);
    gate.resolve();
    world.beforePlaced = () => {};
    for (let turns = 0; turns < 50; turns++) await turn();
    expect(world.launches).toEqual([]);
    const next = world.host();
    await next.recover();
    expect(await next.manager.waitFor(id, { status: 'running' })).toMatchObject({ runs: [{ number: 1 }] });
  });

  it('a run that is on record is adopted by the next manager', async () => {
    const { world, host, gate, reached } = held('beforeLaunch');
    const { id } = await create(host);
    await reached;
    await closeWithoutWaiting(host.manager);
    gate.resolve();
    await eventually(() => expect(world.launches).toHaveLength(1));
    const next = world.host();
    expect(await next.recover()).toMatchObject({ adopted: [id] });
    expect(world.launches).toHaveLength(1);
  });
});

describe('a process that ends without close()', () => {
  it.each([
    ['before its run is on record', 'beforePlaced'],
    ['before the container exists', 'beforeLaunch'],
    ['before the start is on record', 'onLaunch'],
  ] as const)('a session that is left starting %s runs exactly once under the next manager', async (_, moment) => {
    const { world, host, reached } = held(moment);
    const { id } = await create(host);
    await reached;
    await host.kill();
    expect(world.stored(id).session.status).toBe('starting');
    world.beforePlaced = world.beforeLaunch = () => {};
    const launched = moment === 'onLaunch';
    if (launched) world.runOf(id).begin();
    world.onLaunch = (run) => run.begin();
    const next = world.host();
    expect(await next.recover()).toMatchObject(launched ? { adopted: [id] } : { requeued: [id] });
    await next.manager.waitFor(id, { status: 'running' });
    world.runOf(id).complete();
    expect(await next.manager.waitFor(id)).toMatchObject({ status: 'completed', runs: [{ number: 1 }] });
    expect(world.launches).toHaveLength(1);
  });
});

it('an executor that fails at close() does not keep the state folder', async () => {
  const warnings = vi.spyOn(process, 'emitWarning').mockImplementation(() => {});
  onTestFinished(() => warnings.mockRestore());
  class Failing extends SimulatedExecutor {
    override close(): void {
      throw new Error('broken');
    }
  }
  const stateDir = tempFolder();
  const manager = new UnifiedSessionManager({ stateDir, executors: everyMode(new Failing(DONE)) });
  await manager.recover();
  await manager.close();
  expect(warnings.mock.calls).toContainEqual(['An executor could not be closed: broken', 'ExecutorNotClosed']);
  const next = new UnifiedSessionManager({ stateDir, executors: everyMode(new SimulatedExecutor(DONE)) });
  await next.recover();
  await next.close();
});
