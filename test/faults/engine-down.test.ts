import { readdir } from 'node:fs/promises';
import { createServer, type Socket } from 'node:net';
import { join } from 'node:path';
import { AutonomousExecutor } from 'autonomous-orchestration';
import { expect, it, onTestFinished } from 'vitest';
import { attempt, figure, stateFolder, tempFolder, testManager } from './support.js';

it.each(['there is no socket', 'nobody listens', 'nobody answers'])('create() needs an engine: %s', async (which) => {
  const stateDir = await stateFolder();
  const socket = join(stateDir, 'engine.sock');
  if (which !== 'there is no socket') await listen(socket, which === 'nobody listens');
  const executor = new AutonomousExecutor({ stateDir, env: { ...process.env, DOCKER_HOST: `unix://${socket}` } });
  const { manager } = await testManager({ stateDir, executors: { autonomous: executor } });
  const began = performance.now();
  await expect(manager.create({ prompt: 'x', cwd: await tempFolder() })).rejects.toMatchObject({
    code: 'DOCKER_UNAVAILABLE',
    message: expect.stringContaining('DOCKER_HOST'),
  });
  figure(`DOCKER_UNAVAILABLE where ${which}`, `${Math.round(performance.now() - began)} ms`);
  expect(manager.list()).toEqual([]);
  expect(manager.queueStatus()).toMatchObject({ running: 0, queued: 0 });
  expect(await readdir(stateDir)).not.toContain('sessions');
});

/** A server that accepts connections and never answers; or, if `dead`, the socket that a killed server left behind. */
async function listen(path: string, dead: boolean): Promise<void> {
  if (dead) {
    const killed = `require('node:net').createServer().listen(process.argv[1], () => process.kill(process.pid, 'SIGKILL'))`;
    await attempt(process.execPath, ['-e', killed, path]);
    return;
  }
  const sockets = new Set<Socket>();
  const server = createServer((socket) => void sockets.add(socket.on('error', () => {})));
  await new Promise<void>((resolve) => server.listen(path, resolve));
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
}
