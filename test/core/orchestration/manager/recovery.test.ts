import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { setImmediate as turn } from 'node:timers/promises';
import type { RecoveryReport, SessionEvent, UnifiedSession, UnifiedSessionManager } from 'autonomous-orchestration';
import fc from 'fast-check';
import { describe, expect, it, vi } from 'vitest';
import { SessionFolder } from '../../../../src/core/orchestration/contract/session-folder.js';
import { deferred } from '../../../../src/core/orchestration/util/deferred.js';
import * as atomicFile from '../../../../src/core/orchestration/util/fs/atomic-file.js';
import { errorOf } from '../../../support/errors.js';
import { eventually } from '../../../support/eventually.js';
import { type Host, World } from '../../../support/outliving.js';
import { tempFolder } from '../../../support/temp-folder.js';

vi.mock('../../../../src/core/orchestration/util/fs/atomic-file.js', { spy: true });
const writes = vi.mocked(atomicFile.writeAtomically);

type Lists = Partial<Record<keyof RecoveryReport, unknown>>;

/** Expects a report with these lists, and with all other lists empty. */
function expectReport(report: RecoveryReport, expected: Lists): void {
  const empty = {
    adopted: [],
    closed: [],
    lost: [],
    requeued: [],
    known: [],
    skipped: [],
    rebuilt: [],
    containers: [],
    folders: [],
  };
  expect(report).toMatchObject({ ...empty, ...expected });
  for (const [name, items] of Object.entries(report)) if (!(name in expected)) expect(items, name).toEqual([]);
}

/** A world with a manager in it. */
function scene(options: Parameters<World['host']>[0] = {}) {
  const world = new World();
  return { world, host: world.host(options) };
}

const messagesOf = (events: SessionEvent[]) =>
  events.flatMap((event) => (event.type === 'session:message' ? [event] : []));
/** Resolves when nothing is left of a session that has ended. */
async function ended(manager: UnifiedSessionManager, id: string): Promise<UnifiedSession> {
  const session = await manager.waitFor(id);
  await manager.cancel(id); // Waits for the removal.
  return session;
}

const create = (host: Host, taskId = 'task') => host.manager.create({ prompt: taskId, cwd: host.cwd, taskId });
const textOf = (id: string, world: World): string => readFileSync(world.folder(id).record, 'utf8');

describe('a session whose process was killed while the session ran', () => {
  it('a running session is adopted, monitored again, and ends as it would have ended', async () => {
    const { world, host } = scene();
    const { id } = await host.running();
    world.runOf(id).say('before');
    await host.kill();
    world.runOf(id).say('meanwhile');

    const next = world.host();
    expectReport(await next.recover(), { adopted: [id] });
    expect(next.manager.get(id)).toMatchObject({ status: 'running', metadata: { messages: 2 } });
    expect(next.manager.queueStatus().running).toBe(1);
    expect(next.typesOf(id)).toEqual(['session:recovered', 'session:message', 'session:message']);
    expect(messagesOf(next.events).map(({ text, replayed }) => [text, replayed])).toEqual([
      ['before', true],
      ['meanwhile', true],
    ]);

    world.runOf(id).say('afterwards').complete();
    const session = await ended(next.manager, id);
    expect(session).toMatchObject({
      status: 'completed',
      result: { text: 'Done.', exitCode: 0 },
      runs: [{ number: 1 }],
    });
    expect(session.metadata.recentMessages.map(({ text }) => text)).toEqual(['before', 'meanwhile', 'afterwards']);
    expect(messagesOf(next.events).at(-1)).not.toHaveProperty('replayed');
    expect(world.launches).toHaveLength(1);
    expect(world.released).toEqual([`ao-${id}-1`]);
    expect(next.manager.queueStatus().running).toBe(0);
  });

  it('a session that ended while no process was there is closed with its true exit code and reason', async () => {
    const { world, host } = scene();
    const sessions = await Promise.all([host.running(), host.running(), host.running()]);
    const [well, badly, oom] = sessions.map(({ id }) => id) as [string, string, string];
    await host.kill();
    world.runOf(well).say('Bye.').complete();
    world.runOf(badly).exit({ exitCode: 3 });
    world.runOf(oom).exit({ exitCode: 137, oomKilled: true });
    expect(world.released).toEqual([]);

    const next = world.host();
    expectReport(await next.recover(), { closed: expect.arrayContaining([well, badly, oom]) });
    expect(next.manager.get(well)).toMatchObject({ status: 'completed', result: { exitCode: 0, text: 'Done.' } });
    expect(next.manager.get(well)?.metadata.lastMessage).toBe('Bye.');
    expect(next.manager.get(badly)).toMatchObject({ status: 'failed', result: { exitCode: 3 } });
    expect(next.manager.get(oom)).toMatchObject({ status: 'failed', result: { exitCode: 137, reason: 'oom' } });
    expect(world.runs.size).toBe(0);
    expect(next.manager.queueStatus().running).toBe(0);
  });

  it('a session whose container was already removed is closed from its record', async () => {
    const { world, host } = scene();
    const { id } = await host.running();
    world.runOf(id).complete();
    await world.onDisk(id, ({ runs }) => runs[0]?.exit);
    await host.kill();
    world.runs.clear();
    const next = world.host();
    const report = await next.recover();
    expect([...report.closed, ...report.known]).toEqual([id]);
    expect(next.manager.get(id)).toMatchObject({ status: 'completed', result: { exitCode: 0, text: 'Done.' } });
  });

  it('a session is lost if its container is gone and its record contains no end', async () => {
    const { world, host } = scene();
    const { id } = await host.running();
    await host.kill();
    world.runs.clear();
    const next = world.host();
    expectReport(await next.recover(), { lost: [id] });
    expect(next.manager.get(id)).toMatchObject({ status: 'failed', result: { reason: 'lost' } });
    expect(world.launches).toHaveLength(1);
  });

  it('an adopted session can be paused, resumed, continued and cancelled', async () => {
    const { world, host } = scene();
    const { id, channelCoderSession } = await host.running();
    await host.kill();
    const next = world.host();
    await next.recover();
    expect(await next.manager.pause(id)).toMatchObject({ status: 'paused' });
    await world.onDisk(id, ({ status }) => status === 'paused');
    await next.kill();

    const third = world.host();
    expectReport(await third.recover(), { adopted: [id] });
    expect(third.manager.get(id)).toMatchObject({ status: 'paused' });
    expect(await third.manager.resume(id)).toMatchObject({ status: 'running' });
    await third.manager.continue(id, 'more');
    await eventually(() => expect(world.launches).toHaveLength(2));
    expect(world.runOf(id)).toMatchObject({ number: 2, feedback: 'more' });
    expect(await third.manager.cancel(id, 'mine')).toMatchObject({
      status: 'cancelled',
      channelCoderSession,
      result: { error: 'mine' },
      runs: [
        { number: 1, exitCode: 143 },
        { number: 2, exitCode: 143 },
      ],
    });
    expect(third.manager.get(id)?.runs).toHaveLength(2);
  });

  it('adopted sessions keep their slots and others wait, even if maxConcurrent is lower now', async () => {
    const { world, host } = scene({ maxConcurrent: 2 });
    const [a, b] = await Promise.all([host.running(), host.running()]);
    await host.kill();
    const next = world.host({ maxConcurrent: 1 });
    await next.recover();
    const { id, status } = await create(next);
    expect(status).toBe('queued');
    expect(next.manager.queueStatus()).toMatchObject({ running: 2, queued: 1 });
    world.runOf(a?.id ?? '').complete();
    await ended(next.manager, a?.id ?? '');
    expect(next.manager.get(id)?.status).toBe('queued');
    world.runOf(b?.id ?? '').complete();
    await next.manager.waitFor(id, { status: 'running' });
  });
});

