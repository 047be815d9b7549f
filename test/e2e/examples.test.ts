import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { attempt, engine, git, tempFolder } from './support.js';

async function example(name: string, ...args: string[]) {
  const path = join(import.meta.dirname, '../../examples', name);
  const env = { ...process.env, DOCKER_HOST: engine.host, HOME: await tempFolder(0) };
  return attempt(process.execPath, ['--import', 'tsx', path, ...args], { env });
}

it('quickstart.ts runs a session and prints how it went', async () => {
  const { stdout, stderr } = await example('quickstart.ts', await tempFolder());
  expect({ stdout, stderr }).toEqual({ stdout: expect.stringMatching(/^completed done 0\.\d+\n$/), stderr: '' });
});

it('worktree.ts runs three sessions on three branches and continues one', async () => {
  const cwd = join(await tempFolder(0), 'project');
  await mkdir(cwd);
  await git(cwd, 'init', '--quiet');
  await writeFile(join(cwd, 'file'), 'x\n');
  await git(cwd, 'add', '.');
  await git(cwd, 'commit', '--quiet', '--message', 'First');
  const { stdout, stderr } = await example('worktree.ts', cwd, '0:0');
  expect(stderr).toBe('');
  expect(stdout).toBe(
    `${['one', 'two', 'three'].map((name) => `completed attempt/${name} ${cwd}-attempt-${name}\n`).join('')}2 done\n`,
  );
});
