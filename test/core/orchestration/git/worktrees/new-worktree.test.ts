import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { Worktrees } from '../../../../../src/core/orchestration/git/worktrees/worktrees.js';
import { git, repository } from '../../../../support/git.js';
import { tempFolder } from '../../../../support/temp-folder.js';

/** A repository with two files in a folder, for the filter `x`. */
function filtered(attributes: string) {
  const repo = repository();
  mkdirSync(join(repo, 'sub'));
  writeFileSync(join(repo, 'sub/1.txt'), 'first\n');
  writeFileSync(join(repo, 'sub/2.txt'), 'second\n');
  writeFileSync(join(repo, '.gitattributes'), attributes);
  git(repo, 'add', '.');
  git(repo, 'commit', '--quiet', '-m', 'Files');
  return repo;
}

/** Runs a script as the user's filter `x`, while files are written. */
function asFilter(script: string): void {
  const config = join(tempFolder(), 'gitconfig');
  writeFileSync(config, '');
  git('/', 'config', '--file', config, 'filter.x.smudge', `${script}; cat`);
  vi.stubEnv('GIT_CONFIG_GLOBAL', config);
  onTestFinished(() => void vi.unstubAllEnvs());
}

describe('an agent that makes links while a worktree is created', () => {
  it('no file is written elsewhere if an agent replaces a folder of the new worktree by a link', async () => {
    const repo = filtered('sub/1.txt filter=x\n');
    const outside = tempFolder();
    const place = join(repo, 'trees/one');
    // The worktree is in the workspace of the agent, and the agent is as fast as possible.
    asFilter(`mv ${place}/sub ${place}/old && ln -s ${outside} ${place}/sub`);
    const { path } = await new Worktrees().ensure(repo, { branch: 'one', path: 'trees/one' });
    expect(readdirSync(outside)).toEqual([]);
    expect(path).toBe(place);
    expect(readFileSync(join(place, 'sub/2.txt'), 'utf8')).toBe('second\n');
  });

  it.each<[string, (repo: string, outside: string) => void]>([
    ['worktrees', (repo, outside) => symlinkSync(outside, join(repo, '.git/worktrees'))],
    [
      'refs/heads',
      (repo, outside) => {
        renameSync(join(repo, '.git/refs/heads'), join(repo, '.git/refs/old'));
        writeFileSync(join(outside, 'main'), readFileSync(join(repo, '.git/refs/old/main')));
        symlinkSync(outside, join(repo, '.git/refs/heads'));
      },
    ],
    ['the folder of the worktree', (repo, outside) => symlinkSync(outside, join(repo, 'trees/one'))],
    [
      'the folder around the worktree',
      (repo, outside) => {
        rmSync(join(repo, 'trees'), { recursive: true });
        symlinkSync(outside, join(repo, 'trees'));
      },
    ],
  ])('nothing is written through a link in place of %s', async (_, exchange) => {
    const repo = repository();
    const outside = tempFolder();
    let before: string[] = [];
    mkdirSync(join(repo, 'trees'));
    const during = async (): Promise<void> => {
      exchange(repo, outside);
      before = readdirSync(outside);
    };
    const made = new Worktrees().ensure(
      repo,
      { branch: 'one', base: 'main', path: 'trees/one' },
      { sessionId: 'one', beforeMaking: during },
    );
    await expect(made).rejects.toMatchObject({ code: 'WORKTREE_FAILED' });
    expect(readdirSync(outside)).toEqual(before);
  });

  it('a worktree is refused if its path leads through a link in the repository', async () => {
    const repo = repository();
    const outside = tempFolder();
    symlinkSync(outside, join(repo, 'trees'));
    for (const path of ['trees/one', join(repo, 'trees/one')]) {
      const message = expect.stringContaining(`folder on the way to it is one`);
      const made = new Worktrees().ensure(repo, { branch: 'one', path });
      await expect(made).rejects.toMatchObject({ code: 'WORKTREE_FAILED', message });
    }
    expect(readdirSync(outside)).toEqual([]);
  });

  it('a file of the machine is not used as a Git LFS object through a link', async () => {
    const repo = filtered('sub/1.txt filter=lfs\n');
    const secret = join(tempFolder(), 'key');
    writeFileSync(secret, 'private key\n');
    // What `git lfs smudge` does: it takes the file that has the name, if its size fits.
    const bin = tempFolder();
    writeFileSync(join(bin, 'git-lfs'), '#!/bin/sh\ncat "$(git config lfs.storage)/objects/1" || cat\n');
    chmodSync(join(bin, 'git-lfs'), 0o755);
    vi.stubEnv('PATH', `${bin}${delimiter}${process.env.PATH}`);
    onTestFinished(() => void vi.unstubAllEnvs());
    git(repo, 'config', 'filter.lfs.smudge', 'git-lfs smudge -- %f');
    mkdirSync(join(repo, '.git/lfs/objects'), { recursive: true });
    symlinkSync(secret, join(repo, '.git/lfs/objects/1'));
    const linked = await new Worktrees().ensure(repo, { branch: 'one' });
    expect(readFileSync(join(linked.path, 'sub/1.txt'), 'utf8')).toBe('first\n');
    rmSync(join(repo, '.git/lfs/objects/1'));
    writeFileSync(join(repo, '.git/lfs/objects/1'), 'large\n');
    const stored = await new Worktrees().ensure(repo, { branch: 'two' });
    expect(readFileSync(join(stored.path, 'sub/1.txt'), 'utf8')).toBe('large\n');
  });

  it('no worktree of another repository is created if the workspace has become a link', async () => {
    const other = repository();
    const cwd = repository();
    renameSync(cwd, `${cwd}-old`);
    symlinkSync(other, cwd);
    await expect(new Worktrees().ensure(cwd, { branch: 'one' })).rejects.toThrow('is a link to');
    expect(git(other, 'branch', '--list', 'one')).toBe('');
  });
});

