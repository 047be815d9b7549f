import { existsSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { SessionWorktrees } from '../../../../../src/core/orchestration/git/worktrees/session-worktrees.js';
import { git, repository } from '../../../../support/git.js';
import { tempFolder } from '../../../../support/temp-folder.js';

/** Two managers with state folders of their own, and one repository. */
function scene({ works = false } = {}) {
  const [one, two] = [tempFolder(), tempFolder()];
  const isWorking = async (): Promise<boolean> => works;
  return { repo: repository(), one, two, mine: new SessionWorktrees(one), other: new SessionWorktrees(two, isWorking) };
}

const RECORD = '.git/worktrees/.autonomous-orchestration/repository-one.json';

/** Lets the process of the worktree's user have died. */
function kill(repo: string): void {
  const record = JSON.parse(readFileSync(join(repo, RECORD), 'utf8')) as { owner: object };
  writeFileSync(join(repo, RECORD), JSON.stringify({ ...record, owner: { ...record.owner, pid: 2 ** 22 + 1 } }));
}

describe('two managers and one branch', () => {
  it.each(['a new branch', 'a branch that exists'])('for %s, only one of them gets the worktree', async (kind) => {
    const { repo, mine, other } = scene();
    if (kind !== 'a new branch') git(repo, 'branch', 'one');
    const run = async (worktrees: SessionWorktrees, id: string): Promise<() => void> => {
      const { path } = await worktrees.ensure(id, repo, { branch: 'one' });
      return worktrees.enter(path, id);
    };
    const both = await Promise.allSettled([run(mine, 'a'), run(other, 'b')]);
    expect(both.map(({ status }) => status).toSorted()).toEqual(['fulfilled', 'rejected']);
    const refused = both.find((each) => each.status === 'rejected');
    expect(refused?.reason).toMatchObject({ code: 'WORKTREE_FAILED', message: expect.stringContaining('session') });
    expect(git(repo, 'worktree', 'list').trim().split('\n')).toHaveLength(2);
    expect(git(`${repo}-one`, 'status', '--porcelain')).toBe('');
  });

  it('a worktree in use is refused to the other manager, at creation and at the start, until it is left', async () => {
    const { repo, one, mine, other } = scene();
    const { path } = await mine.ensure('a', repo, { branch: 'one' });
    const leave = await mine.enter(path, 'a');
    const words = expect.stringMatching(
      `session a of the state folder ${one} \\(process ${process.pid}\\) works in ${path}`,
    );
    await expect(other.check(repo, { branch: 'one' })).rejects.toMatchObject({
      code: 'WORKTREE_FAILED',
      message: words,
    });
    await expect(other.enter(path, 'b')).rejects.toMatchObject({ code: 'WORKTREE_FAILED', message: words });
    await leave();
    await expect.poll(() => existsSync(join(repo, RECORD))).toBe(false);
    await other.check(repo, { branch: 'one' });
    await other.enter(path, 'b');
  });

  it('a process of another container keeps a worktree until the file is removed that the refusal names', async () => {
    const { repo, mine, other } = scene();
    const { path } = await mine.ensure('a', repo, { branch: 'one' });
    await mine.enter(path, 'a');
    const record = JSON.parse(readFileSync(join(repo, RECORD), 'utf8')) as { owner: object };
    const owner = { ...record.owner, pid: 7, pidNamespace: 'pid:[1]' };
    writeFileSync(join(repo, RECORD), JSON.stringify({ ...record, owner }));
    const refused = await other.check(repo, { branch: 'one' }).catch((error: Error) => error.message);
    expect(refused).toContain('(process 7 of another container; if that has ended, remove ');
    rmSync(/remove (.*\.json)\)/.exec(String(refused))?.[1] ?? '');
    await other.check(repo, { branch: 'one' });
    await other.enter(path, 'b');
  });

  it('git neither shows nor prunes what tells of the use', async () => {
    const { repo, mine } = scene();
    const { path } = await mine.ensure('a', repo, { branch: 'one' });
    await mine.enter(path, 'a');
    git(repo, 'worktree', 'prune', '--expire=now');
    git(repo, 'gc', '--quiet', '--prune=now');
    expect(git(repo, 'worktree', 'list').trim().split('\n')).toHaveLength(2);
    expect(existsSync(join(repo, RECORD))).toBe(true);
    git(repo, 'worktree', 'remove', path);
    expect(git(repo, 'worktree', 'list').trim().split('\n')).toHaveLength(1);
  });
});

