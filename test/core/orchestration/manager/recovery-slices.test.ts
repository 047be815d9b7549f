import { writeFileSync } from 'node:fs';
import { setImmediate as turn } from 'node:timers/promises';
import { beforeEach, describe, expect, it, vi } from 'vitest';
import { RECORDS } from '../../../../src/core/orchestration/session/records-source.js';
import { deferred } from '../../../../src/core/orchestration/util/deferred.js';
import { errorOf } from '../../../support/errors.js';
import { eventually } from '../../../support/eventually.js';
import { type Host, World } from '../../../support/outliving.js';

// Each session is a slice of its own, so that everything that may happen between two slices can be tried.
const between = vi.hoisted(() => ({ wait: async (): Promise<unknown> => undefined }));
vi.mock('../../../../src/core/orchestration/util/turns.js', () => ({
  Turns: class {
    readonly isOver = true;
    async next(): Promise<void> {
      await turn();
      await between.wait();
    }
  },
}));

/** A killed process with a running session and some that wait, and the next one. */
async function restarted(waiting: number) {
  const world = new World();
  const host = world.host({ maxConcurrent: 1, maxQueued: 20 });
  const { id: running } = await host.running();
  const waits: string[] = [];
  for (let count = 0; count < waiting; count++) {
    waits.push((await host.manager.create({ prompt: 'x', cwd: host.cwd })).id);
  }
  await host.kill();
  const next = world.host({ maxConcurrent: 1, maxQueued: 20 });
  return { world, running, waits, next };
}

async function turns(count: number): Promise<void> {
  for (let left = count; left > 0; left--) await turn();
}

/** Calls a function when the next process has taken over this session, while others are still to come. */
function whenRecovered(next: Host, id: string, act: () => unknown): void {
  next.manager.once('session:recovered', function again({ sessionId }) {
    if (sessionId === id) act();
    else next.manager.once('session:recovered', again);
  });
}

const most = vi.hoisted(() => ({ value: 100 }));
vi.mock('../../../../src/core/orchestration/manager/most-in-memory.js', () => ({
  get MOST_ENDED_IN_MEMORY() {
    return most.value;
  },
}));

beforeEach(() => {
  most.value = 100;
  between.wait = async () => undefined;
});

