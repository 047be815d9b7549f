import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { AutonomousExecutor, type SessionManagerOptions } from 'autonomous-orchestration';
import { expect, it } from 'vitest';
import { claudeOnHost } from './claude-on-host.js';
import { Host } from './hosts.js';
import { bash, type ModelTurn, nextEvent, stateFolder, tempFolder, testManager } from './support.js';

async function environment(script: readonly ModelTurn[]): Promise<NodeJS.ProcessEnv> {
  return {
    ...process.env,
    HOME: await tempFolder(0),
    PATH: `${await claudeOnHost()}:${process.env.PATH}`,
    MODEL_SCRIPT: JSON.stringify(script),
  };
}

/** A session without Docker, with this script of the model. */
async function onHost(script: readonly ModelTurn[], options: SessionManagerOptions = {}) {
  const stateDir = await stateFolder();
  const cwd = await tempFolder(0);
  const env = await environment(script);
  const executor = new AutonomousExecutor({ stateDir, env });
  const { manager } = await testManager({ stateDir, executors: { autonomous: executor }, ...options });
  return { manager, cwd };
}

it("docker: false runs the user's own Claude Code and does not skip its permissions", async () => {
  const script = [bash('touch forbidden.txt'), { text: 'I was not allowed to.' }];
  const { manager, cwd } = await onHost(script);

  const { id } = await manager.create({ prompt: 'Touch it', cwd, docker: false });
  const ended = await manager.waitFor(id);

  expect(ended).toMatchObject({ status: 'completed', result: { text: 'I was not allowed to.', exitCode: 0 } });
  expect(ended.environment).toEqual({ docker: false, dockerImage: '', cwd });
  expect(ended.metadata.toolsUsed).toMatchObject([{ name: 'Bash', outcome: 'denied' }]);
  expect(ended.metadata.errors).toMatchObject([{ severity: 'warning', code: 'denied' }]);
  await expect(readFile(join(cwd, 'forbidden.txt'))).rejects.toMatchObject({ code: 'ENOENT' });
});

it('docker: false supports the guard, steering and pause', async () => {
  const policy = { rules: [{ tool: 'Bash', matches: /forbidden/, decision: 'deny' as const, reason: 'Not that.' }] };
  const turns = [
    bash('touch forbidden.txt'),
    bash('until [ -e go ]; do sleep 0.05; done; touch allowed.txt'),
    { text: 'Finished.' },
    { history: true },
  ];
  const { manager, cwd } = await onHost(turns, { policy });
  const options = {
    prompt: 'Touch them',
    cwd,
    docker: false as const,
    tools: ['Bash'],
    limits: { durationMs: 60_000 },
  };
  const { id } = await manager.create(options);
  await nextEvent(manager, (event) => event.type === 'session:tool' && event.session.metadata.toolsUsed.length === 2);
  expect(await manager.pause(id)).toMatchObject({ status: 'paused' });
  expect(await manager.resume(id)).toMatchObject({ status: 'running' });
  const steered = manager.steer(id, 'Tell me what you heard');
  await writeFile(join(cwd, 'go'), '');
  const ended = await manager.waitFor(id);
  await steered;

  expect(ended.status).toBe('completed');
  expect(ended.metadata.toolsUsed.map(({ outcome }) => outcome)).toEqual(['denied', 'ok']);
  await expect(readFile(join(cwd, 'forbidden.txt'))).rejects.toMatchObject({ code: 'ENOENT' });
  expect(await readFile(join(cwd, 'allowed.txt'), 'utf8')).toBe('');
});

it.each(['while it runs', 'when it has ended'])(
  'a session with docker: false survives its process and is taken over %s',
  async (when) => {
    const stateDir = await stateFolder();
    const cwd = await tempFolder(0);
    const env = await environment([
      bash('echo run >> runs.txt; until [ -e go ]; do sleep 0.05; done'),
      { text: 'Done.' },
    ]);
    const session = { prompt: 'Go', cwd, docker: false as const, tools: ['Bash'] };
    const host = new Host({ stateDir, session, manager: { policy: { onHostLost: 'allow' } } }, env);
    const id = await host.when('session:tool');
    await host.kill();
    const log = join(stateDir, 'sessions', id, 'stream.log');
    const go = () => writeFile(join(cwd, 'go'), '');
    if (when === 'when it has ended') {
      await go();
      await expect.poll(() => readFile(log, 'utf8')).toContain('"result":"Done."');
    }
    const executor = new AutonomousExecutor({ stateDir, env });
    const { manager } = await testManager({ stateDir, executors: { autonomous: executor } });
    const report = await manager.recover();
    // Claude Code ends a moment after its last line.
    expect([...report.adopted, ...report.closed]).toEqual([id]);
    await go();
    expect(await manager.waitFor(id)).toMatchObject({ status: 'completed', result: { text: 'Done.' }, runs: [{}] });
    expect(await readFile(join(cwd, 'runs.txt'), 'utf8')).toBe('run\n');
  },
);
