import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import type {
  CreateSessionOptions,
  SessionEvent,
  UnifiedSession,
  UnifiedSessionManager,
} from 'autonomous-orchestration';
import { openSessions } from 'autonomous-orchestration';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { errorOf } from '../../../support/errors.js';
import { type Host, World } from '../../../support/outliving.js';

const DAY = 86_400_000;

function scene(options: Parameters<World['host']>[0] = {}) {
  const world = new World();
  return { world, host: world.host({ maxConcurrent: 1, ...options }) };
}

const create = (host: Host, options: Partial<CreateSessionOptions> = {}): Promise<UnifiedSession> =>
  host.manager.create({ prompt: 'x', cwd: host.cwd, ...options });
const statusOf = (manager: UnifiedSessionManager, ...sessions: UnifiedSession[]) =>
  sessions.map(({ id }) => manager.get(id)?.status);
/** The launched sessions, in order. */
const launched = (world: World): string[] => world.launches.map(({ sessionId }) => sessionId);

describe('after', () => {
  it('a session waits without a slot and without a position until those before it have completed', async () => {
    const { world, host } = scene({ maxConcurrent: 3 });
    const { manager } = host;
    const [a, b] = [await host.running(), await host.running()];
    const after = [{ id: a.id }, { id: b.id, on: 'completed' as const }];
    const c = await create(host, { after });
    expect(c).toMatchObject({ status: 'queued', after: [a, b].map(({ id }) => ({ id, on: 'completed' })) });
    expect(c).not.toHaveProperty('queuePosition');
    expect(manager.queueStatus()).toMatchObject({ running: 2, queued: 1, items: [] });
    expect(manager.queueStatus().blocked).toEqual([{ id: c.id, after: [a.id, b.id] }]);
    // The third slot is free for others.
    const other = await host.running();
    world.runOf(other.id).complete();
    world.runOf(a.id).complete();
    await Promise.all([other, a].map(({ id }) => manager.waitFor(id)));
    await Promise.all([other, a].map(({ id }) => manager.cancel(id))); // Waits for the removals.
    expect(statusOf(manager, c)).toEqual(['queued']);
    expect(manager.queueStatus().blocked).toEqual([{ id: c.id, after: [b.id] }]);
    world.runOf(b.id).complete();
    await manager.waitFor(c.id, { status: 'running' });
    expect(manager.get(c.id)?.after).toEqual(c.after);
    expect(manager.queueStatus()).not.toHaveProperty('blocked');
  });

  it('a session keeps its place while it waits for others, and later sessions pass it', async () => {
    const { world, host } = scene();
    const { manager } = host;
    const a = await host.running();
    const b = await create(host, { after: [{ id: a.id }] });
    const c = await create(host);
    expect(manager.get(c.id)?.queuePosition).toBe(1);
    world.runOf(a.id).complete();
    await manager.waitFor(b.id, { status: 'running' });
    expect(statusOf(manager, b, c)).toEqual(['running', 'queued']);
  });

  it('a session that may start now is told of its position', async () => {
    const { world, host } = scene({ maxConcurrent: 2 });
    const { manager } = host;
    const [a] = [await host.running(), await host.running()];
    const c = await create(host, { after: [{ id: a.id }] });
    const d = await create(host);
    await manager.cancel(d.id);
    const next = await create(host, { priority: 'high' });
    world.runOf(a.id).complete();
    await manager.waitFor(next.id, { status: 'running' });
    expect(host.typesOf(c.id)).toEqual(['session:created', 'session:queued']);
    expect(host.events.findLast(({ sessionId }) => sessionId === c.id)).toMatchObject({ position: 1 });
    expect(manager.get(c.id)).toMatchObject({ status: 'queued', queuePosition: 1 });
  });

  it('a session starts at once if those before it have ended already', async () => {
    const { world, host } = scene();
    const a = await host.running();
    world.runOf(a.id).complete();
    await host.manager.waitFor(a.id);
    expect((await create(host, { after: [{ id: a.id }] })).status).toBe('starting');
  });

  it('a failed session ends all that wait for it, and those that wait for these, and names itself', async () => {
    const { world, host } = scene();
    const { manager } = host;
    const a = await host.running();
    const b = await create(host, { after: [{ id: a.id }] });
    const c = await create(host, { after: [{ id: b.id }] });
    const d = await create(host, { after: [{ id: c.id, on: 'ended' }] });
    world.runOf(a.id).exit({ exitCode: 1 });
    await manager.waitFor(d.id, { status: 'running' });
    const results = [b, c].map(({ id }) => manager.get(id));
    expect(results.map((session) => [session?.status, session?.result?.reason])).toEqual([
      ['failed', 'dependency_failed'],
      ['failed', 'dependency_failed'],
    ]);
    expect(results[0]?.result?.error).toContain(`session ${a.id}, which it waited for (after), ended as 'failed'`);
    expect(results[1]?.result?.error).toContain(b.id);
    expect(launched(world)).toEqual([a.id, d.id]);
    expect(manager.queueStatus()).toMatchObject({ running: 1, queued: 0, items: [] });
  });

  it('a cancelled session ends those that wait for it, also if it waited itself', async () => {
    const { host } = scene();
    const { manager } = host;
    await host.running();
    const b = await create(host);
    const c = await create(host, { after: [{ id: b.id }] });
    const d = await create(host, { after: [{ id: b.id, on: 'ended' }] });
    await manager.cancel(b.id);
    expect(manager.get(c.id)).toMatchObject({ status: 'failed', result: { reason: 'dependency_failed' } });
    expect(manager.get(d.id)).toMatchObject({ status: 'queued', queuePosition: 1 });
  });

  it('a session after one that has failed already is on record as failed, and starts nothing', async () => {
    const { world, host } = scene();
    const a = await host.running();
    world.runOf(a.id).exit({ exitCode: 1 });
    await host.manager.waitFor(a.id);
    const b = await create(host, { after: [{ id: a.id }] });
    expect(b).toMatchObject({ status: 'failed', result: { reason: 'dependency_failed' } });
    expect((await create(host, { after: [{ id: a.id, on: 'ended' }] })).status).toBe('starting');
    expect(host.manager.queueStatus()).toMatchObject({ running: 1, queued: 0 });
  });

  it('a session waits again for one that is continued while it is in line', async () => {
    const { world, host } = scene();
    const { manager } = host;
    const a = await host.running();
    world.runOf(a.id).complete();
    await manager.waitFor(a.id);
    const b = await host.running();
    const c = await create(host, { after: [{ id: a.id }] });
    expect(c.queuePosition).toBe(1);
    await manager.continue(a.id, 'You forgot the tests.');
    expect(manager.get(c.id)).not.toHaveProperty('queuePosition');
    world.runOf(b.id).complete();
    await manager.waitFor(a.id, { status: 'running' });
    expect(statusOf(manager, c)).toEqual(['queued']);
    world.runOf(a.id).complete();
    await manager.waitFor(c.id, { status: 'running' });
    expect(launched(world)).toEqual([a.id, b.id, a.id, c.id]);
  });

  it('a paused session, and one that waits for its person, are waited for', async () => {
    const { host } = scene({ maxConcurrent: 2 });
    const a = await host.running();
    const b = await create(host, { after: [{ id: a.id, on: 'ended' }] });
    await host.manager.pause(a.id);
    expect(statusOf(host.manager, a, b)).toEqual(['paused', 'queued']);
  });

  it('a chain of 3,000 sessions ends with its first one', async () => {
    const { host } = scene({ maxQueued: 5_000 });
    const { manager } = host;
    await host.running();
    let last = await create(host);
    const first = last;
    for (let count = 0; count < 3_000; count++) last = await create(host, { after: [{ id: last.id }] });
    await manager.cancel(first.id);
    const ended = await manager.waitFor(last.id);
    expect(ended).toMatchObject({ status: 'failed', result: { reason: 'dependency_failed' } });
    expect(manager.queueStatus().queued).toBe(0);
  });

  it('sessions that wait for others count for maxQueued', async () => {
    const { host } = scene({ maxConcurrent: 3, maxQueued: 1 });
    const a = await host.running();
    await create(host, { after: [{ id: a.id }] });
    await errorOf(create(host, { after: [{ id: a.id }] }), 'QUEUE_FULL');
    // A session that starts at once needs no place.
    expect((await create(host)).status).toBe('starting');
  });
});

