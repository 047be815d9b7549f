import { chmod, copyFile, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { AutonomousExecutor } from 'autonomous-orchestration';
import { expect, it } from 'vitest';
import { bash, docker, engine, tempFolder, testManager } from './support.js';

/** The image's Claude Code and its scripted model, for the PATH of the host. */
async function claudeOnHost(): Promise<string> {
  const folder = await tempFolder(0);
  const container = await docker('create', engine.image, 'claude');
  await docker('cp', `${container}:/opt/claude-code`, folder);
  await docker('rm', container);
  const sources = join(import.meta.dirname, 'engine');
  for (const file of ['model.mjs', 'messages.mjs']) await copyFile(join(sources, file), join(folder, file));
  const wrapper = await readFile(join(sources, 'claude.mjs'), 'utf8');
  await writeFile(join(folder, 'claude.mjs'), wrapper.replace('/opt/claude-code', join(folder, 'claude-code')));
  await writeFile(
    join(folder, 'claude'),
    `#!/bin/sh\nexec "${process.execPath}" "${join(folder, 'claude.mjs')}" "$@"\n`,
  );
  await chmod(join(folder, 'claude'), 0o755);
  return folder;
}

it("docker: false runs the host's own Claude Code with the user's own permissions, which are not skipped", async () => {
  const stateDir = await tempFolder(0);
  const cwd = await tempFolder(0);
  const script = [bash('touch forbidden.txt'), { text: 'I was not allowed to.' }];
  const env = {
    ...process.env,
    HOME: await tempFolder(0),
    PATH: `${await claudeOnHost()}:${process.env.PATH}`,
    MODEL_SCRIPT: JSON.stringify(script),
  };
  const executor = new AutonomousExecutor({ stateDir, env });
  const { manager } = await testManager({ stateDir, executors: { autonomous: executor } });

  const { id } = await manager.create({ prompt: 'Touch it', cwd, docker: false });
  const ended = await manager.waitFor(id);

  expect(ended).toMatchObject({ status: 'completed', result: { text: 'I was not allowed to.', exitCode: 0 } });
  expect(ended.environment).toEqual({ docker: false, dockerImage: '', cwd });
  expect(ended.metadata.toolsUsed).toMatchObject([{ name: 'Bash', outcome: 'denied' }]);
  expect(ended.metadata.errors).toMatchObject([{ severity: 'warning', code: 'denied' }]);
  await expect(readFile(join(cwd, 'forbidden.txt'))).rejects.toMatchObject({ code: 'ENOENT' });
});