describe('a session that waits for a person', () => {
  it.each([true, false])(
    'an adopted session keeps waiting for a person, with its slot only if kept (released: %s)',
    async (released) => {
      const options = { maxConcurrent: 1, releaseSlotWhileWaiting: released };
      const { world, host } = scene(options);
      const { id } = await host.running();
      await world.runOf(id).hooks.afterTurn();
      expect(host.manager.get(id)).toMatchObject({ status: 'waiting_feedback', waitingFor: 'person' });
      await world.onDisk(id, ({ waitingFor }) => waitingFor === 'person');
      await host.kill();
      const next = world.host(options);
      expectReport(await next.recover(), { adopted: [id] });
      expect(next.manager.get(id)).toMatchObject({ status: 'waiting_feedback', waitingFor: 'person' });
      expect(next.manager.queueStatus().running).toBe(released ? 0 : 1);
      expect((await create(next)).status).toBe(released ? 'starting' : 'queued');
    },
  );
});

describe('a session that was being launched', () => {
  it.each(['before the run was on record', 'before the run had a container'])(
    'a session whose process died %s is launched once',
    async (when) => {
      const { world, host } = scene();
      const gate = deferred<void>();
      const reached = deferred<void>();
      world.beforeLaunch = () => {
        reached.resolve();
        return gate.promise;
      };
      const { id } = await create(host);
      if (when === 'before the run was on record') expect(world.stored(id).session.runs).toEqual([]);
      else {
        await reached.promise;
        expect(world.stored(id).session.runs).toMatchObject([{ number: 1, logOffset: 0, containerName: `ao-${id}-1` }]);
      }
      await host.kill();
      gate.resolve();
      await turn();
      expect(world.launches).toEqual([]);
      world.beforeLaunch = () => {};

      const next = world.host();
      await next.recover();
      await next.manager.waitFor(id, { status: 'running' });
      expect(world.launches).toHaveLength(1);
      world.runOf(id).complete();
      expect(await ended(next.manager, id)).toMatchObject({ status: 'completed', runs: [{ number: 1 }] });
      expect(next.manager.get(id)?.runs).toHaveLength(1);
    },
  );

  it('a session without a run is reported as requeued, not as adopted', async () => {
    const { world, host } = scene();
    const { id } = await create(host);
    await host.kill();
    expect(world.stored(id).session).toMatchObject({ status: 'starting', runs: [] });
    expectReport(await world.host().recover(), { requeued: [id] });
  });

  it('a session whose run was on record but not launched is reported as requeued', async () => {
    const { world, host } = scene();
    const reached = deferred<void>();
    world.beforeLaunch = () => {
      reached.resolve();
      return new Promise(() => {});
    };
    const { id } = await create(host);
    await reached.promise;
    await host.kill();
    world.beforeLaunch = () => {};
    expectReport(await world.host().recover(), { requeued: [id] });
  });

  it('a session with a container is adopted even if its record does not mention the container', async () => {
    const { world, host } = scene();
    const made = deferred<void>();
    world.onLaunch = () => {
      made.resolve();
      return new Promise(() => {});
    };
    const { id } = await create(host);
    await made.promise;
    await host.kill();
    world.runOf(id).begin();
    const next = world.host();
    expectReport(await next.recover(), { adopted: [id] });
    expect(next.manager.get(id)).toMatchObject({ status: 'running', runs: [{ containerId: `id of ao-${id}-1` }] });
    expect(world.launches).toHaveLength(1);
    world.runOf(id).complete();
    await ended(next.manager, id);
  });
});