describe('what can never start is refused', () => {
  const left = (world: World): string[] => readdirSync(join(world.stateDir, 'sessions')).sort();

  it('unknown, removed and foreign sessions are refused by name, and nothing is made', async () => {
    const { world, host } = scene();
    const { manager } = host;
    const removed = await host.running();
    world.runOf(removed.id).complete();
    await manager.waitFor(removed.id);
    await manager.remove(removed.id);
    const kept = await host.running();
    const elsewhere = await scene().host.running();
    const before = left(world);
    for (const id of ['nobody', removed.id, elsewhere.id]) {
      const error = await errorOf(create(host, { after: [{ id: kept.id }, { id }] }), 'SESSION_NOT_FOUND');
      expect(error.message).toContain("Option 'after.1.id'");
      expect(error.message).toContain(id);
      expect(error.message).toContain('list()');
    }
    expect(left(world)).toEqual(before);
    expect(manager.list()).toHaveLength(1);
    expect(manager.queueStatus()).toMatchObject({ running: 1, queued: 0 });
  });

  it.each([
    [{ after: 'x' }, 'after'],
    [{ after: [{}] }, 'after.0.id'],
    [{ after: [{ id: 'x', on: 'failed' }] }, 'after.0.on'],
    [{ after: Array.from({ length: 1_001 }, () => ({ id: 'x' })) }, 'after'],
    [{ priority: 'urgent' }, 'priority'],
    [{ notBefore: new Date() }, 'notBefore'],
    [{ notBefore: Number.NaN }, 'notBefore'],
    [{ notBefore: -1 }, 'notBefore'],
    [{ notBefore: 1e17 }, 'notBefore'],
  ])('create(%j) is refused and names %s', async (options, name) => {
    const { host } = scene();
    const error = await errorOf(create(host, options as unknown as CreateSessionOptions), 'INVALID_OPTIONS');
    expect(error.message).toContain(`'${name}'`);
    expect(host.manager.list()).toEqual([]);
  });

  it('a session is not removed while one that names it in after waits, and can be removed afterwards', async () => {
    const { world, host } = scene();
    const { manager } = host;
    const a = await host.running();
    world.runOf(a.id).complete();
    await manager.waitFor(a.id);
    const b = await host.running();
    const c = await create(host, { after: [{ id: a.id }] });
    expect((await errorOf(manager.remove(a.id), 'ILLEGAL_TRANSITION')).message).toContain(c.id);
    world.runOf(b.id).complete();
    await manager.waitFor(c.id, { status: 'running' });
    await manager.remove(a.id);
  });

  it('keepEnded keeps a session that others wait for, and removes it when none waits for it', async () => {
    const { world, host } = scene({ keepEnded: { count: 1 } });
    const { manager } = host;
    const a = await host.running();
    world.runOf(a.id).complete();
    await manager.waitFor(a.id);
    const b = await host.running();
    const c = await create(host, { after: [{ id: a.id }] });
    const d = await create(host);
    await manager.cancel(d.id);
    world.runOf(b.id).complete();
    await manager.waitFor(c.id, { status: 'running' });
    world.runOf(c.id).complete();
    await manager.waitFor(c.id);
    await vi.waitUntil(() => manager.list().length === 1, 30_000);
    expect(manager.list().map(({ id }) => id)).toEqual([c.id]);
  });
});

