import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, it, vi } from 'vitest';
import { gitMounts } from '../../../../../src/core/orchestration/git/container/mounts.js';
import { SessionGit } from '../../../../../src/core/orchestration/git/container/session-git.js';
import { startOf } from '../../../../../src/core/orchestration/git/repository/base.js';
import { mountableLayout } from '../../../../../src/core/orchestration/git/repository/usable-layout.js';
import { withGitView } from '../../../../../src/core/orchestration/git/repository/view.js';
import { SessionWorktrees } from '../../../../../src/core/orchestration/git/worktrees/session-worktrees.js';
import { lendSparseCheckout } from '../../../../../src/core/orchestration/git/worktrees/sparse-checkout.js';
import { git, repository } from '../../../../support/git.js';
import { tempFolder } from '../../../../support/temp-folder.js';

const UID = 1234;

/** A repository, in a folder of its own, that belongs to another user. */
function scene() {
  const repo = repository();
  writeFileSync(join(repo, '.gitignore'), 'ignored*\n');
  git(repo, 'add', '.');
  git(repo, 'commit', '--quiet', '-m', 'Rules');
  writeFileSync(join(repo, 'ignored'), 'x');
  const folder = dirname(repo);
  chmodSync(folder, 0o755);
  execFileSync('chown', ['-hR', `${UID}:${UID}`, folder]);
  return { repo, folder, worktrees: new SessionWorktrees(tempFolder()) };
}

const foreign = (folder: string): string =>
  execFileSync('find', [folder, '(', '!', '-uid', `${UID}`, '-o', '!', '-gid', `${UID}`, ')'], { encoding: 'utf8' });

/** Runs a script as the owner, without any configuration. */
const asOwner = (cwd: string, script: string): string => {
  const identity = { GIT_AUTHOR_NAME: 'n', GIT_AUTHOR_EMAIL: 'e', GIT_COMMITTER_NAME: 'n', GIT_COMMITTER_EMAIL: 'e' };
  const env = { PATH: process.env.PATH, GIT_CONFIG_GLOBAL: '/dev/null', ...identity };
  return execFileSync('/bin/sh', ['-ec', script], { cwd, env, uid: UID, gid: UID, encoding: 'utf8' });
};

