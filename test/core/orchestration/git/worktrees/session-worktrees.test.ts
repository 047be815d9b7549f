import { existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { SessionWorktrees } from '../../../../../src/core/orchestration/git/worktrees/session-worktrees.js';
import { git, repository } from '../../../../support/git.js';
import { tempFolder } from '../../../../support/temp-folder.js';

const GONE = async (): Promise<boolean> => false;

function scene() {
  const stateDir = tempFolder();
  return { stateDir, worktrees: new SessionWorktrees(stateDir), repo: repository() };
}

describe('the worktree of a session', () => {
  it('the worktree of a session is removed only if it contains no work, or if removal is forced', async () => {
    const { worktrees, repo } = scene();
    const { path } = await worktrees.ensure('one', repo, { branch: 'one' });
    writeFileSync(join(path, 'new.txt'), 'work');
    await expect(worktrees.remove('one', false)).rejects.toMatchObject({ code: 'WORKTREE_HAS_WORK' });
    expect(await worktrees.sweep(GONE)).toEqual({
      removed: [],
      kept: [{ path, branch: 'one', why: 'it has changes that are not committed' }],
    });
    expect(existsSync(path)).toBe(true);
    await worktrees.remove('one', true);
    expect(existsSync(path)).toBe(false);
    await expect(worktrees.remove('one', true)).rejects.toMatchObject({ code: 'WORKTREE_FAILED' });
  });

  it('madeFor() is true from the creation of the worktree to its removal, for its own session only', async () => {
    const { worktrees, repo } = scene();
    expect(await worktrees.madeFor('one')).toBe(false);
    await worktrees.ensure('one', repo, { branch: 'one' });
    await worktrees.ensure('two', repo, { branch: 'one' });
    expect([await worktrees.madeFor('one'), await worktrees.madeFor('two')]).toEqual([true, false]);
    await worktrees.remove('one', false);
    expect(await worktrees.madeFor('one')).toBe(false);
  });

  it('a worktree is swept if its session is gone and no other session is in the worktree', async () => {
    const { worktrees, repo } = scene();
    const { path } = await worktrees.ensure('one', repo, { branch: 'one' });
    expect(await worktrees.sweep(async () => true)).toEqual({ removed: [], kept: [] });
    const leave = await worktrees.enter(path, 'two');
    expect(await worktrees.sweep(GONE)).toEqual({ removed: [], kept: [] });
    await expect(worktrees.enter(path, 'three')).rejects.toMatchObject({ code: 'WORKTREE_FAILED' });
    await leave();
    expect(await worktrees.sweep(GONE)).toEqual({ removed: [path], kept: [] });
  });

  it('a worktree that existed before the session is never removed', async () => {
    const { stateDir, worktrees, repo } = scene();
    git(repo, 'worktree', 'add', '--quiet', '-b', 'mine', `${repo}-mine`);
    expect(await worktrees.ensure('one', repo, { branch: 'mine' })).toMatchObject({ created: false });
    await expect(worktrees.remove('one', true)).rejects.toMatchObject({ code: 'WORKTREE_FAILED' });
    expect(await worktrees.sweep(GONE)).toEqual({ removed: [], kept: [] });
    expect(readdirSync(join(stateDir, 'worktrees'))).toEqual([]);
  });

  it('a session that must have its own worktree gets no worktree that was made for others', async () => {
    const { worktrees, repo } = scene();
    git(repo, 'worktree', 'add', '--quiet', '-b', 'mine', `${repo}-mine`);
    await expect(worktrees.ensure('one', repo, { branch: 'mine', own: true })).rejects.toMatchObject({
      code: 'WORKTREE_FAILED',
      message: expect.stringContaining('not made for this session'),
    });
    await worktrees.ensure('other', repo, { branch: 'other', own: true });
    await expect(worktrees.ensure('one', repo, { branch: 'other', own: true })).rejects.toMatchObject({
      code: 'WORKTREE_FAILED',
    });
    // A further run of the same session.
    expect(await worktrees.ensure('other', repo, { branch: 'other', own: true })).toMatchObject({ created: false });
  });

  it("a worktree that somebody made in place of the session's worktree is not removed", async () => {
    const { worktrees, repo } = scene();
    await worktrees.ensure('one', repo, { branch: 'one' });
    git(repo, 'worktree', 'remove', `${repo}-one`);
    git(repo, 'worktree', 'add', '--quiet', `${repo}-mine`, 'one');
    expect(await worktrees.ensure('one', repo, { branch: 'one' })).toMatchObject({ path: `${repo}-mine` });
    await expect(worktrees.remove('one', true)).rejects.toMatchObject({ code: 'WORKTREE_FAILED' });
    expect(existsSync(`${repo}-mine`)).toBe(true);
  });

  it('a worktree belongs to its session even if the process died while creating the worktree', async () => {
    const { stateDir, worktrees, repo } = scene();
    mkdirSync(join(stateDir, 'worktrees'));
    const label = { sessionId: 'one', cwd: repo, path: '', branch: 'one' };
    writeFileSync(join(stateDir, 'worktrees/one.json'), JSON.stringify(label));
    git(repo, 'worktree', 'add', '--quiet', '-b', 'one', `${repo}-one`);
    expect(await worktrees.madeFor('one')).toBe(false);
    await expect(worktrees.remove('one', true)).rejects.toMatchObject({ code: 'WORKTREE_FAILED' });
    expect(await worktrees.ensure('one', repo, { branch: 'one' })).toMatchObject({ created: false });
    await worktrees.remove('one', false);
    expect(existsSync(`${repo}-one`)).toBe(false);
  });
});
