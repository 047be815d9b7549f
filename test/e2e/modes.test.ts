import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { bash, git, repository, scripted, tempFolder, testManager } from './support.js';

it('planning', async () => {
  const cwd = await tempFolder();
  const { manager, stateDir, events } = await testManager();
  const script = scripted(bash('echo x > made; git init . ; touch /workspace/y'), { tool: 'Write', input: { file_path: '/workspace/z', content: 'z' } }, { text: '# Plan\n\n1. Do it.' });
  const { id } = await manager.create({ mode: 'planning', prompt: 'Plan it', cwd, ...script });
  const done = await manager.waitFor(id);
  console.log(JSON.stringify(done, null, 1));
  for (const e of events) if (e.type === 'session:tool-result') console.log(e.name, e.outcome, e.output);
  console.log(await readFile(join(stateDir, 'sessions', id, 'plan.md'), 'utf8'));
});

it('worktree', async () => {
  const cwd = await repository();
  const { manager } = await testManager();
  const commit = 'git -c user.name=A -c user.email=a@b.invalid commit -qm work';
  const script = scripted(bash(`echo x > new.txt; echo y >> README.md; git add .; ${commit}; echo z > left; ls -la`), { text: 'ok' });
  const { id } = await manager.create({ mode: 'worktree', prompt: 'Plan it', cwd, docker: {...script.docker, user: '0:0'} });
  const done = await manager.waitFor(id);
  console.log(JSON.stringify([done.result, done.environment, done.metadata.errors], null, 1));
});