describe('priority', () => {
  it('sessions of a higher priority go first, and of the same priority the one that came first', async () => {
    const { world, host } = scene();
    const { manager } = host;
    const a = await host.running();
    const [low, normal, high, second] = [
      await create(host, { priority: 'low' }),
      await create(host),
      await create(host, { priority: 'high' }),
      await create(host, { priority: 'normal' }),
    ];
    expect([low, normal, high, second].map(({ queuePosition }) => queuePosition)).toEqual([1, 1, 1, 3]);
    const order = [high, normal, second, low].map(({ id }) => id);
    expect(order.map((id) => manager.get(id)?.queuePosition)).toEqual([1, 2, 3, 4]);
    expect(manager.list({ status: 'queued' }).map(({ queuePosition }) => queuePosition)).toEqual([4, 2, 1, 3]);
    expect(manager.queueStatus().items.map(({ id }) => id)).toEqual(order);
    expect([low.priority, normal.priority, high.priority]).toEqual(['low', undefined, 'high']);
    for (const [before, id] of [a.id, ...order].map((one, at, all) => [one, all[at + 1]] as const)) {
      world.runOf(before).complete();
      if (id !== undefined) await manager.waitFor(id, { status: 'running' });
    }
    expect(launched(world)).toEqual([a.id, ...order]);
  });

  it('a session that is continued comes into line with its priority', async () => {
    const { world, host } = scene();
    const { manager } = host;
    const a = await host.running({ priority: 'high' });
    world.runOf(a.id).complete();
    await manager.waitFor(a.id);
    await host.running();
    await create(host);
    expect(await manager.continue(a.id, 'more')).toMatchObject({
      status: 'queued',
      queuePosition: 1,
      priority: 'high',
    });
  });
});