describe('between two slices of recover()', () => {
  it('a waiting session that is cancelled never starts, and the others keep their order', async () => {
    const { world, running, waits, next } = await restarted(4);
    const [first = '', second = '', ...others] = waits;
    const calls: Promise<unknown>[] = [];
    whenRecovered(next, second, () => calls.push(next.manager.cancel(second)));
    const report = await next.recover();
    await Promise.all(calls);
    expect(calls).toHaveLength(1);
    expect(report.adopted).toEqual([running]);
    expect(report.requeued).toEqual([first, ...others]);
    expect(next.manager.get(second)).toMatchObject({ status: 'cancelled' });
    expect(next.manager.queueStatus().items.map(({ id }) => id)).toEqual([first, ...others]);
    expect(world.launches).toHaveLength(1);
  });

  it('a slot that becomes free goes to the session that came first, although that one is not in line yet', async () => {
    const { world, running, waits, next } = await restarted(3);
    world.onLaunch = (run) => run.begin();
    whenRecovered(next, running, () => world.runOf(running).complete());
    await next.recover();
    await eventually(() => expect(world.launches).toHaveLength(2));
    expect(world.launches[1]?.sessionId).toBe(waits[0]);
    expect(next.manager.queueStatus().items.map(({ id }) => id)).toEqual(waits.slice(1));
  });

  it('create() and continue() wait, so that nothing comes before those that waited', async () => {
    const world = new World();
    const host = world.host({ maxConcurrent: 1, maxQueued: 20 });
    const { id: done } = await host.running();
    world.runOf(done).complete();
    await host.manager.waitFor(done);
    const { id: running } = await host.running();
    const { id: waits } = await host.manager.create({ prompt: 'x', cwd: host.cwd });
    await host.kill();
    const next = world.host({ maxConcurrent: 1, maxQueued: 20 });
    const calls: Promise<{ id: string }>[] = [];
    whenRecovered(next, done, () => {
      calls.push(next.manager.continue(done, 'more'), next.manager.create({ prompt: 'y', cwd: next.cwd }));
    });
    await next.recover();
    const [continued, created] = await Promise.all(calls);
    expect(next.manager.queueStatus().running).toBe(1);
    expect(next.manager.get(running)).toMatchObject({ status: 'running' });
    const items = next.manager.queueStatus().items.map(({ id }) => id);
    expect(items[0]).toBe(waits);
    expect(items.slice(1).sort()).toEqual([continued?.id, created?.id].sort());
  });

  it("an adopted leader's commands wait until its children are there, and none is carried out twice", async () => {
    const world = new World();
    const host = world.host({ maxConcurrent: 10 });
    const { id } = await host.running({ mode: 'orchestration' });
    const command = (requestId: string, ...args: string[]) =>
      world.runOf(id).hooks.command(requestId, args, new AbortController().signal);
    const made = await command('0', 'create', 'First');
    for (let count = 1; count < 5; count++) await command(`${count}`, 'create', 'Later');
    const children = host.manager.list({ parentId: id }).map((child) => child.id);
    for (const child of children) await world.onDisk(child, ({ status }) => status === 'running');
    await host.kill();
    const next = world.host({ maxConcurrent: 10 });
    const known: number[] = [];
    const adopted = deferred<void>();
    const answers: ReturnType<typeof command>[] = [];
    world.onAdopt = ({ sessionId }) => {
      if (sessionId !== id) return;
      known.push(next.manager.list().length);
      answers.push(command('0', 'create', 'First'), command('list', 'list'), command('wait', 'wait'));
      // Without the recovery to wait for, the commands would be carried out by then.
      void turns(200).then(() => adopted.resolve());
    };
    between.wait = async () => next.manager.get(id) && adopted.promise;
    const report = await next.recover();
    expect(known).toEqual([1]);
    expect([...report.adopted].sort()).toEqual([id, ...children].sort());
    const [again, listed] = await Promise.all(answers.slice(0, 2));
    expect(again?.text.split('\t')[0]).toBe(made.text.split('\t')[0]);
    for (const child of children) expect(listed?.text).toContain(child);
    for (const child of children) world.runOf(child).complete();
    const waited = await answers[2];
    expect(waited?.exitCode).toBe(0);
    for (const child of children) expect(waited?.text).toContain(`${child}\tautonomous\tcompleted`);
    expect(world.launches).toHaveLength(6);
  });

  it('removeWorktree() waits, so that no worktree is removed in which another session works', async () => {
    const world = new World();
    const host = world.host();
    const { id: done } = await host.running();
    world.runOf(done).complete();
    await host.manager.waitFor(done);
    const { id: running } = await host.running();
    await host.manager.cancel(done);
    await host.kill();
    for (const id of [done, running]) {
      const { session, ...stored } = world.stored(id);
      const environment = { ...session.environment, cwd: '/tree', worktree: '/tree', branch: 'tree' };
      writeFileSync(world.folder(id).record, JSON.stringify({ ...stored, session: { ...session, environment } }));
    }
    const next = world.host();
    const remove = vi.fn(async () => {});
    const sweep = async () => ({ removed: [], kept: [] });
    Object.assign(next.executor, { worktrees: { remove, sweep } });
    const calls: Promise<unknown>[] = [];
    let waited: Promise<unknown> | undefined;
    whenRecovered(next, done, () => calls.push(next.manager.removeWorktree(done).catch((error: unknown) => error)));
    between.wait = async () => {
      const [call] = calls;
      if (call !== undefined) waited ??= Promise.race([call, turns(5_000)]);
      await waited;
    };
    await next.recover();
    expect(await calls[0]).toMatchObject({
      code: 'ILLEGAL_TRANSITION',
      message: expect.stringContaining(`session ${running}`),
    });
    expect(remove).not.toHaveBeenCalled();
  });

  it('create() with a leader that has ended waits, so that the limits of the leader apply', async () => {
    const world = new World();
    const host = world.host();
    const { id } = await host.running({ mode: 'orchestration', limits: { children: 1 } });
    await host.running({ parentId: id });
    for (const { sessionId } of world.launches.toReversed()) {
      world.runOf(sessionId).complete();
      await host.manager.waitFor(sessionId);
      await host.manager.cancel(sessionId);
    }
    await host.kill();
    const next = world.host();
    const recovering = next.recover();
    await errorOf(next.manager.create({ prompt: 'x', cwd: next.cwd, parentId: id }), 'CHILDREN_LIMIT');
    await recovering;
  });

  it('a second recover() brings a leader back into memory, with a child that it takes over', async () => {
    most.value = 0;
    const world = new World();
    const host = world.host({ maxConcurrent: 1 });
    const { id } = await host.running({ mode: 'orchestration' });
    world.runOf(id).complete();
    await host.manager.waitFor(id);
    await host.manager.cancel(id);
    const { id: running } = await host.running();
    const child = await host.manager.create({
      prompt: 'x',
      cwd: '/',
      parentId: id,
      docker: { env: { TOKEN: 'secret' } },
    });
    await host.kill();
    const next = world.host({ maxConcurrent: 1 });
    const inMemory = () =>
      next.manager[RECORDS]()
        ?.outlines()
        .some((one) => one.id === id && 'metadata' in one);
    expect((await next.recover()).skipped).toMatchObject([{ id: child.id }]);
    world.runOf(running).complete(); // Its end makes room.
    await eventually(() => expect(inMemory()).toBe(false));
    world.onLaunch = (run) => run.begin();
    expect((await next.recover({ env: () => ({ TOKEN: 'again' }) })).requeued).toEqual([child.id]);
    expect(inMemory()).toBe(true);
  });

  it('close() ends it with MANAGER_CLOSED, and the next process has every session once', async () => {
    const { world, running, waits, next } = await restarted(3);
    whenRecovered(next, running, () => void next.manager.close());
    const recovering = next.recover();
    await recovering.catch(() => {});
    await next.manager.close();
    const outcome = await recovering.then(
      () => 'done',
      ({ code }: { code: string }) => code,
    );
    expect(['done', 'MANAGER_CLOSED']).toContain(outcome);
    const third = world.host({ maxConcurrent: 1, maxQueued: 20 });
    const report = await third.recover();
    expect(report.adopted).toEqual([running]);
    expect(report.requeued).toEqual(waits);
    await errorOf(next.manager.cancel(running), 'MANAGER_CLOSED');
  });
});
