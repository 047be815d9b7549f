import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { containerGit } from '../../../../../src/core/orchestration/git/container/container-git.js';
import { git, repository } from '../../../../support/git.js';
import { tempFolder } from '../../../../support/temp-folder.js';

it('the agent of a repository is told once what git and Claude Code cannot do in the container', async () => {
  const repo = repository();
  git(repo, 'worktree', 'add', '--quiet', '-b', 'tree', `${repo}-tree`);
  const person = { home: tempFolder(), env: {} };
  for (const checkout of [repo, `${repo}-tree`, tempFolder()]) {
    const folder = join(tempFolder(), 'session');
    mkdirSync(folder);
    const given = { checkout, folder, readOnly: false, workspaces: undefined, env: {}, person };
    const { note } = await containerGit({ ...given, identity: { name: 'Ada', email: 'ada@example.invalid' } });
    expect(note?.match(/EnterWorktree.*use `git worktree add` instead/g)?.length).toBe(
      checkout.startsWith(repo) ? 1 : undefined,
    );
  }
});