describe('sessions that waited in the queue', () => {
  it('queued sessions wait again in their order, a continued session at its later place', async () => {
    const { world, host } = scene({ maxConcurrent: 1 });
    const first = await host.running({ taskId: 'first' });
    world.runOf(first.id).complete();
    await ended(host.manager, first.id);
    const running = await host.running({ taskId: 'running' });
    const second = await create(host, 'second');
    await host.manager.continue(first.id, 'more');
    const third = await create(host, 'third');
    const order = [second.id, first.id, third.id];
    expect(host.manager.queueStatus().items.map(({ id }) => id)).toEqual(order);
    await host.kill();

    const next = world.host({ maxConcurrent: 1 });
    const report = await next.recover();
    expectReport(report, { adopted: [running.id], requeued: expect.arrayContaining(order) });
    expect(next.manager.queueStatus().items.map(({ id }) => id)).toEqual(order);
    expect(order.map((id) => next.manager.get(id)?.queuePosition)).toEqual([1, 2, 3]);
    for (const id of [running.id, ...order]) {
      await next.manager.waitFor(id, { status: 'running' });
      world.runOf(id).complete();
      await ended(next.manager, id);
    }
    expect(world.launches.slice(2).map(({ sessionId }) => sessionId)).toEqual(order);
    expect(world.runOf(first.id)).toMatchObject({ number: 2, feedback: 'more' });
  });

  it('list() returns recovered sessions in the order of their creation', async () => {
    const { world, host } = scene({ maxConcurrent: 1 });
    const first = await host.running({ taskId: 'first' });
    world.runOf(first.id).complete();
    await ended(host.manager, first.id);
    await host.running({ taskId: 'second' });
    await create(host, 'third');
    await host.manager.continue(first.id, 'more');
    const order = host.manager.list().map(({ taskId }) => taskId);
    expect(order).toEqual(['first', 'second', 'third']);
    await host.kill();
    const next = world.host({ maxConcurrent: 1 });
    await next.recover();
    expect(next.manager.list().map(({ taskId }) => taskId)).toEqual(order);
  });

  it('queued sessions start at once if slots are free now', async () => {
    const { world, host } = scene({ maxConcurrent: 1 });
    const running = await host.running();
    const waiting = [await create(host), await create(host)].map(({ id }) => id);
    await host.kill();
    world.runOf(running.id).complete();
    const next = world.host({ maxConcurrent: 2 });
    expectReport(await next.recover(), { closed: [running.id], requeued: waiting });
    await Promise.all(waiting.map((id) => next.manager.waitFor(id, { status: 'running' })));
    expect(next.typesOf(waiting[0] ?? '')[0]).toBe('session:recovered');
  });

  it('all queued sessions wait again despite a lower maxQueued, and a new session is refused', async () => {
    const { world, host } = scene({ maxConcurrent: 1, maxQueued: 3 });
    await host.running();
    const waiting = [await create(host), await create(host), await create(host)].map(({ id }) => id);
    await host.kill();
    const next = world.host({ maxConcurrent: 1, maxQueued: 1 });
    expectReport(await next.recover(), { adopted: [expect.any(String)], requeued: waiting });
    await errorOf(create(next), 'QUEUE_FULL');
  });

  it('a queued session that was cancelled never starts', async () => {
    const { world, host } = scene({ maxConcurrent: 1 });
    const running = await host.running();
    const { id } = await create(host);
    await host.manager.cancel(id, 'mine');
    await host.kill();
    world.runOf(running.id).complete();
    const next = world.host();
    expectReport(await next.recover(), { closed: [running.id], known: [id] });
    expect(next.manager.get(id)).toMatchObject({ status: 'cancelled', result: { error: 'mine' }, runs: [] });
    expect(world.launches).toHaveLength(1);
  });
});

describe('sessions that had ended', () => {
  it('an ended session is known unchanged after recovery and can be continued', async () => {
    const { world, host } = scene();
    const { id } = await host.running({ taskId: 'task' });
    world.runOf(id).say('Hello.').complete();
    const before = await ended(host.manager, id);
    await world.onDisk(id, ({ status }) => status === 'completed');
    await host.kill();
    const next = world.host();
    expectReport(await next.recover(), { known: [id] });
    expect(next.manager.get(id)).toEqual(before);
    expect(next.manager.list({ taskId: 'task', status: 'completed' })).toHaveLength(1);
    expect(next.executor.adoptions).toEqual([]);
    await next.manager.continue(id, 'more');
    await next.manager.waitFor(id, { status: 'running' });
    expect(world.runOf(id)).toMatchObject({ number: 2, feedback: 'more' });
  });
});

