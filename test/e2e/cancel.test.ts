import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import {
  attempt,
  bash,
  containersGone,
  containersOf,
  docker,
  nextEvent,
  scripted,
  tempFolder,
  testManager,
} from './support.js';

describe('cancel', () => {
  it('cancel() ends a running tool call and its container, and the next session starts', async () => {
    const { manager, events } = await testManager({ maxConcurrent: 1 });
    const cwd = await tempFolder();
    const calls = nextEvent(manager, ({ type }) => type === 'session:tool');
    const running = await manager.create({ ...scripted(bash('sleep 300')), prompt: 'Wait', cwd });
    const next = await manager.create({ ...scripted({ text: 'ok' }), prompt: 'Then this', cwd });
    await calls;

    const [first, second] = await Promise.all([
      manager.cancel(running.id, 'it went astray'),
      manager.cancel(running.id),
    ]);

    expect(first).toMatchObject({ status: 'cancelled', result: { reason: 'cancelled', error: 'it went astray' } });
    expect(second).toBe(first);
    expect((await attempt('docker', ['inspect', `ao-${running.id}-1`])).code).not.toBe(0);
    expect(events.filter(({ type }) => type === 'session:cancelled')).toHaveLength(1);
    expect(await manager.waitFor(next.id)).toMatchObject({ status: 'completed' });
    expect(await manager.cancel(running.id)).toBe(first);
  });

  it('a queued session that is cancelled never starts', async () => {
    const { manager, events } = await testManager({ maxConcurrent: 1 });
    const cwd = await tempFolder();
    const waits = bash('until [ -e go ]; do sleep 0.05; done');
    const running = await manager.create({ ...scripted(waits, { text: 'ok' }), prompt: 'One', cwd });
    const waiting = await manager.create({ ...scripted({ text: 'ok' }), prompt: 'Two', cwd });
    const last = await manager.create({ ...scripted({ text: 'ok' }), prompt: 'Three', cwd });
    expect(manager.get(last.id)?.queuePosition).toBe(2);

    expect(await manager.cancel(waiting.id)).toMatchObject({ status: 'cancelled', runs: [] });

    expect(manager.get(last.id)?.queuePosition).toBe(1);
    await writeFile(join(cwd, 'go'), '');
    await Promise.all([running, last].map(({ id }) => manager.waitFor(id)));
    expect(events.filter(({ type, sessionId }) => type === 'session:started' && sessionId === waiting.id)).toEqual([]);
  });

  it('cancel() leaves no container if the container was just being created', async () => {
    const { manager } = await testManager();
    const session = await manager.create({ ...scripted(bash('sleep 300')), prompt: 'Wait', cwd: await tempFolder() });
    expect(manager.get(session.id)?.status).toBe('starting');
    expect(await manager.cancel(session.id)).toMatchObject({ status: 'cancelled' });
    expect(await containersOf(session)).toEqual([]);
  });

  it('an abort signal refuses create() at first, and cancels the session later', async () => {
    const { manager } = await testManager();
    const cwd = await tempFolder();
    await expect(
      manager.create({ prompt: 'x', cwd, signal: AbortSignal.abort(new Error('too late')) }),
    ).rejects.toThrow('too late');
    expect(manager.list()).toEqual([]);

    const controller = new AbortController();
    const session = await manager.create({
      ...scripted(bash('sleep 300')),
      prompt: 'Wait',
      cwd,
      signal: controller.signal,
    });
    controller.abort();
    expect(await manager.waitFor(session.id)).toMatchObject({ status: 'cancelled' });
    await containersGone(session);
  });
});

describe('close', () => {
  it("close() with sessions: 'cancel' ends every session, and queued sessions never start", async () => {
    const { manager, events, stateDir } = await testManager({ maxConcurrent: 1 });
    const cwd = await tempFolder();
    const options = { ...scripted(bash('sleep 300')), prompt: 'Wait', cwd };
    const calls = nextEvent(manager, ({ type }) => type === 'session:tool');
    const sessions = [await manager.create(options), await manager.create(options)];
    await calls;
    await manager.close({ sessions: 'cancel' });
    expect(sessions.map(({ id }) => manager.get(id)?.status)).toEqual(['cancelled', 'cancelled']);
    expect(events.filter(({ type }) => type === 'session:started')).toHaveLength(1);
    expect(await containersOf({ stateDir })).toEqual([]);
    await expect(manager.create(options)).rejects.toMatchObject({ code: 'MANAGER_CLOSED' });
  });

  it('close() leaves the containers running by default', async () => {
    const { manager } = await testManager();
    const session = await manager.create({ ...scripted(bash('sleep 300')), prompt: 'Wait', cwd: await tempFolder() });
    await nextEvent(manager, ({ type }) => type === 'session:tool');
    const waiting = manager.waitFor(session.id);
    const closed = expect(waiting).rejects.toMatchObject({ code: 'MANAGER_CLOSED' });
    await manager.close();
    await closed;
    expect(await containersOf(session)).toEqual([`ao-${session.id}-1`]);
    await docker('rm', '--force', `ao-${session.id}-1`);
  });
});
