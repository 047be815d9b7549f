import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type SessionEvent, UnifiedSessionManager } from 'autonomous-orchestration';
import { describe, expect, it, onTestFinished } from 'vitest';
import {
  attempt,
  bash,
  containersGone,
  containersOf,
  docker,
  engine,
  nextEvent,
  RELEASES,
  repository,
  scripted,
  stateFolder,
  tempFolder,
  testManager,
} from './support.js';

const image = engine.newestImage;
const SECRET = 'a-secret-of-the-environment';

/** Removes the caches of a repository, or of a folder without git, after the test. */
function removeCachesOf(scope: string): void {
  onTestFinished(async () => {
    const filter = `label=autonomous-orchestration.cache-of=${scope}`;
    const names = await docker('volume', 'ls', '--quiet', '--filter', filter);
    if (names !== '') await attempt('docker', ['volume', 'rm', ...names.split('\n')], { env: process.env });
  });
}

const setupEvents = (events: readonly SessionEvent[]) =>
  events.flatMap((event) => (event.type === 'session:setup' ? [event] : []));

describe('a session with setup and caches', () => {
  it.each(RELEASES)(
    'with Claude Code $version, the worktree is ready when the agent begins, and the next session finds its cache warm',
    async ({ image }) => {
      const { manager, events } = await testManager({
        setup: [
          { run: 'id -u; pwd; mkdir -p deps && cp "$npm_config_cache"/package deps/ 2>/dev/null || echo cold' },
          {
            run: `echo '{"type":"result","subtype":"success","is_error":false}'; echo $TOKEN; echo warm > "$npm_config_cache/package"`,
          },
        ],
        caches: ['npm'],
      });
      const cwd = await repository();
      removeCachesOf(`${cwd}/.git`);
      const look = scripted(bash('ls -a > seen; cat deps/package >> seen'), { text: 'Done.' }).docker;
      const create = (branch: string) =>
        manager.create({
          prompt: 'Go',
          cwd,
          worktree: branch,
          docker: { image, user: '0:0', env: { ...look.env, TOKEN: SECRET } },
        });
      const first = await create('one');
      const ended = await manager.waitFor(first.id);
      expect(ended).toMatchObject({ status: 'completed', result: { text: 'Done.' } });
      expect(ended.runs[0]?.setup).toMatchObject([
        { exitCode: 0, output: '0\n/workspace\ncold\n' },
        { exitCode: 0, output: expect.stringContaining('***') },
      ]);
      const ofFirst = setupEvents(events);
      // A command's output may come in several parts.
      const told = ofFirst.map(({ index, state }) => `${index} ${state}`);
      expect(told.filter((one, at) => one !== told[at - 1])).toEqual([
        ...['0 begun', '0 output', '0 ended', '1 begun', '1 output', '1 ended'],
      ]);
      expect(JSON.stringify(events)).not.toContain(SECRET);
      // The setup is over before the agent says anything.
      const agent = events.findIndex(({ type }) => type === 'session:tool');
      expect(events.indexOf(ofFirst.at(-1) as SessionEvent)).toBeLessThan(agent);

      const second = await create('two');
      const next = await manager.waitFor(second.id);
      expect(next).toMatchObject({ status: 'completed' });
      const seen = await readFile(join(next.environment.worktree ?? '', 'seen'), 'utf8');
      expect(seen).toContain('deps\n');
      expect(seen).toContain('warm\n');

      await manager.continue(second.id, 'Again');
      expect((await manager.waitFor(second.id)).runs[1]?.setup).toMatchObject([{ exitCode: 0 }, { exitCode: 0 }]);
    },
  );

  it('a setup that fails, hangs with children, or asks for input ends the session, and leaves no container', async () => {
    const { manager, events } = await testManager({ maxConcurrent: 4 });
    const cases = {
      fails: { run: 'echo "no such package" >&2; exit 7' },
      hangs: { run: "trap '' TERM INT; (trap '' TERM; exec sleep 300) & sleep 300", timeoutMs: 2_000 },
      asks: { run: 'echo "Continue? [y/n]"; read answer || exit 9' },
      forks: { run: '(sleep 300; echo late) & (while :; do echo noise; done) & sleep 0.2; exit 5' },
    };
    const ended = await Promise.all(
      Object.values(cases).map(async (command) => {
        const { id } = await manager.create({
          prompt: 'Go',
          cwd: await tempFolder(),
          docker: { image, ...scripted({ text: 'never' }).docker },
          setup: [command, { run: 'echo never' }],
        });
        return manager.waitFor(id);
      }),
    );
    const errors = ended.map(({ status, result }) => `${status} ${result?.reason} ${result?.error}`);
    expect(errors[0]).toMatch(/^failed SETUP_FAILED .*setup\[0\].*exit code 7.*no such package/);
    expect(errors[1]).toMatch(/^failed SETUP_FAILED .*took longer than its timeoutMs \(2000 ms\)/);
    expect(errors[2]).toMatch(/^failed SETUP_FAILED .*exit code 9.*Continue\?/);
    expect(errors[3]).toMatch(/^failed SETUP_FAILED .*exit code 5/);
    expect(setupEvents(events).filter(({ index }) => index === 1)).toEqual([]);
    expect(ended.map(({ runs }) => runs[0]?.setup?.[0]?.exitCode)).toEqual([7, 137, 9, 5]);
    for (const { id } of ended) await containersGone({ id });
  });

  it('a setup goes on while no process is there, can be frozen, and the next process sees all of it', async () => {
    const stateDir = await stateFolder();
    const cwd = await tempFolder();
    const first = new UnifiedSessionManager({ stateDir });
    const begun = nextEvent(first, (event) => event.type === 'session:setup' && event.state === 'output');
    const { id } = await first.create({
      prompt: 'Go',
      cwd,
      docker: { image, ...scripted(bash('cat ready'), { text: 'Done.' }).docker },
      setup: [{ run: 'echo waiting; until [ -e go ]; do sleep 0.1; done; echo went > ready' }],
      limits: { startMs: 60_000 },
    });
    await begun;
    await first.pause(id);
    await first.resume(id);
    await first.close();

    const { manager, events } = await testManager({ stateDir });
    await manager.recover();
    expect(manager.get(id)).toMatchObject({ status: 'running' });
    await writeFile(join(cwd, 'go'), '');
    const ended = await manager.waitFor(id);
    expect(ended).toMatchObject({ status: 'completed', result: { text: 'Done.' } });
    expect(ended.runs).toMatchObject([{ setup: [{ exitCode: 0, output: 'waiting\n' }] }]);
    expect(setupEvents(events).map(({ state, replayed }) => `${state} ${replayed === true}`)).toEqual([
      ...['begun true', 'output true', 'ended false'],
    ]);
  });

  it('a cancelled session ends during its setup', async () => {
    const { manager } = await testManager();
    const begun = nextEvent(manager, (event) => event.type === 'session:setup');
    const { id } = await manager.create({
      prompt: 'Go',
      cwd: await tempFolder(),
      docker: { image },
      setup: [{ run: 'sleep 300' }],
    });
    await begun;
    expect(await manager.cancel(id)).toMatchObject({ status: 'cancelled' });
    expect(await containersOf({ id })).toEqual([]);
  });

  it('a terminal shows the setup, and the agent begins after it', async () => {
    const { manager, events } = await testManager();
    const waits = nextEvent(manager, ({ type }) => type === 'session:waiting');
    const { id } = await manager.create({
      mode: 'interactive',
      prompt: 'Go',
      cwd: await tempFolder(),
      docker: { image, ...scripted({ text: 'Hello.' }).docker },
      setup: [{ run: 'echo from-the-setup' }],
    });
    await waits;
    expect(setupEvents(events).map(({ state, text = '' }) => state + text)).toEqual([
      ...['begun', 'outputfrom-the-setup\n', 'ended'],
    ]);
    expect(await docker('logs', `ao-${id}-1`)).toContain('from-the-setup');
    await manager.cancel(id);
  });

  it('sessions at the same moment have a cache each, and a cache that holds too much is emptied', async () => {
    const { manager } = await testManager();
    const cwd = await tempFolder();
    removeCachesOf(cwd);
    const create = (run: string, maxBytes = 1_000_000) =>
      manager.create({
        prompt: 'Go',
        cwd,
        docker: { image, ...scripted({ text: 'Done.' }).docker },
        caches: [{ name: 'mine', target: '/mine', maxBytes }],
        setup: [{ run }],
      });
    const both = await Promise.all([
      create('echo one > /mine/by; until [ -e /workspace/b ]; do sleep 0.1; done; touch /workspace/a; cat /mine/by'),
      create('echo two > /mine/by; touch /workspace/b; until [ -e /workspace/a ]; do sleep 0.1; done; cat /mine/by'),
    ]);
    const ended = await Promise.all(both.map(({ id }) => manager.waitFor(id)));
    expect(ended.map(({ runs }) => runs[0]?.setup?.[0]?.output)).toEqual(['one\n', 'two\n']);

    const full = await create('head -c 3000000 /dev/zero > /mine/large');
    expect(await manager.waitFor(full.id)).toMatchObject({ status: 'completed' });
    const label = `label=autonomous-orchestration.cache-of=${cwd}`;
    const count = async (): Promise<number> =>
      (await docker('volume', 'ls', '--quiet', '--filter', label)).split('\n').filter(Boolean).length;
    await expect.poll(count, { timeout: 60_000, interval: 200 }).toBe(1);
    const after = await create('ls /mine');
    const { runs, metadata } = await manager.waitFor(after.id);
    expect(runs[0]?.setup?.[0]).toMatchObject({ exitCode: 0, output: '' });
    expect(metadata.diagnostics).toEqual([expect.stringContaining('maxBytes is 1000000')]);
  });
});
