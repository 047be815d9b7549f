import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { Host } from './hosts.js';
import { bash, containersGone, scripted, stateFolder, tempFolder, testManager } from './support.js';

/** A program that creates a session and leaves it. Resolves when its process has ended. */
async function left(leave: 'end' | 'exit') {
  const [stateDir, cwd] = [await stateFolder(), await tempFolder()];
  const script = scripted(bash('echo run >> starts.txt'), { text: 'Done.' });
  const host = new Host({ stateDir, session: { ...script, prompt: 'Go', cwd }, leave });
  const id = await host.when('created');
  expect(await host.exited).toEqual([0, null]);
  const env = (): Record<string, string> => script.docker.env;
  return { stateDir, id, env, starts: () => readFile(join(cwd, 'starts.txt'), 'utf8') };
}

it('a program that ends at its last line stays until its session has ended and its container is gone, and no longer', async () => {
  const { stateDir, id, starts } = await left('end');
  const { manager } = await testManager({ stateDir });
  expect(await manager.recover()).toMatchObject({ known: [id], containers: [] });
  expect(manager.get(id)).toMatchObject({ status: 'completed', result: { text: 'Done.' }, runs: [{ number: 1 }] });
  expect(await starts()).toBe('run\n');
});

it('a session that process.exit() has left starting runs once under the next manager', async () => {
  const { stateDir, id, env, starts } = await left('exit');
  const { manager } = await testManager({ stateDir });
  const { skipped, requeued } = await manager.recover({ env });
  expect({ skipped, requeued }).toEqual({ skipped: [], requeued: [id] });
  expect(await manager.waitFor(id)).toMatchObject({
    status: 'completed',
    result: { text: 'Done.' },
    runs: [{ number: 1 }],
  });
  expect(await starts()).toBe('run\n');
  await containersGone({ id });
});