describe.skipIf(process.getuid?.() !== 0)('a repository of another user, for a process of root', () => {
  it('all that is made for a worktree belongs to the owner, whose git goes on with it', async () => {
    const { repo, folder, worktrees } = scene();
    const request = { branch: 'feat/one', path: '../deep/er/one', copy: ['ignored'] };
    const made = await worktrees.ensure('one', repo, await worktrees.check(repo, request));
    const leave = await worktrees.enter(made.path, 'one');
    expect(foreign(folder)).toBe('');
    await leave();
    asOwner(made.path, 'git add . && git commit -qm Work --allow-empty && git status --porcelain');
    asOwner(repo, `git worktree add -q ../own -b own && git worktree remove ${made.path} && git branch -qD feat/one`);
    expect(foreign(folder)).toBe('');
  });

  it('the worktree of a session is removed again, and its work is seen', async () => {
    const { repo, worktrees } = scene();
    const { path } = await worktrees.ensure('one', repo, { branch: 'one' });
    asOwner(path, 'touch new');
    await expect(worktrees.remove('one', false)).rejects.toMatchObject({ code: 'WORKTREE_HAS_WORK' });
    asOwner(path, 'rm new');
    await worktrees.remove('one', false);
    expect(asOwner(repo, 'git worktree list | wc -l').trim()).toBe('1');
  });

  it('parts of a git folder that are made for a plain session belong to the owner', async () => {
    const { repo, folder } = scene();
    for (const part of ['hooks', 'logs', 'info']) rmSync(join(repo, '.git', part), { recursive: true, force: true });
    await gitMounts(await mountableLayout(repo), new SessionGit(join(tempFolder(), 'git')));
    expect(foreign(folder)).toBe('');
  });

  it('git runs as the owner, with the rights of the owner', async () => {
    const { repo, worktrees } = scene();
    const trace = join(tempFolder(), 'who');
    mkdirSync(trace);
    chmodSync(dirname(trace), 0o755);
    chmodSync(trace, 0o777);
    writeFileSync(join(repo, '.gitattributes'), '*.txt filter=who\n');
    asOwner(repo, 'git add . && git commit -qm Attributes');
    const config = join(trace, 'config');
    writeFileSync(config, `[filter "who"]\n\tsmudge = "id -u > ${trace}/uid; env > ${trace}/env; cat"\n`);
    process.env.GIT_CONFIG_GLOBAL = config;
    process.env.SECRET_OF_ROOT = 'secret';
    try {
      await worktrees.ensure('one', repo, { branch: 'one' });
    } finally {
      delete process.env.GIT_CONFIG_GLOBAL;
      delete process.env.SECRET_OF_ROOT;
    }
    expect(execFileSync('cat', [join(trace, 'uid')], { encoding: 'utf8' })).toBe(`${UID}\n`);
    expect(execFileSync('cat', [join(trace, 'env')], { encoding: 'utf8' })).not.toContain('SECRET');
  });

  it("a file that only root can read is not copied into the owner's worktree", async () => {
    const { repo, worktrees } = scene();
    writeFileSync(join(repo, 'ignored-secret'), 'of root', { mode: 0o600 });
    const made = await worktrees.ensure('one', repo, { branch: 'one', copy: ['ignored*'] });
    expect(execFileSync('ls', [made.path], { encoding: 'utf8' })).not.toContain('ignored-secret');
    expect(made.warnings?.join()).toContain("the repository's owner may not read it");
  });

  it('a repository below a folder that is closed to its owner is refused with the folder', async () => {
    const { repo, folder, worktrees } = scene();
    execFileSync('chown', ['0:0', folder]);
    chmodSync(folder, 0o700);
    await expect(worktrees.check(repo, { branch: 'one' })).rejects.toThrow(`may not enter "${folder}"`);
  });
});

describe('a link in the place of a folder of the view, as the owner of the repository may put it there', () => {
  /** A folder of somebody else, with a file of the given name. */
  const theirs = (name: string): string => {
    const folder = tempFolder();
    writeFileSync(join(folder, name), 'theirs');
    return folder;
  };

  it('the patterns of a sparse checkout are not written through it', async () => {
    const folder = theirs('sparse-checkout');
    const repo = repository();
    const sparse = { patterns: '/*\n', settings: [], own: [] };
    await withGitView(repo, async (view) => {
      await lendSparseCheckout(view, sparse, 'HEAD');
      rmSync(join(view.folder, 'info'), { recursive: true });
      symlinkSync(folder, join(view.folder, 'info'));
      await expect(lendSparseCheckout(view, sparse, 'HEAD')).rejects.toThrow('ELOOP');
    });
    expect(readFileSync(join(folder, 'sparse-checkout'), 'utf8')).toBe('theirs');
  });

  it('the logs of branches are not written through it', async () => {
    const folder = theirs('file');
    const repo = repository();
    await withGitView(repo, async (view) => {
      const to = view.paths.to.bind(view.paths);
      const logs = join(view.folder, 'logs');
      vi.spyOn(view.paths, 'to').mockImplementation((path, before) => {
        // The view has a folder for them by now, and nothing is in it yet.
        if (path === join(repo, '.git/logs/HEAD')) {
          renameSync(logs, join(view.folder, 'moved'));
          symlinkSync(folder, logs);
        }
        return to(path, before);
      });
      await expect(startOf(view, 'new', 'main@{0}')).rejects.toThrow('ELOOP');
    });
    expect(readdirSync(folder)).toEqual(['file']);
  });
});
