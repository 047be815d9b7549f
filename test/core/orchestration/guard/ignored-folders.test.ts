import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { RunRequest } from 'autonomous-orchestration';
import { SimulatedExecutor, scriptedRun } from 'autonomous-orchestration/testing';
import { expect, it } from 'vitest';
import { eventually } from '../../../support/eventually.js';
import { git, repository } from '../../../support/git.js';
import { DONE, simulate } from '../../../support/simulate.js';

/** The agent asks its guard when the rules are on disk. */
class Patient extends SimulatedExecutor {
  override launch(request: RunRequest) {
    const beforeTool: RunRequest['hooks']['beforeTool'] = async (call) => {
      await eventually(() => readFileSync(request.folder.ignoreRules));
      return request.hooks.beforeTool(call);
    };
    return super.launch({ ...request, hooks: { ...request.hooks, beforeTool } });
  }
}

const deletes = (folder: string) => ({ tool: 'Bash', input: { command: `rm -rf ${folder}` }, output: '' });

it('an agent may delete what the user had ignored when the session began, and nothing that it ignores itself', async () => {
  const cwd = repository();
  writeFileSync(join(cwd, '.gitignore'), 'artifacts/\n');
  git(cwd, 'add', '.gitignore');
  git(cwd, 'commit', '--quiet', '--message', 'Rules');
  mkdirSync(join(cwd, 'own'));
  const executor = new Patient(() => scriptedRun([deletes('artifacts'), deletes('own'), { text: 'Done.' }]));
  const { manager } = simulate(DONE, { executors: { autonomous: executor } });
  const { id } = await manager.create({ prompt: 'x', cwd });
  const first = await manager.waitFor(id);
  expect(first.metadata.toolsUsed.map(({ outcome }) => outcome)).toEqual(['ok', 'denied']);
  writeFileSync(join(cwd, '.gitignore'), 'own/\n');
  git(cwd, 'commit', '--quiet', '--all', '--message', 'Mine');
  await manager.continue(id, 'Again.');
  const second = await manager.waitFor(id);
  expect(second.metadata.toolsUsed.map(({ outcome }) => outcome)).toEqual(['ok', 'denied', 'ok', 'denied']);
});