describe('notBefore', () => {
  it('a session waits for its time, which is on record, and others pass it', async () => {
    const { host } = scene();
    const notBefore = Date.now() + DAY;
    const late = await create(host, { notBefore });
    expect(late).toMatchObject({ status: 'queued', notBefore });
    expect(late).not.toHaveProperty('queuePosition');
    expect(host.manager.queueStatus()).toMatchObject({ running: 0, queued: 1, blocked: [{ id: late.id, notBefore }] });
    expect((await create(host, { notBefore: Date.now() })).status).toBe('starting');
    await host.manager.cancel(late.id);
  });

  it('a session starts by itself when its time has come', async () => {
    const { host } = scene();
    const { id } = await create(host, { notBefore: Date.now() + 50 });
    const { startedAt = 0, notBefore = 0 } = await host.manager.waitFor(id, { status: 'running' });
    expect(startedAt).toBeGreaterThanOrEqual(notBefore);
  });
});

describe('after a restart', () => {
  it('waiting sessions keep their place, their priority, and what they wait for', async () => {
    const { world, host } = scene();
    const a = await host.running();
    const notBefore = Date.now() + DAY;
    const low = await create(host, { priority: 'low' });
    const after = await create(host, { after: [{ id: a.id }] });
    const late = await create(host, { notBefore });
    const normal = await create(host);
    const high = await create(host, { priority: 'high' });
    await host.kill();

    const next = world.host({ maxConcurrent: 1 });
    await next.recover();
    const order = [high, normal, low].map(({ id }) => id);
    expect(next.manager.queueStatus().items.map(({ id }) => id)).toEqual(order);
    expect(next.manager.queueStatus().blocked).toEqual([
      { id: after.id, after: [a.id] },
      { id: late.id, notBefore },
    ]);
    expect(next.manager.get(after.id)).toMatchObject({ after: after.after });
    expect(next.manager.get(after.id)).not.toHaveProperty('queuePosition');
    world.runOf(a.id).complete();
    await next.manager.waitFor(high.id, { status: 'running' });
    expect(next.manager.queueStatus().items.map(({ id }) => id)).toEqual([after, normal, low].map(({ id }) => id));
  });

  it('what happened to a dependency while no process was there counts', async () => {
    const { world, host } = scene({ maxConcurrent: 2 });
    const [a, b] = [await host.running(), await host.running()];
    const good = await create(host, { after: [{ id: a.id }] });
    const bad = await create(host, { after: [{ id: b.id }] });
    await host.kill();
    world.runOf(a.id).complete();
    world.runOf(b.id).exit({ exitCode: 1 });
    const next = world.host({ maxConcurrent: 2 });
    await next.recover();
    await next.manager.waitFor(good.id, { status: 'running' });
    expect(await next.manager.waitFor(bad.id)).toMatchObject({ result: { reason: 'dependency_failed' } });
  });

  it('a session whose dependency is not in the state folder any more ends, unless it only had to end', async () => {
    const { world, host } = scene();
    const a = await host.running();
    const strict = await create(host, { after: [{ id: a.id }] });
    const any = await create(host, { after: [{ id: a.id, on: 'ended' }] });
    await host.kill();
    world.runOf(a.id).exit({ exitCode: 0 });
    world.runs.clear();
    await world.folder(a.id).remove();
    const next = world.host({ maxConcurrent: 1 });
    await next.recover();
    expect(next.manager.get(strict.id)?.result).toMatchObject({ reason: 'dependency_failed' });
    expect(next.manager.get(strict.id)?.result?.error).toContain(a.id);
    await next.manager.waitFor(any.id, { status: 'running' });
  });

  it('a session whose record was damaged still waits', async () => {
    const { world, host } = scene();
    const a = await host.running();
    const b = await create(host, { after: [{ id: a.id }], priority: 'low' });
    await host.kill();
    await world.folder(b.id).write(world.folder(b.id).record, 'damaged');
    const next = world.host({ maxConcurrent: 3 });
    expect((await next.recover()).rebuilt).toEqual([b.id]);
    expect(next.manager.get(b.id)).toMatchObject({ status: 'queued', after: b.after, priority: 'low' });
    expect(next.manager.queueStatus().blocked).toEqual([{ id: b.id, after: [a.id] }]);
  });
});

