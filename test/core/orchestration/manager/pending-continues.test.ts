import type { Leftover, SessionManagerOptions } from 'autonomous-orchestration';
import type { SimulatedScript } from 'autonomous-orchestration/testing';
import { describe, expect, it } from 'vitest';
import { PendingContinues } from '../../../../src/core/orchestration/manager/pending-continues.js';
import { deferred } from '../../../../src/core/orchestration/util/deferred.js';
import { errorOf } from '../../../support/errors.js';
import { eventually } from '../../../support/eventually.js';
import { isPending, Leaving } from '../../../support/leaving.js';
import { DONE, ENDLESS, everyMode, simulate } from '../../../support/simulate.js';

/** The first run of a session ends, unless its prompt says otherwise. The further ones work until they are ended. */
const ENDS_ONCE: SimulatedScript = (request) =>
  request.feedback !== undefined || JSON.stringify(request.spec.prompt).includes('endless')
    ? ENDLESS(request)
    : DONE(request);

class Leading extends Leaving {
  override readonly leads = true;
}

function scene(options: SessionManagerOptions = {}) {
  const executor = new Leaving(ENDS_ONCE);
  const leading = new Leading(ENDS_ONCE);
  const executors = { ...everyMode(executor), orchestration: leading };
  const { manager } = simulate(ENDS_ONCE, { executors, ...options });
  const ended = async (parentId?: string) =>
    manager.waitFor((await manager.create({ prompt: 'x', ...(parentId !== undefined && { parentId }) })).id);
  return { executor, leading, manager, ended };
}

describe('a continue() that waits until the last container of its session is gone', () => {
  it('fails if the session is cancelled meanwhile, and nothing starts', async () => {
    const { executor, manager, ended } = scene();
    const { id } = await ended();
    const continued = [errorOf(manager.continue(id, 'more'), 'ILLEGAL_TRANSITION')];
    continued.push(errorOf(manager.continue(id, 'again'), 'ILLEGAL_TRANSITION'));
    const cancelled = manager.cancel(id);
    executor.gone();
    expect(await cancelled).toMatchObject({ status: 'completed' });
    for (const error of await Promise.all(continued)) expect(error.message).toContain('was cancelled before');
    expect(executor.steps).toEqual(['launch 1', 'remove 1', 'removed 1']);
  });

  it('goes on if it was called after the cancel()', async () => {
    const { executor, manager, ended } = scene();
    const { id } = await ended();
    const cancelled = manager.cancel(id);
    const continued = manager.continue(id, 'more');
    executor.gone();
    await cancelled;
    await continued;
    await manager.waitFor(id, { status: 'running' });
    const last = manager.cancel(id);
    await eventually(() => expect(executor.steps).toContain('remove 2'));
    executor.gone();
    await last;
  });

  it('fails if the manager is closed with all sessions cancelled, and nothing starts', async () => {
    const { executor, manager, ended } = scene();
    const other = await manager.create({ prompt: 'endless' });
    await manager.waitFor(other.id, { status: 'running' });
    const { id } = await ended();
    const continued = errorOf(manager.continue(id, 'more'), 'MANAGER_CLOSED');
    expect(await isPending(continued)).toBe(true);
    const closed = manager.close({ sessions: 'cancel' });
    executor.gone();
    await continued;
    expect(manager.get(id)?.runs).toHaveLength(1);
    await eventually(() => expect(executor.removals).toHaveLength(2));
    executor.gone();
    await closed;
    expect(manager.get(id)).toMatchObject({ status: 'completed' });
  });

  it('fails if a session that leads its session is cancelled meanwhile, and nothing starts', async () => {
    const { executor, leading, manager, ended } = scene();
    const leader = await manager.create({ prompt: 'endless', mode: 'orchestration' });
    await manager.waitFor(leader.id, { status: 'running' });
    const { id } = await ended(leader.id);
    const continued = errorOf(manager.continue(id, 'more'), 'ILLEGAL_TRANSITION');
    expect(await isPending(continued)).toBe(true);
    const cancelled = manager.cancel(leader.id);
    await eventually(() => expect(leading.steps).toContain('remove 1'));
    leading.gone();
    executor.gone();
    await cancelled;
    await continued;
    expect(executor.steps).toEqual(['launch 1', 'remove 1', 'removed 1']);
  });
});

describe('a continue() that waits for recover()', () => {
  it('fails if the session is cancelled meanwhile, and nothing starts', async () => {
    const found = deferred<Leftover[]>();
    let isRecovering = false;
    class Slow extends Leaving {
      override async leftovers(): Promise<Leftover[]> {
        return isRecovering ? found.promise : [];
      }
    }
    const executor = new Slow(ENDS_ONCE);
    const { manager } = simulate(ENDS_ONCE, { executors: everyMode(executor) });
    const { id } = await manager.waitFor((await manager.create({ prompt: 'x' })).id);
    executor.gone();
    await manager.cancel(id);
    isRecovering = true;
    const recovered = manager.recover();
    const continued = errorOf(manager.continue(id, 'more'), 'ILLEGAL_TRANSITION');
    expect(await isPending(continued)).toBe(true);
    await manager.cancel(id);
    found.resolve([]);
    await recovered;
    await continued;
    expect(executor.steps).toEqual(['launch 1', 'remove 1', 'removed 1']);
  });
});

describe('the calls of continue() that wait', () => {
  it('are cancelled up to a time, and are forgotten when they are done', async () => {
    let now = 1;
    const pending = new PendingContinues({ now: () => now });
    const over = deferred<void>();
    const wait = () =>
      pending.during('a', async (call) => {
        await over.promise;
        call.requireWanted();
      });
    const early = errorOf(wait(), 'ILLEGAL_TRANSITION');
    now = 2;
    const late = wait();
    pending.cancel('a', 1);
    expect([...pending.ids]).toEqual(['a']);
    over.resolve();
    await early;
    await late;
    expect([...pending.ids]).toEqual([]);
  });
});