describe('a session whose create() had not resolved', () => {
  it('the folder of a session that never had a record is removed', async () => {
    const world = new World();
    for (const id of ['aaaaaaaaaaaa', 'bbbbbbbbbbbb']) await world.folder(id).create();
    writeFileSync(world.folder('bbbbbbbbbbbb').spec, '{"version":1');
    const next = world.host();
    expectReport(await next.recover(), { folders: expect.arrayContaining(['aaaaaaaaaaaa', 'bbbbbbbbbbbb']) });
    expect(readdirSync(join(world.stateDir, 'sessions'))).toEqual([]);
    expect(next.manager.list()).toEqual([]);
  });

  it('a session whose record is gone is rebuilt if a log or a container exists', async () => {
    const { world, host } = scene();
    const [a, b] = await Promise.all([host.running(), host.running()]);
    await host.kill();
    for (const session of [a, b]) rmSync(world.folder(session?.id ?? '').record);
    truncateSync(world.folder(b?.id ?? '').log);
    const next = world.host();
    const both = expect.arrayContaining([a?.id, b?.id]);
    expectReport(await next.recover(), { adopted: both, rebuilt: both });
  });
});

describe('environment variables that are not kept on disk', () => {
  const own = { docker: { env: { TOKEN: 'secret', OTHER: 'x' } } };

  it('a queued session is skipped until a later recover() provides its variables', async () => {
    const { world, host } = scene({ maxConcurrent: 1 });
    const running = await host.running();
    const { id } = await host.manager.create({ prompt: 'x', cwd: host.cwd, ...own });
    const before = textOf(id, world);
    await host.kill();
    world.runOf(running.id).complete();
    const next = world.host();
    const report = await next.recover();
    expectReport(report, { closed: [running.id], skipped: [{ id, why: expect.stringContaining('TOKEN, OTHER') }] });
    expect(next.manager.get(id)).toBeUndefined();
    expect(textOf(id, world)).toBe(before);

    const partly = await next.recover({ env: () => ({ TOKEN: 'again' }) });
    expectReport(partly, { skipped: [{ id, why: expect.stringMatching(/disk: OTHER;/) }] });

    const asked = vi.fn(() => ({ TOKEN: 'again', OTHER: 'y', UNASKED: 'z' }));
    expectReport(await next.recover({ env: asked }), { requeued: [id] });
    expect(asked.mock.calls).toEqual([[expect.objectContaining({ id, status: 'queued' }), ['TOKEN', 'OTHER']]]);
    await next.manager.waitFor(id, { status: 'running' });
    expect(world.runOf(id).env).toEqual({ TOKEN: 'again', OTHER: 'y' });
  });

  it('a session that is skipped because of its variables keeps its place in the queue', async () => {
    const { world, host } = scene({ maxConcurrent: 1 });
    const running = await host.running();
    const waiting = [await host.manager.create({ prompt: 'x', cwd: host.cwd, ...own })];
    waiting.push(await host.manager.create({ prompt: 'x', cwd: host.cwd, ...own }));
    await host.kill();
    const next = world.host({ maxConcurrent: 1 });
    await next.recover();
    const later = await create(next);
    await next.kill();
    const third = world.host({ maxConcurrent: 1 });
    await third.recover({ env: () => ({ TOKEN: 'again', OTHER: 'y' }) });
    expect(third.manager.get(running.id)?.status).toBe('running');
    const order = [...waiting, later].map(({ id }) => id);
    expect(third.manager.queueStatus().items.map(({ id }) => id)).toEqual(order);
  });

  it('a running session needs its variables only when it is continued', async () => {
    const { world, host } = scene();
    const { id } = await host.running(own);
    await host.kill();
    const next = world.host();
    expectReport(await next.recover(), { adopted: [id] });
    const { message } = await errorOf(next.manager.continue(id, 'more'), 'ENV_MISSING');
    expect(message).toContain('TOKEN, OTHER');
    expect(next.manager.get(id)).toMatchObject({ status: 'running' });
    world.runOf(id).complete();
    expect(await ended(next.manager, id)).toMatchObject({ status: 'completed' });
  });

  it('variables of the manager come from its options, and env() is not called for them', async () => {
    const docker = { env: { SHARED: 'old' } };
    const { world, host } = scene({ maxConcurrent: 1, docker });
    const running = await host.running();
    const { id } = await create(host);
    await host.kill();
    world.runOf(running.id).complete();
    const next = world.host({ docker: { env: { SHARED: 'new' } } });
    const env = vi.fn(() => ({}));
    expectReport(await next.recover({ env }), { closed: [running.id], requeued: [id] });
    expect(env).not.toHaveBeenCalled();
    await next.manager.waitFor(id, { status: 'running' });
    expect(world.runOf(id).env).toEqual({ SHARED: 'new' });
  });
});