describe('in another process', () => {
  it('a client sees and makes waiting sessions, with the positions of the owner', async () => {
    const { world, host } = scene();
    const { manager } = host;
    await manager.recover();
    const client = await openSessions({ stateDir: world.stateDir });
    onTestFinished(() => client.close());
    const events: SessionEvent[] = [];
    client.on('event', (event) => events.push(event));
    const a = await host.running();
    const b = await client.create({ prompt: 'x', cwd: host.cwd, after: [{ id: a.id }], notBefore: 7, priority: 'low' });
    const c = await client.create({ prompt: 'x', cwd: host.cwd });
    const d = await client.create({ prompt: 'x', cwd: host.cwd, priority: 'high' });
    expect(client.list()).toEqual(manager.list());
    expect(client.get(c.id)?.queuePosition).toBe(2);
    expect(client.queueStatus()).toEqual(manager.queueStatus());
    expect(b).toMatchObject({ status: 'queued', priority: 'low', notBefore: 7 });
    world.runOf(a.id).complete();
    await client.waitFor(d.id, { status: 'running' });
    expect(client.get(b.id)?.queuePosition).toBe(2);
    expect(client.queueStatus().items).toEqual([
      { id: c.id, position: 1 },
      { id: b.id, position: 2 },
    ]);
    await errorOf(client.create({ prompt: 'x', cwd: host.cwd, after: [{ id: 'nobody' }] }), 'SESSION_NOT_FOUND');
  });
});

it('a change of a long queue dispatches nothing for the sessions that wait, and names at most 100 of them', async () => {
  const { host } = scene({ maxQueued: 200 });
  const { manager } = host;
  await host.running();
  const all: UnifiedSession[] = [];
  for (let count = 0; count < 150; count++) all.push(await create(host));
  const before = host.events.length;
  await manager.cancel(all[0]?.id ?? '');
  await new Promise(setImmediate);
  expect(host.events.slice(before).map(({ type }) => type)).toEqual(['session:cancelled', 'queue:changed']);
  expect(host.events.at(-1)).toMatchObject({ queue: { queued: 149 } });
  const last = host.events.at(-1);
  expect(last?.type === 'queue:changed' && last.queue.items.length).toBe(100);
  expect(manager.queueStatus().items).toHaveLength(149);
  expect(manager.get(all[149]?.id ?? '')?.queuePosition).toBe(149);
});