describe('a worktree with the name of the library', () => {
  it.each(['autonomous-orchestration', '.autonomous-orchestration'])(
    '%s does not get what tells of the use',
    async (name) => {
      const { repo, mine } = scene();
      git(repo, 'worktree', 'add', '--quiet', '-b', 'named', join(dirname(repo), name));
      const before = readdirSync(join(repo, '.git/worktrees')).map((each) =>
        readdirSync(join(repo, '.git/worktrees', each)),
      );
      const { path } = await mine.ensure('a', repo, { branch: 'one' });
      await mine.enter(path, 'a');
      expect(existsSync(join(repo, RECORD))).toBe(true);
      const own = readdirSync(join(repo, '.git/worktrees')).filter(
        (each) => !['.autonomous-orchestration', 'repository-one'].includes(each),
      );
      expect(own.map((each) => readdirSync(join(repo, '.git/worktrees', each)))).toEqual(before);
    },
  );

  it.each(['lock.999999999999999', 'lock.999999999999998'])('%s does not use up the numbers of locks', async (name) => {
    const { repo, mine, other } = scene();
    await mine.enter((await mine.ensure('a', repo, { branch: 'one' })).path, 'a');
    writeFileSync(join(repo, dirname(RECORD), name), 'planted');
    await other.enter((await other.ensure('b', repo, { branch: 'two' })).path, 'b');
    await mine.enter((await mine.ensure('c', repo, { branch: 'three' })).path, 'c');
  });

  it('a worktree in the place of the folder is refused', async () => {
    const { repo, mine } = scene();
    git(repo, 'worktree', 'add', '--quiet', '-b', 'named', `${repo}-named`);
    renameSync(join(repo, '.git/worktrees/repository-named'), join(repo, '.git/worktrees/.autonomous-orchestration'));
    await expect(mine.ensure('a', repo, { branch: 'one' })).rejects.toThrow('belongs to a worktree');
  });
});

describe('a process that has died', () => {
  it('its session keeps the worktree while its agent works', async () => {
    const { repo, mine, other } = scene({ works: true });
    const { path } = await mine.ensure('a', repo, { branch: 'one' });
    await mine.enter(path, 'a');
    kill(repo);
    await expect(other.enter(path, 'b')).rejects.toThrow('recover() takes it over');
  });

  it('its worktree is free when its agent has ended', async () => {
    const { repo, mine, other } = scene();
    const { path } = await mine.ensure('a', repo, { branch: 'one' });
    await mine.enter(path, 'a');
    kill(repo);
    await other.enter(path, 'b');
  });

  it('the next manager of its state folder takes its session over, and no other session of that folder', async () => {
    const { repo, one, mine } = scene();
    const { path } = await mine.ensure('a', repo, { branch: 'one' });
    await mine.enter(path, 'a');
    const next = new SessionWorktrees(one, async () => true);
    await expect(next.enter(path, 'b')).rejects.toMatchObject({ code: 'WORKTREE_FAILED' });
    await next.enter(path, 'a');
  });

  it('a half-made worktree is replaced, unless its maker lives', async () => {
    const { repo, mine, other } = scene();
    const { path } = await mine.ensure('a', repo, { branch: 'one' });
    renameSync(path, join(repo, '.git/worktrees/repository-one/files'));
    await expect(other.ensure('b', repo, { branch: 'one' })).rejects.toThrow('is making its worktree right now');
    kill(repo);
    expect(await other.ensure('b', repo, { branch: 'one' })).toMatchObject({ created: true });
    expect(readdirSync(join(repo, '.git/worktrees')).toSorted()).toEqual([
      '.autonomous-orchestration',
      'repository-one',
    ]);
  });
});