describe('the policy of an adopted session', () => {
  const rules = [{ tool: 'Bash', matches: /x/, decision: 'deny' }] as const;

  it("an adopted session has its own policy in addition to the manager's current policy", async () => {
    const { world, host } = scene();
    world.hooked = true;
    const { id } = await host.running({ policy: { rules } });
    await host.kill();
    const next = world.host({ policy: { rules: [{ tool: 'Read', decision: 'deny' }] } });
    await next.recover();
    const ask = async (tool: string, command: string): Promise<boolean> => {
      const call = { toolUseId: tool + command, tool, input: { command } };
      return (await world.runOf(id).hooks.beforeTool(call)).allowed;
    };
    expect(await ask('Bash', 'x')).toBe(false);
    expect(await ask('Read', '')).toBe(false);
    expect(await ask('Bash', 'y')).toBe(true);
  });

  it("later runs of an adopted session use the manager's current onHostLost, not the old value", async () => {
    const { world, host } = scene({ policy: { onHostLost: 'allow' } });
    const { id } = await host.running();
    await host.kill();
    const next = world.host({ policy: { onHostLost: 'deny' } });
    await next.recover();
    world.runOf(id).complete();
    await ended(next.manager, id);
    await next.manager.continue(id, 'more');
    await next.manager.waitFor(id, { status: 'running' });
    expect(world.runOf(id)).toMatchObject({ number: 2, policy: { onHostLost: 'deny' } });
  });

  it('a detached session says so on its record, also under the next manager, and its later runs are detached', async () => {
    const { world, host } = scene();
    const { id } = await host.running({ detached: true });
    expect(world.runOf(id).policy.onHostLost).toBe('allow');
    const other = await host.running();
    expect(host.manager.list().map(({ detached }) => detached)).toEqual([true, undefined]);
    await host.kill();
    const next = world.host();
    await next.recover();
    expect([id, other.id].map((one) => next.manager.get(one)?.detached)).toEqual([true, undefined]);
    world.runOf(id).complete();
    await ended(next.manager, id);
    await next.manager.continue(id, 'more');
    await next.manager.waitFor(id, { status: 'running' });
    expect(world.runOf(id)).toMatchObject({ number: 2, policy: { onHostLost: 'allow' } });
  });

  it.each([
    ['runs', true],
    ['waits', undefined],
  ])(
    'a detached session that %s under a manager that forbids it has detached: %s on its record',
    async (how, detached) => {
      const { world, host } = scene({ maxConcurrent: 1 });
      const first = await host.running({ detached: true });
      const second = await host.manager.create({ prompt: 'x', cwd: host.cwd, detached: true });
      await host.kill();
      const next = world.host({ maxConcurrent: 1, policy: { onHostLost: 'deny' } });
      await next.recover();
      expect(next.manager.get(how === 'runs' ? first.id : second.id)?.detached).toBe(detached);
    },
  );

  it('a session shows that the policy of its manager lets it work alone', async () => {
    const { host } = scene({ policy: { onHostLost: 'allow' } });
    expect(await host.running()).toMatchObject({ detached: true });
  });

  it('a session that another one leads cannot be detached unless its leader is', async () => {
    const { world, host } = scene();
    Object.assign(host.executor, { leads: true });
    const waits = await host.running({ mode: 'orchestration' });
    await errorOf(host.running({ parentId: waits.id, detached: true }), 'INVALID_OPTIONS');
    const works = await host.running({ mode: 'orchestration', detached: true });
    for (const options of [{ parentId: works.id }, { parentId: works.id, detached: true }]) {
      const child = await host.running(options);
      expect(child.detached).toBe(true);
      world.runOf(child.id).complete();
      await ended(host.manager, child.id);
    }
  });
});

describe('a session whose files are damaged', () => {
  it('a session with a damaged record is rebuilt from its specification, log and container', async () => {
    const { world, host } = scene();
    const { id, channelCoderSession } = await host.running({ taskId: 'task' });
    world.runOf(id).say('Hello.');
    await host.kill();
    truncateSync(world.folder(id).record, 40);
    const next = world.host();
    expectReport(await next.recover(), { adopted: [id], rebuilt: [id] });
    expect(next.manager.get(id)).toMatchObject({
      status: 'running',
      taskId: 'task',
      channelCoderSession,
      metadata: { messages: 1 },
    });
    world.runOf(id).complete();
    expect(await ended(next.manager, id)).toMatchObject({ status: 'completed' });
    await world.onDisk(id, ({ status }) => status === 'completed');
    await next.manager.continue(id, 'more');
    await next.manager.waitFor(id, { status: 'running' });
    expect(world.launches).toHaveLength(2);
  });

  it('a session with a damaged specification keeps running, but tool calls and continue() are refused', async () => {
    const { world, host } = scene();
    world.hooked = true;
    const { id } = await host.running();
    await host.kill();
    writeFileSync(world.folder(id).spec, Buffer.alloc(300));
    const next = world.host();
    expectReport(await next.recover(), { adopted: [id], rebuilt: [id] });
    const verdict = await world.runOf(id).hooks.beforeTool({ toolUseId: 't', tool: 'Read', input: {} });
    expect(verdict).toMatchObject({ allowed: false, reason: expect.stringContaining('could not be read') });
    const { message } = await errorOf(next.manager.continue(id, 'more'), 'ILLEGAL_TRANSITION');
    expect(message).toContain('could not be read from the state folder');
    expect(await next.manager.cancel(id)).toMatchObject({ status: 'cancelled' });
  });

  it('a session with a damaged specification and record is rebuilt from its container', async () => {
    const { world, host } = scene();
    const { id } = await host.running();
    await host.kill();
    for (const file of [world.folder(id).spec, world.folder(id).record]) writeFileSync(file, '{');
    const next = world.host();
    expectReport(await next.recover(), { adopted: [id], rebuilt: [id] });
    expect(next.manager.get(id)).toMatchObject({ status: 'running', environment: { dockerImage: 'image' } });
    expect(world.discarded).toEqual([]);
  });

  it('a session with damaged files and without a container is skipped, and its files stay', async () => {
    const { world, host } = scene();
    const { id } = await host.running();
    await host.kill();
    for (const file of [world.folder(id).spec, world.folder(id).record]) writeFileSync(file, '{');
    world.runs.clear();
    const next = world.host();
    expectReport(await next.recover(), { skipped: [{ id, why: expect.stringContaining(world.folder(id).path) }] });
    expect(existsSync(world.folder(id).log)).toBe(true);
  });

  it("a session whose record is a copy of another session's record is rebuilt as itself", async () => {
    const { world, host } = scene();
    const [a, b] = await Promise.all([host.running(), host.running()]);
    await host.kill();
    writeFileSync(world.folder(a?.id ?? '').record, readFileSync(world.folder(b?.id ?? '').record));
    const next = world.host();
    expectReport(await next.recover(), { adopted: expect.arrayContaining([a?.id, b?.id]), rebuilt: [a?.id] });
  });
});

