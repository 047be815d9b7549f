import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { scriptedRun } from 'autonomous-orchestration/testing';
import { expect, it } from 'vitest';
import { git, repository } from '../../../support/git.js';
import { simulate } from '../../../support/simulate.js';

const deletes = (folder: string) => ({ tool: 'Bash', input: { command: `rm -rf ${folder}` }, output: '' });

it('an agent may delete folders that were ignored at the start, but not folders that it ignores later', async () => {
  const cwd = repository();
  writeFileSync(join(cwd, '.gitignore'), 'artifacts/\n');
  git(cwd, 'add', '.gitignore');
  git(cwd, 'commit', '--quiet', '--message', 'Rules');
  mkdirSync(join(cwd, 'own'));
  // The agent asks at once: no call is decided before the rules are read.
  const { manager } = simulate(() => scriptedRun([deletes('artifacts'), deletes('own'), { text: 'Done.' }]));
  const { id } = await manager.create({ prompt: 'x', cwd });
  const first = await manager.waitFor(id);
  expect(first.metadata.toolsUsed.map(({ outcome }) => outcome)).toEqual(['ok', 'denied']);
  writeFileSync(join(cwd, '.gitignore'), 'own/\n');
  git(cwd, 'commit', '--quiet', '--all', '--message', 'Mine');
  await manager.continue(id, 'Again.');
  const second = await manager.waitFor(id);
  expect(second.metadata.toolsUsed.map(({ outcome }) => outcome)).toEqual(['ok', 'denied', 'ok', 'denied']);
});
