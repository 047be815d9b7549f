import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { expect, it, onTestFinished } from 'vitest';
import { bash, docker, scripted, tempFolder } from './support.js';

it('a session goes on when its host is killed, and its log is complete', async () => {
  const stateDir = await tempFolder(0);
  const cwd = await tempFolder();
  const options = {
    ...scripted(bash('sleep 2; echo still here > proof.txt'), { text: 'Nobody watched.' }),
    prompt: 'Go on',
    cwd,
  };
  // By default an agent waits for its host before its next tool call.
  const manager = { policy: { onHostLost: 'allow' } };
  const args = [
    join(import.meta.dirname, 'fixtures/host.ts'),
    stateDir,
    JSON.stringify(options),
    JSON.stringify(manager),
  ];
  const host = spawn(process.execPath, ['--import', 'tsx', ...args], { stdio: ['ignore', 'pipe', 'inherit'] });
  onTestFinished(() => void host.kill('SIGKILL'));
  const id = await untilTool(host);

  host.kill('SIGKILL');
  await once(host, 'exit');
  expect(await docker('wait', `ao-${id}-1`)).toBe('0');

  expect(await readFile(join(cwd, 'proof.txt'), 'utf8')).toBe('still here\n');
  await expect
    .poll(() => readFile(join(stateDir, 'sessions', id, 'stream.log'), 'utf8'))
    .toContain('"result":"Nobody watched."');
  await docker('rm', `ao-${id}-1`);
});

/** The session's id, as soon as its first tool call runs. */
async function untilTool(host: ChildProcess): Promise<string> {
  if (!host.stdout) throw new Error('the host has no output');
  for await (const line of createInterface({ input: host.stdout })) {
    const { type, sessionId } = JSON.parse(line) as { type: string; sessionId: string };
    if (type === 'session:tool') return sessionId;
  }
  throw new Error('the host ended before its session ran');
}