describe('calls that were made before the process was killed', () => {
  it('a cancel() under way is finished by the next process', async () => {
    const { world, host } = scene();
    const { id } = await host.running();
    world.runOf(id).obeys = false;
    host.manager.cancel(id, 'mine').catch(() => {});
    await eventually(() => expect(world.runOf(id).stops).toEqual(['gently']));
    await host.kill();
    world.runOf(id).obeys = true;
    const next = world.host();
    await next.recover();
    expect(await ended(next.manager, id)).toMatchObject({ status: 'cancelled', result: { error: 'mine' } });
    expect(world.runOf(id).stops).toEqual(['gently', 'gently']);
    expect(next.manager.queueStatus().running).toBe(0);
  });

  it.each([true, false])('a continue() under way is finished by the next process (run has ended: %s)', async (over) => {
    const { world, host } = scene();
    const { id } = await host.running();
    const run = world.runOf(id);
    run.obeys = false;
    host.manager.continue(id, 'more').catch(() => {});
    await eventually(() => expect(run.stops).toEqual(['gently']));
    await host.kill();
    run.obeys = true;
    if (over) run.exit({ exitCode: 143 });
    const next = world.host();
    await next.recover();
    await eventually(() => expect(world.launches).toHaveLength(2));
    expect(world.runOf(id)).toMatchObject({ number: 2, feedback: 'more' });
    await next.manager.waitFor(id, { status: 'running' });
    world.runOf(id).complete();
    expect(await ended(next.manager, id)).toMatchObject({
      status: 'completed',
      runs: [
        { number: 1, exitCode: 143 },
        { number: 2, feedback: 'more' },
      ],
    });
  });

  it('a continued session that was not yet launched is launched with its feedback', async () => {
    const { world, host } = scene();
    const { id } = await host.running();
    world.runOf(id).complete();
    await ended(host.manager, id);
    const reached = deferred<void>();
    world.beforeLaunch = () => {
      reached.resolve();
      return new Promise(() => {});
    };
    await host.manager.continue(id, 'more');
    await reached.promise;
    await host.kill();
    world.beforeLaunch = () => {};
    const next = world.host();
    expectReport(await next.recover(), { requeued: [id] });
    await next.manager.waitFor(id, { status: 'running' });
    expect(world.runOf(id)).toMatchObject({ number: 2, feedback: 'more' });
    expect(world.launches).toHaveLength(2);
  });
});

describe('a session that waits for its usage limit', () => {
  const limit = [
    { type: 'rate_limit_event', rate_limit_info: { status: 'rejected', resetsAt: 4_000_000_000 } },
    { type: 'result', subtype: 'success', is_error: true, result: 'API Error: 429 rate_limit_error' },
  ];

  async function limited() {
    const { world, host } = scene({ maxConcurrent: 1 });
    const { id } = await host.running();
    world.runOf(id).write(...limit);
    world.runOf(id).exit({ exitCode: 1 });
    const { resumeAt } = await host.manager.waitFor(id, { status: 'paused' });
    await world.onDisk(id, (session) => session.resumeAt);
    await host.kill();
    return { world, id, resumeAt };
  }

  it('an adopted session waits for its usage limit without a slot, until the same time', async () => {
    const { world, id, resumeAt } = await limited();
    const next = world.host({ maxConcurrent: 1 });
    expectReport(await next.recover(), { adopted: [id] });
    expect(next.manager.get(id)).toMatchObject({ status: 'paused', resumeAt });
    expect(next.manager.queueStatus().running).toBe(0);
    expect(world.launches).toHaveLength(1);
    await next.manager.resume(id);
    await next.manager.waitFor(id, { status: 'running' });
    expect(world.runOf(id)).toMatchObject({
      number: 2,
      feedback: expect.stringMatching(/^Continue from where you left off\./),
    });
  });

  it('an adopted session whose usage limit is over continues by itself', async () => {
    const { world, id } = await limited();
    const stored = world.stored(id);
    writeFileSync(
      world.folder(id).record,
      JSON.stringify({ ...stored, session: { ...stored.session, resumeAt: Date.now() - 1 } }),
    );
    rmSync(join(world.stateDir, 'queue-holds.json')); // The account is not at its limit any more, either.
    const next = world.host();
    await next.recover();
    await next.manager.waitFor(id, { status: 'running' });
    expect(world.runOf(id)).toMatchObject({ number: 2 });
  });
});

