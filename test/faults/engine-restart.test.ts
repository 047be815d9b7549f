import { AutonomousExecutor, type UnifiedSession } from 'autonomous-orchestration';
import { afterAll, beforeAll, describe, expect, it, onTestFinished, vi } from 'vitest';
import { PrivateEngine } from './private-engine.js';
import { countEnds, endedGone, figure, quick, stateFolder, tempFolder, testManager, until } from './support.js';

let engine: PrivateEngine;

beforeAll(async () => {
  engine = await PrivateEngine.start();
});
afterAll(() => engine?.remove());

/** Two sessions that run, and a queued one. */
async function scene() {
  const stateDir = await stateFolder();
  const executor = new AutonomousExecutor({ stateDir, env: { ...process.env, DOCKER_HOST: engine.host } });
  const { manager } = await testManager({ stateDir, executors: { autonomous: executor }, maxConcurrent: 2 });
  const ends = countEnds(manager);
  const cwd = await tempFolder();
  const patient = { ...quick('init; say before; sleep 300; result'), cwd };
  const brief = { ...quick('init; result'), prompt: 'x', cwd };
  const said = new Set<string>();
  const bothSaid = new Promise<void>((resolve) =>
    manager.on('session:message', ({ sessionId }) => said.add(sessionId).size === 2 && resolve()),
  );
  const running = await Promise.all([1, 2].map((n) => manager.create({ ...patient, prompt: `${n}` })));
  const waiting = await manager.create(brief);
  await bothSaid;
  return { manager, ends, running, waiting, brief };
}

type Scene = Awaited<ReturnType<typeof scene>>;

/** All sessions have ended once each, the slots are free, and the next session runs. */
async function allOver({ manager, ends, running, waiting, brief }: Scene): Promise<UnifiedSession[]> {
  const sessions = await Promise.all([...running, waiting].map(({ id }) => manager.waitFor(id)));
  const next = await manager.create(brief);
  expect(await manager.waitFor(next.id)).toMatchObject({ status: 'completed' });
  await endedGone(manager);
  expect(manager.queueStatus()).toMatchObject({ running: 0, queued: 0 });
  expect([...ends.values()]).toEqual([1, 1, 1, 1]);
  return sessions;
}

const told = ({ status, result }: UnifiedSession): string =>
  `${status} (${result?.reason}, exit code ${result?.exitCode})`;

describe('dockerd with two running sessions and a queued one', () => {
  it.each(['SIGTERM', 'SIGKILL'] as const)(
    'sessions fail and leave no container when dockerd is ended with %s and started again',
    async (signal) => {
      const made = await scene();
      const began = performance.now();
      await engine.end(signal);
      await engine.start();
      const sessions = await allOver(made);
      for (const { status, result } of sessions.slice(0, 2)) {
        expect(status).toBe('failed');
        expect(result?.error).toBeTruthy();
      }
      expect(await engine.docker('ps', '--all', '--quiet')).toBe('');
      figure(
        `dockerd ${signal}`,
        `${sessions.map(told).join('; ')}; ${Math.round(performance.now() - began)} ms in all`,
      );
    },
  );

  it.each(['SIGTERM', 'SIGKILL'] as const)(
    'sessions whose dockerd has live restore fail because their logs are lost, after %s and a restart',
    async (signal) => {
      await engine.end('SIGTERM');
      await engine.start({ liveRestore: true });
      const made = await scene();
      const began = performance.now();
      await engine.end(signal);
      await engine.start({ liveRestore: true });
      const sessions = await allOver(made);
      for (const { status, result } of sessions.slice(0, 2)) {
        expect(status).toBe('failed');
        expect(result?.reason).toBe('log_lost');
        expect(result?.error).toMatch(/docker client that writes the log ended.*engine.*restarted/);
      }
      expect(await engine.docker('ps', '--all', '--quiet')).toBe('');
      figure(
        `dockerd ${signal}, live restore`,
        `${sessions.map(told).join('; ')}; ${Math.round(performance.now() - began)} ms in all`,
      );
    },
  );

  it('sessions fail half a minute after dockerd is gone, and the manager works when dockerd is back', async () => {
    const made = await scene();
    await engine.end('SIGKILL');
    let skipped = 0;
    const now = performance.now.bind(performance);
    const clock = vi.spyOn(performance, 'now').mockImplementation(() => now() + skipped);
    onTestFinished(() => clock.mockRestore());
    await expect(made.manager.create(made.brief)).rejects.toMatchObject({ code: 'DOCKER_UNAVAILABLE' });
    expect(made.manager.list({ status: 'running' })).toHaveLength(2);
    // Time passes sixty times as fast, so that every wait of half a minute is over soon.
    const all = [...made.running, made.waiting];
    await until('the end of all', () => {
      skipped += 1_200;
      return all.every(({ id }) => made.manager.get(id)?.status === 'failed');
    });
    const sessions = await Promise.all(all.map(({ id }) => made.manager.waitFor(id)));
    expect(sessions.map(({ result }) => result?.reason)).toEqual(Array(3).fill('DOCKER_UNAVAILABLE'));
    await endedGone(made.manager);
    expect(made.manager.queueStatus()).toMatchObject({ running: 0, queued: 0 });
    await engine.start();
    await allOver(made);
    const left = (await engine.docker('ps', '--all', '--quiet')).split('\n').filter(Boolean).length;
    figure('dockerd gone', `${sessions.map(told).join('; ')}; ${left} stopped containers for a later sweep`);
  });
});
