import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { Worktrees } from '../../../../src/core/orchestration/channelcoder/worktrees.js';
import { git, repository } from '../../../support/git.js';

it('makes many worktrees of one repository that are asked for at once', async () => {
  const repo = repository();
  const worktrees = new Worktrees();
  const branches = ['one', 'two', 'three', 'four', 'five', 'six'];
  const made = await Promise.all(branches.map((branch) => worktrees.ensure(repo, { branch })));
  expect(made).toEqual(branches.map((branch) => ({ path: `${repo}-${branch}`, branch, created: true })));
  await expect(worktrees.ensure(repo, { branch: 'seven', base: 'nowhere' })).rejects.toMatchObject({
    code: 'WORKTREE_FAILED',
  });
  await worktrees.remove(repo, `${repo}-one`);
  expect(await worktrees.ensure(repo, { branch: 'one' })).toMatchObject({ created: true });
});

it("runs no filter of the repository's own", async () => {
  const repo = repository();
  const marker = join(repo, '..', 'ran');
  writeFileSync(join(repo, '.gitattributes'), '*.txt filter=Evil.x\n');
  git(repo, 'add', '.');
  git(repo, 'commit', '--quiet', '-m', 'Attributes');
  git(repo, 'config', 'filter.Evil.x.smudge', `touch ${marker}; cat`);
  await new Worktrees().ensure(repo, { branch: 'one' });
  expect(existsSync(marker)).toBe(false);
  git(repo, 'worktree', 'add', '--quiet', `${repo}-plain`);
  expect(existsSync(marker), 'git itself runs it').toBe(true);
});