describe('recover()', () => {
  it('a repeated recover() changes nothing', async () => {
    const { world, host } = scene({ maxConcurrent: 1 });
    const { id } = await host.running();
    const waiting = await create(host);
    await host.kill();
    const next = world.host({ maxConcurrent: 1 });
    const [first, second] = await Promise.all([next.recover(), next.recover()]);
    expectReport(first, { adopted: [id], requeued: [waiting.id] });
    expectReport(second, {});
    const before = next.manager.list();
    expectReport(await next.recover(), {});
    expect(next.manager.list()).toEqual(before);
    expect(next.executor.adoptions).toHaveLength(1);
    expect(next.events.filter(({ type }) => type === 'session:recovered')).toHaveLength(2);
  });

  it('recover() finds nothing in an unused state folder', async () => {
    expectReport(await new World().host().recover(), {});
  });

  it('recover() and create() are refused while another manager uses the state folder', async () => {
    const { world, host } = scene();
    const { id } = await host.running();
    const next = world.host();
    const { message } = await errorOf(next.recover(), 'STATE_LOCKED');
    expect(message).toContain(world.stateDir);
    await errorOf(create(next), 'STATE_LOCKED');
    expect(next.manager.list()).toEqual([]);
    await host.manager.close();
    expectReport(await next.recover(), { adopted: [id] });
  });

  it('recover() fails and changes nothing if the engine is not available', async () => {
    const { world, host } = scene({ maxConcurrent: 1 });
    const { id } = await host.running();
    const waiting = await create(host);
    await host.kill();
    const before = [id, waiting.id].map((one) => textOf(one, world));
    world.isAway = true;
    const next = world.host({ maxConcurrent: 1 });
    await errorOf(next.recover(), 'DOCKER_UNAVAILABLE');
    expect(next.manager.list()).toEqual([]);
    expect(next.manager.queueStatus()).toMatchObject({ running: 0, queued: 0 });
    expect(next.events).toEqual([]);
    expect([id, waiting.id].map((one) => textOf(one, world))).toEqual(before);
    world.isAway = false;
    expectReport(await next.recover(), { adopted: [id], requeued: [waiting.id] });
  });

  it('recover() needs no engine if no session is open', async () => {
    const { world, host } = scene();
    const { id } = await host.running();
    world.runOf(id).complete();
    await ended(host.manager, id);
    await world.onDisk(id, ({ status }) => status === 'completed');
    await host.kill();
    world.isAway = true;
    expectReport(await world.host().recover(), { known: [id] });
  });

  it('a create() that is called during recover() is queued behind the recovered sessions', async () => {
    const { world, host } = scene({ maxConcurrent: 1 });
    await host.running();
    const waiting = await create(host);
    await host.kill();
    const next = world.host({ maxConcurrent: 1 });
    const [, created] = await Promise.all([next.recover(), create(next)]);
    expect(created).toMatchObject({ status: 'queued', queuePosition: 2 });
    expect(next.manager.queueStatus().items.map(({ id }) => id)).toEqual([waiting.id, created.id]);
    expect(world.stored(created.id).ticket).toBeGreaterThan(world.stored(waiting.id).ticket);
  });

  it('recover() does not touch a session whose create() is under way', async () => {
    const { world, host } = scene();
    await host.recover();
    const gate = deferred<void>();
    const prepare = vi.spyOn(host.executor, 'prepare');
    prepare.mockImplementationOnce(async (spec) => {
      await gate.promise;
      return { environment: { docker: true, dockerImage: 'image', cwd: spec.cwd } };
    });
    // The second waits for the first, which was called before it; it has its folder already.
    const first = create(host);
    const second = create(host);
    second.catch(() => {});
    await eventually(() => expect(readdirSync(join(world.stateDir, 'sessions'))).toHaveLength(1));
    await host.recover();
    gate.resolve();
    await first;
    await expect(second).resolves.toMatchObject({ status: 'starting' });
  });

  it('recover() is refused by a closed manager', async () => {
    const { host } = scene();
    await host.manager.close();
    await errorOf(host.recover(), 'MANAGER_CLOSED');
  });

  it('recover() removes the containers that belong to no session or run, and no others', async () => {
    const { world, host } = scene({ maxConcurrent: 1 });
    const { id } = await host.running();
    const skipped = await host.manager.create({ prompt: 'x', cwd: host.cwd, docker: { env: { A: '1' } } });
    await host.kill();
    const run = world.runOf(id);
    for (const [name, sessionId, number] of [
      ['ao-unknown', 'zzzzzzzzzzzz', 1],
      ['ao-probe', '', 0],
      ['ao-earlier', id, 7],
      ['ao-skipped', skipped.id, 1],
    ] as const)
      world.runs.set(name, Object.assign(Object.create(run), { name, sessionId, number }));
    const next = world.host();
    const { containers, adopted } = await next.recover();
    expect(adopted).toEqual([id]);
    expect([...containers].sort()).toEqual(['ao-earlier', 'ao-probe', 'ao-unknown']);
    expect([...world.runs.keys()].sort()).toEqual([run.name, 'ao-skipped'].sort());
  });
});

