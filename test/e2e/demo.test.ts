import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { containersBelow, engine, tempFolder } from './support.js';

/** Runs the demo; `interruptAt` sends Ctrl-C's signal as soon as the output holds it. */
async function demo(env: NodeJS.ProcessEnv, interruptAt?: string): Promise<{ code: number | null; output: string }> {
  const args = ['--import', 'tsx', join(import.meta.dirname, '../../examples/demo.ts')];
  const child = spawn(process.execPath, args, { env: { ...process.env, ...env }, stdio: ['ignore', 'pipe', 'pipe'] });
  onTestFinished(() => void child.kill('SIGKILL'));
  let output = '';
  let interrupted = false;
  const read = (chunk: Buffer): void => {
    output += String(chunk);
    if (interruptAt === undefined || interrupted || !output.includes(interruptAt)) return;
    interrupted = true;
    child.kill('SIGINT');
  };
  child.stdout.on('data', read);
  child.stderr.on('data', read);
  const [code] = (await once(child, 'close')) as [number | null];
  return { code, output };
}

it('demo.ts runs five sessions in Docker if the engine and the image are available', async () => {
  const { code, output } = await demo({ DOCKER_HOST: engine.host });
  expect(output).toContain('Five sessions in Docker (my-claude:authenticated)');
  expect(output.match(/: queued at position/g)).toHaveLength(2);
  expect(output.match(/: completed after/g)).toHaveLength(5);
  expect(output).toContain('5 of 5 sessions completed');
  expect(code).toBe(0);
});

it('demo.ts simulates five sessions without an engine, and says why', async () => {
  const { code, output } = await demo({ DOCKER_HOST: 'unix:///nonexistent/docker.sock' });
  expect(output).toMatch(/Five simulated sessions, three at a time: No Docker engine answers/);
  expect(output).toContain('5 of 5 sessions completed');
  expect(code).toBe(0);
});

it('demo.ts cancels its sessions on Ctrl-C and leaves no container', async () => {
  const folder = await tempFolder(0);
  const { code, output } = await demo({ DOCKER_HOST: engine.host, TMPDIR: folder }, ': started');
  expect(output).toContain(': cancelled');
  expect(code).toBe(130);
  expect(await containersBelow(folder)).toEqual([]);
});
