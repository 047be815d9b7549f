import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, it, vi } from 'vitest';
import { currentCommit } from '../../../../../src/core/orchestration/git/worktrees/worktree-changes.js';
import { Worktrees } from '../../../../../src/core/orchestration/git/worktrees/worktrees.js';
import { git, repository } from '../../../../support/git.js';
import { BORROWING_ATTACKS, borrowingScene, SECRET } from '../../../../support/git-borrowing.js';
import { tempFolder } from '../../../../support/temp-folder.js';

/** What the worktree of the branch contains of the private repository. */
function leaked(repo: string): string | undefined {
  const path = join(`${repo}-leak`, 'secret.txt');
  return existsSync(path) ? readFileSync(path, 'utf8') : undefined;
}

describe('a private repository to which an agent leads git', () => {
  it.each(BORROWING_ATTACKS)(
    'git itself checks out private objects, but a new worktree refuses them: $name',
    async (attack) => {
      const scene = borrowingScene(attack);
      attack.plant(scene);
      const worktrees = new Worktrees();
      await expect(worktrees.ensure(scene.repo, { branch: 'leak' })).rejects.toMatchObject({ code: 'WORKTREE_FAILED' });
      expect(existsSync(`${scene.repo}-leak`)).toBe(false);
      git(scene.repo, 'worktree', 'add', '--quiet', `${scene.repo}-leak`, 'leak');
      expect(leaked(scene.repo), 'the attack works').toBe(`${SECRET}\n`);
    },
  );

  it.each(BORROWING_ATTACKS)(
    'private objects do not get into a worktree that is being created: $name',
    async (attack) => {
      const scene = borrowingScene(attack);
      // At this point, everything has been checked, and git has not run yet.
      const plant = async (): Promise<void> => attack.plant(scene);
      await new Worktrees()
        .ensure(scene.repo, { branch: 'leak' }, { sessionId: 'one', beforeMaking: plant })
        .catch(() => {});
      expect(leaked(scene.repo)).toBeUndefined();
      git(scene.repo, 'cat-file', '-e', scene.commit);
    },
  );

  it('private objects do not get into a worktree through an environment variable of the process', async () => {
    const scene = borrowingScene({ name: '', plant: () => {} });
    vi.stubEnv('GIT_ALTERNATE_OBJECT_DIRECTORIES', join(scene.priv, 'objects'));
    git(scene.repo, 'update-ref', 'refs/heads/leak', scene.commit);
    const made = new Worktrees().ensure(scene.repo, { branch: 'leak' });
    await made.catch(() => {});
    vi.unstubAllEnvs();
    await expect(made).rejects.toMatchObject({ code: 'WORKTREE_FAILED' });
    expect(leaked(scene.repo)).toBeUndefined();
  });

  it.each(BORROWING_ATTACKS)(
    'a private commit is not read as the current commit of a repository: $name',
    async (attack) => {
      const scene = borrowingScene(attack);
      attack.plant(scene);
      writeFileSync(scene.own('HEAD'), 'ref: refs/heads/leak\n');
      await expect(currentCommit(scene.repo)).rejects.toThrow();
      expect(git(scene.repo, 'show', 'HEAD:secret.txt'), 'the attack works').toBe(`${SECRET}\n`);
    },
  );
});

describe('a repository of the user that borrows objects', () => {
  it.each(['--shared', '--reference'])(
    'a repository of git clone %s is refused with advice, and accepted once the advice is followed',
    async (how) => {
      const origin = repository();
      const repo = join(tempFolder(), 'clone');
      const from = how === '--shared' ? [how, origin] : [how, origin, origin];
      git('/', 'clone', '--quiet', ...from, repo);
      const worktrees = new Worktrees();
      const refused = { code: 'WORKTREE_FAILED', message: expect.stringContaining("'git repack -a -d'") };
      await expect(worktrees.check(repo, { branch: 'one' })).rejects.toMatchObject(refused);
      await expect(worktrees.ensure(repo, { branch: 'one' })).rejects.toMatchObject(refused);
      git(repo, 'repack', '-a', '-d', '--quiet');
      rmSync(join(repo, '.git/objects/info/alternates'));
      expect(await worktrees.ensure(repo, { branch: 'one' })).toMatchObject({ created: true });
    },
  );

  it('a repository with an empty list of alternates is accepted', async () => {
    const repo = repository();
    writeFileSync(join(repo, '.git/objects/info/alternates'), '\n# none\n');
    expect(await new Worktrees().ensure(repo, { branch: 'one' })).toMatchObject({ created: true });
  });
});

describe('a part of a git folder that cannot be read safely', () => {
  const PARTS = [
    'HEAD',
    'config',
    'packed-refs',
    'shallow',
    'refs/heads/main',
    'objects/info/alternates',
    'objects/pack/pack-0123456789012345678901234567890123456789.idx',
    'objects/00/00000000000000000000000000000000000000',
  ];

  it.each(PARTS)('a repository with a FIFO in place of %s is refused and does not block', async (part) => {
    const repo = repository();
    const path = join(repo, '.git', part);
    rmSync(path, { force: true });
    mkdirSync(dirname(path), { recursive: true });
    execFileSync('mkfifo', [path]);
    const made = new Worktrees().ensure(repo, { branch: 'one', base: 'main' });
    await expect(made).rejects.toMatchObject({ code: 'WORKTREE_FAILED' });
  });

  it.each(['HEAD', 'packed-refs', 'refs/heads/main', 'objects/info/alternates'])(
    'a repository with a terabyte in place of %s is refused without reading the file',
    async (part) => {
      const repo = repository();
      const path = join(repo, '.git', part);
      rmSync(path, { force: true });
      writeFileSync(path, '');
      truncateSync(path, 2 ** 40);
      const made = new Worktrees().ensure(repo, { branch: 'one', base: 'main' });
      await expect(made).rejects.toMatchObject({ code: 'WORKTREE_FAILED' });
    },
  );
});