describe('a manager that is closed', () => {
  it('close() writes everything and frees the state folder for another manager in the same process', async () => {
    const { world, host } = scene({ maxConcurrent: 2 });
    const [done, running] = await Promise.all([host.running(), host.running()]);
    world.runOf(done?.id ?? '').complete();
    await ended(host.manager, done?.id ?? '');
    const filling = await host.running();
    const waiting = await create(host);
    const closing = host.manager.close();
    await closing;
    expect(world.stored(done?.id ?? '').session.status).toBe('completed');
    expect(readdirSync(world.stateDir).filter((name) => name.startsWith('lock.draft'))).toEqual([]);

    const next = world.host({ maxConcurrent: 2 });
    expectReport(await next.recover(), {
      known: [done?.id],
      adopted: expect.arrayContaining([running?.id, filling.id]),
      requeued: [waiting.id],
    });
    expect(world.launches).toHaveLength(3);
  });

  it('close() keeps the state folder locked until everything is written', async () => {
    const { world, host } = scene();
    const { id } = await host.running();
    const [writing, gate] = [deferred<void>(), deferred<void>()];
    writes.mockImplementationOnce(async (path, text) => {
      writing.resolve();
      await gate.promise;
      writeFileSync(path, text);
    });
    await host.manager.pause(id);
    await writing.promise;
    const closing = host.manager.close();
    const next = world.host();
    for (let turns = 0; turns < 20; turns++) await errorOf(next.recover(), 'STATE_LOCKED');
    gate.resolve();
    await closing;
    expect(world.stored(id).session.status).toBe('paused');
    expectReport(await next.recover(), { adopted: [id] });
  });
});

describe('a disk that cannot be written', () => {
  const obstacle = (world: World, id: string): string => join(world.folder(id).path, '.session.json.part');

  it('a running session is ended if its record cannot be written', async () => {
    const { world, host } = scene();
    const { id } = await host.running();
    mkdirSync(obstacle(world, id));
    await host.manager.pause(id).catch(() => {});
    expect(await ended(host.manager, id)).toMatchObject({
      status: 'failed',
      result: { reason: 'STATE_NOT_WRITABLE', error: expect.stringContaining('EISDIR') },
    });
    expect(world.runOf(id).over).toBe(true);
    expect(world.runs.size).toBe(0);
    expect(host.manager.queueStatus().running).toBe(0);
  });

  it('a run is not launched if its record cannot be written', async () => {
    const { world, host } = scene();
    world.beforePlaced = (name) => {
      const path = obstacle(world, name.slice(3, 15));
      const made = join(tempFolder(), 'made');
      mkdirSync(made);
      // The record is being written at this moment, and its file may come back between the two steps.
      for (let isThere = false; !isThere; ) {
        rmSync(path, { force: true, recursive: true });
        try {
          renameSync(made, path);
          isThere = true;
        } catch {}
      }
    };
    const { id } = await create(host);
    expect(await ended(host.manager, id)).toMatchObject({
      status: 'failed',
      result: { reason: 'STATE_NOT_WRITABLE' },
    });
    expect(world.launches).toEqual([]);
  });

  it('create() is refused and leaves no files if the session cannot be written', async () => {
    const { world, host } = scene({ maxConcurrent: 1, maxQueued: 0 });
    const prepare = vi.spyOn(SessionFolder.prototype, 'create').mockImplementationOnce(async function (
      this: SessionFolder,
    ) {
      mkdirSync(join(this.path, '.spec.json.part'), { recursive: true });
    });
    await errorOf(create(host), 'STATE_NOT_WRITABLE');
    prepare.mockRestore();
    expect(host.manager.list()).toEqual([]);
    expect(readdirSync(join(world.stateDir, 'sessions'))).toEqual([]);
    await host.running();
  });

  it('steer() is refused with an error code if the message cannot be written', async () => {
    const { world, host } = scene();
    world.hooked = true;
    const { id } = await host.running();
    mkdirSync(join(world.folder(id).path, '.steering.json.part'));
    await errorOf(host.manager.steer(id, 'x'), 'STATE_NOT_WRITABLE');
  });
});

describe('a process that is killed at any moment', () => {
  it('whenever the process is killed, no session is lost, no run starts twice, and each session ends once', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 1, max: 6 }),
        fc.integer({ min: 1, max: 3 }),
        fc.array(fc.integer({ min: 0, max: 60 }), { minLength: 1, maxLength: 3 }),
        async (count, maxConcurrent, kills) => {
          const world = new World();
          world.stateDir = tempFolder();
          world.onLaunch = (run) => {
            run.begin().say('Hello.').complete();
          };
          let host = world.host({ maxConcurrent });
          const promised: string[] = [];
          for (let index = 0; index < count; index++) {
            void create(host, `${index}`).then(
              ({ id }) => promised.push(id),
              () => {},
            );
          }
          for (const turns of kills) {
            for (let passed = 0; passed < turns; passed++) await turn();
            // Only the sessions whose create() has resolved by now must survive.
            const told = [...promised];
            await host.kill();
            promised.splice(0, promised.length, ...told);
            host = world.host({ maxConcurrent });
            await host.recover();
          }
          const sessions = host.manager.list();
          expect(sessions.map(({ id }) => id)).toEqual(expect.arrayContaining(promised));
          for (const { id } of sessions) {
            expect(await ended(host.manager, id)).toMatchObject({ status: 'completed', runs: [{ number: 1 }] });
            expect(world.launches.filter(({ sessionId }) => sessionId === id)).toHaveLength(1);
          }
          expect(host.manager.queueStatus()).toMatchObject({ running: 0, queued: 0 });
          expect(world.runs.size).toBe(0);
        },
      ),
      { numRuns: 40 },
    );
  });
});
