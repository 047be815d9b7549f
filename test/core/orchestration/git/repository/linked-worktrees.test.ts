import { existsSync, mkdirSync, readdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { type GitLayout, gitLayoutAt } from '../../../../../src/core/orchestration/git/repository/layout.js';
import * as linked from '../../../../../src/core/orchestration/git/repository/linked-worktrees.js';
import { withGitView } from '../../../../../src/core/orchestration/git/repository/view.js';
import { claimWorktree, fillWorktree } from '../../../../../src/core/orchestration/git/worktrees/new-worktree.js';
import { withLinkFreePaths } from '../../../../../src/core/orchestration/util/fs/link-free-paths.js';
import { git, repository } from '../../../../support/git.js';

const linkedWorktrees = (commonDir: string) => withLinkFreePaths((paths) => linked.linkedWorktrees(commonDir, paths));

const addWorktree = (layout: GitLayout, path: string, branch: string) =>
  withGitView(layout, async (view) => {
    const claimed = await claimWorktree(view, path, branch);
    await fillWorktree(view, claimed, git(layout.root, 'rev-parse', 'main').trim(), async () => {});
  });

const unlinkWorktree = (commonDir: string, path: string) =>
  withLinkFreePaths((paths) => linked.unlinkWorktree(commonDir, path, paths));

async function scene() {
  const repo = repository();
  git(repo, 'branch', 'one');
  return { repo, path: `${repo}-one`, layout: (await gitLayoutAt(repo)) as GitLayout };
}

it('git treats a linked worktree of this library like its own worktrees', async () => {
  const { repo, path, layout } = await scene();
  await addWorktree(layout, path, 'one');
  git(repo, 'worktree', 'add', '--quiet', '-b', 'two', `${repo}-two`);
  git(repo, 'worktree', 'prune', '--expire=now');
  expect(git(repo, 'worktree', 'list', '--porcelain')).toContain(`worktree ${path}\n`);
  expect(git(path, 'rev-parse', '--abbrev-ref', 'HEAD')).toBe('one\n');
  expect(git(path, 'status', '--porcelain')).toBe('');
  git(repo, 'worktree', 'remove', path);
  expect(existsSync(path)).toBe(false);
});

it('worktrees that git made are listed with their branches, also with a detached HEAD', async () => {
  const { repo, layout } = await scene();
  git(repo, 'worktree', 'add', '--quiet', `${repo}-one`, 'one');
  git(repo, 'worktree', 'add', '--quiet', '--detach', `${repo}-none`);
  const found = await linkedWorktrees(layout.commonDir);
  expect(found.toSorted((a, b) => (a.path < b.path ? -1 : 1))).toEqual([
    { gitDir: join(repo, '.git/worktrees/repository-none'), path: `${repo}-none`, branch: undefined },
    { gitDir: join(repo, '.git/worktrees/repository-one'), path: `${repo}-one`, branch: 'one' },
  ]);
});

it('a name of a worktree that is already taken gets a number', async () => {
  const { repo, path, layout } = await scene();
  await addWorktree(layout, join(repo, '..', 'a b'), 'one');
  git(repo, 'branch', 'two');
  await addWorktree(layout, join(repo, '..', 'other', 'a b'), 'two');
  git(repo, 'branch', 'three');
  await addWorktree(layout, path, 'three');
  expect(readdirSync(join(repo, '.git/worktrees')).toSorted()).toEqual(['a-b', 'a-b1', 'repository-one']);
});

describe('a worktree that cannot be linked', () => {
  it.each<[string, (path: string) => void]>([
    ['a folder with files', (path) => mkdirSync(join(path, 'x'), { recursive: true })],
    ['a file', (path) => writeFileSync(path, '')],
    ['a link', (path) => symlinkSync('/tmp', path)],
  ])('no worktree is linked if %s is in its place', async (_, fill) => {
    const { repo, path, layout } = await scene();
    fill(path);
    await expect(addWorktree(layout, path, 'one')).rejects.toThrow('something is at');
    expect(existsSync(join(repo, '.git/worktrees'))).toBe(false);
  });

  it('no worktree is linked through a link in place of .git/worktrees', async () => {
    const { repo, path, layout } = await scene();
    mkdirSync(`${repo}-elsewhere`);
    symlinkSync(`${repo}-elsewhere`, join(repo, '.git/worktrees'));
    await expect(addWorktree(layout, path, 'one')).rejects.toThrow('is a link');
    expect(readdirSync(`${repo}-elsewhere`)).toEqual([]);
    expect(existsSync(path)).toBe(false);
  });

  it('no worktree is linked and nothing is left behind if .git/worktrees is a file', async () => {
    const { repo, path, layout } = await scene();
    writeFileSync(join(repo, '.git/worktrees'), '');
    await expect(addWorktree(layout, path, 'one')).rejects.toThrow();
    expect(existsSync(path)).toBe(false);
  });
});

describe('a worktree that is removed', () => {
  it('a worktree is removed with its files and its entry in the repository', async () => {
    const { repo, path, layout } = await scene();
    git(repo, 'worktree', 'add', '--quiet', path, 'one');
    await unlinkWorktree(layout.commonDir, path);
    expect(existsSync(path)).toBe(false);
    expect(git(repo, 'worktree', 'list').trim().split('\n')).toHaveLength(1);
    expect(git(repo, 'branch', '--list', 'one')).not.toBe('');
  });

  it('a locked worktree and a folder that is not a worktree are not removed', async () => {
    const { repo, path, layout } = await scene();
    git(repo, 'worktree', 'add', '--quiet', path, 'one');
    git(repo, 'worktree', 'lock', '--reason', 'mine', path);
    await expect(unlinkWorktree(layout.commonDir, path)).rejects.toThrow('locked');
    await expect(unlinkWorktree(layout.commonDir, repo)).rejects.toThrow('no worktree at');
    expect(existsSync(join(path, 'file.txt'))).toBe(true);
    expect(existsSync(join(repo, 'file.txt'))).toBe(true);
  });
});