describe('a new worktree', () => {
  it('a worktree is created through links that are outside the repository', async () => {
    const repo = repository();
    const link = join(tempFolder(), 'link');
    const folder = tempFolder();
    symlinkSync(folder, link);
    const made = await new Worktrees().ensure(repo, { branch: 'one', path: join(link, 'a/one') });
    expect(made.path).toBe(join(folder, 'a/one'));
    expect(git(made.path, 'status', '--porcelain')).toBe('');
  });

  it('a worktree on another file system has its files and a matching index', async () => {
    const repo = repository();
    symlinkSync('file.txt', join(repo, 'link'));
    git(repo, 'add', '.');
    git(repo, 'commit', '--quiet', '-m', 'Link');
    // In memory, if the system has such a folder.
    const folder = realpathSync(mkdtempSync(join(existsSync('/dev/shm') ? '/dev/shm' : tmpdir(), 'ao-test-')));
    onTestFinished(() => rmSync(folder, { recursive: true }));
    const { path } = await new Worktrees().ensure(repo, { branch: 'one', path: join(folder, 'one') });
    expect(readFileSync(join(path, 'link'), 'utf8')).toBe('content\n');
    expect(git(path, 'diff-files', '--name-only')).toBe('');
    expect(readdirSync(join(repo, '.git/worktrees/one'))).not.toContain('files');
  });

  it('a new worktree replaces a half-made worktree that a process has left', async () => {
    const repo = repository();
    await new Worktrees().ensure(repo, { branch: 'one' });
    renameSync(`${repo}-one`, join(repo, '.git/worktrees/repository-one/files'));
    expect(await new Worktrees().ensure(repo, { branch: 'one' })).toMatchObject({ created: true });
    expect(git(`${repo}-one`, 'status', '--porcelain')).toBe('');
    expect(readdirSync(join(repo, '.git/worktrees'))).toEqual(['.autonomous-orchestration', 'repository-one']);
  });
});
