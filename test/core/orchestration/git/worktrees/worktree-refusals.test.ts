import { execFileSync } from 'node:child_process';
import { mkdirSync, readdirSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { expect, it, vi } from 'vitest';
import { Worktrees } from '../../../../../src/core/orchestration/git/worktrees/worktrees.js';
import { git, repository } from '../../../../support/git.js';

const ERRNO = /\bE(NOENT|EXIST|ACCES|PERM|ISDIR|NOTDIR|NAMETOOLONG|INVAL|BUSY|XDEV|LOOP|ROFS|MFILE|NOTEMPTY|NOSPC)\b/;
type Request = Parameters<Worktrees['check']>[1];

/** What has to be as it was after a refusal. */
const traces = (repo: string): string =>
  [git(repo, 'for-each-ref'), git(repo, 'worktree', 'list', '--porcelain'), ...readdirSync(dirname(repo))].join('\n');

it.each<[string, Request, RegExp, ((repo: string) => unknown)?]>([
  ['a branch that is checked out in the repository', { branch: 'main' }, /checked out in the repository itself/],
  [
    'a branch that is checked out at another path',
    { branch: 'taken', path: '../else' },
    /checked out at .*-taken, not at/,
    (repo) => void git(repo, 'worktree', 'add', '--quiet', '-b', 'taken', `${repo}-taken`),
  ],
  [
    'a branch that is being rebased',
    { branch: 'topic' },
    /a rebase or bisect of the branch is under way/,
    (repo) => {
      git(repo, 'worktree', 'add', '--quiet', '-b', 'topic', `${repo}-topic`);
      for (const text of ['a', 'b']) {
        git(`${repo}-topic`, 'commit', '--quiet', '--allow-empty', '-m', text);
      }
      git(`${repo}-topic`, '-c', 'sequence.editor=sed -i 1s/pick/edit/', 'rebase', '--quiet', '-i', 'HEAD~1');
    },
  ],
  ['a name below an existing branch', { branch: 'main/x' }, /beside the branch "main"/],
  [
    'a name above an existing branch',
    { branch: 'a' },
    /beside the branch "a\/b\/c"/,
    (repo) => void git(repo, 'branch', 'a/b/c'),
  ],
  [
    'a name above a branch that is packed',
    { branch: 'a' },
    /beside the branch "a\/b"/,
    (repo) => {
      git(repo, 'branch', 'a/b');
      git(repo, 'pack-refs', '--all');
    },
  ],
  [
    'a name that differs only in case, if the file system does not tell them apart',
    { branch: 'MAIN' },
    /beside the branch "main"/,
    (repo) => void git(repo, 'config', 'core.ignorecase', 'true'),
  ],
  [
    'a path at which something is',
    { branch: 'one' },
    /something is at .*-one already.*'worktree\.path'/,
    (repo) => {
      mkdirSync(`${repo}-one`);
      writeFileSync(join(`${repo}-one`, 'x'), '');
    },
  ],
  ['a file in the place of the folder above', { branch: 'one', path: 'file.txt/one' }, /file\.txt is no folder/],
  ['a path in the git folder', { branch: 'one', path: '.git/x' }, /lies in the repository's git folder/],
  ['a path that is too long', { branch: 'one', path: `../${'x'.repeat(300)}` }, /longer than file systems allow/],
  ['a path in a file system that keeps no files', { branch: 'one', path: '/proc/one' }, /keeps no files/],
  [
    'a path through a link of the repository',
    { branch: 'one', path: 'link/one' },
    /is a link, or a folder on the way to it is one/,
    (repo) => symlinkSync('/tmp', join(repo, 'link')),
  ],
  [
    'a folder that is in no repository',
    { branch: 'one' },
    /in no git repository/,
    (repo) => {
      mkdirSync(`${repo}-plain`);
      return `${repo}-plain`;
    },
  ],
  [
    'a folder in a bare repository',
    { branch: 'one' },
    /lies in the git folder .*Give a folder with files, or the bare repository itself/,
    (repo) => {
      git('/', 'clone', '--quiet', '--bare', repo, `${repo}.git`);
      return join(`${repo}.git`, 'hooks');
    },
  ],
  ['the git folder of a checkout', { branch: 'one' }, /lies in the git folder/, (repo) => join(repo, '.git')],
  [
    'a branch whose lock file a killed git has left',
    { branch: 'deep/one' },
    /lock of the branch exists, ".*\/repository\/\.git\/refs\/heads\/deep\/one\.lock".*remove that file/,
    (repo) => {
      mkdirSync(join(repo, '.git/refs/heads/deep'));
      writeFileSync(join(repo, '.git/refs/heads/deep/one.lock'), '');
    },
  ],
  [
    "the branch of a submodule's own checkout",
    { branch: 'main' },
    /checked out in the repository itself/,
    (repo) => {
      git(repo, 'submodule', '--quiet', 'add', repository(), 'sub');
      git(join(repo, 'sub'), 'worktree', 'add', '--quiet', '-b', 'tree', `${repo}-tree`);
      return `${repo}-tree`;
    },
  ],
  [
    'a .git that leads nowhere',
    { branch: 'one' },
    /\.git is no git folder, and does not lead to one/,
    (repo) => {
      mkdirSync(`${repo}-odd`);
      writeFileSync(join(`${repo}-odd`, '.git'), 'nonsense\n');
      return `${repo}-odd`;
    },
  ],
  [
    "a folder of 'cwd' that no commit has",
    { branch: 'one' },
    /has no folder "new"/,
    (repo) => {
      mkdirSync(join(repo, 'new'));
      return join(repo, 'new');
    },
  ],
])('%s is refused at once in words, and nothing is made', async (_, request, words, prepare) => {
  const repo = repository();
  const given = prepare?.(repo);
  const cwd = typeof given === 'string' ? given : repo;
  const before = traces(repo);
  const refused = await new Worktrees().check(cwd, request).catch((error: unknown) => error);
  expect(refused).toMatchObject({ code: 'WORKTREE_FAILED', message: expect.stringMatching(words) });
  expect((refused as Error).message).not.toMatch(ERRNO);
  const failed = await new Worktrees().ensure(cwd, request).catch((error: unknown) => error);
  expect(failed).toMatchObject({ code: 'WORKTREE_FAILED' });
  expect((failed as Error).message).not.toMatch(ERRNO);
  expect(traces(repo)).toBe(before);
});

it('a missing git is refused with its name', async () => {
  const repo = repository();
  vi.stubEnv('PATH', '/nowhere');
  const refused = await new Worktrees().check(repo, { branch: 'one' }).catch((error: Error) => error.message);
  vi.unstubAllEnvs();
  expect(refused).toContain("the PATH has no 'git'");
  expect(refused).not.toMatch(ERRNO);
});

it('a worktree that cannot be filled takes its branch and its folders with it', async () => {
  const repo = repository();
  const blob = git(repo, 'rev-parse', 'HEAD:file.txt').trim();
  rmSync(join(repo, '.git/objects', blob.slice(0, 2)), { recursive: true });
  const before = traces(repo);
  const made = new Worktrees().ensure(repo, { branch: 'one/deep', path: '../a/b/one' });
  await expect(made).rejects.toMatchObject({ code: 'WORKTREE_FAILED' });
  expect(traces(repo)).toBe(before);
});

it('a branch that was made is kept on undo() if somebody has committed to it', async () => {
  const repo = repository();
  const worktrees = new Worktrees();
  for (const [branch, isKept] of [
    ['one', false],
    ['two', true],
  ] as const) {
    const made = await worktrees.ensure(repo, { branch, path: `../deep/${branch}` });
    if (isKept) git(made.path, 'commit', '--quiet', '--allow-empty', '-m', 'Work');
    await worktrees.remove(repo, made.path);
    await worktrees.undo(repo, made);
    expect(git(repo, 'branch', '--list', branch) !== '').toBe(isKept);
  }
  expect(readdirSync(dirname(repo))).toEqual(['repository']);
});

it('a branch with a very long name gets a worktree', async () => {
  const repo = repository();
  const branch = ['x'.repeat(100), 'y'.repeat(99)].join('/');
  const { path } = await new Worktrees().ensure(repo, { branch });
  expect(git(path, 'symbolic-ref', '--short', 'HEAD').trim()).toBe(branch);
  execFileSync('ls', [path]);
});

it('a worktree that was moved is not given up: first how to repair it, and how a locked one is given up', async () => {
  const repo = repository();
  git(repo, 'worktree', 'add', '--quiet', '-b', 'moved', `${repo}-moved`);
  renameSync(`${repo}-moved`, `${repo}-else`);
  const refused = (): Promise<string> =>
    new Worktrees().check(repo, { branch: 'moved' }).then(
      () => '',
      (error: Error) => error.message,
    );
  expect(await refused()).toContain(
    `If it was moved, run in its new place: git worktree repair. If it was removed, run: git -C '${repo}' worktree prune.`,
  );
  git(repo, 'worktree', 'lock', `${repo}-moved`);
  const message = await refused();
  expect(message).toContain('it is locked');
  rmSync(`${repo}-else`, { recursive: true });
  execFileSync('/bin/sh', ['-ec', / run: (git -C .*)\.$/.exec(message)?.[1] ?? 'false']);
  await expect(new Worktrees().check(repo, { branch: 'moved' })).resolves.toBeDefined();
});

it.skipIf(process.getuid?.() !== 0)(
  'a repository on a file system that is read-only is refused for that reason',
  async () => {
    const repo = repository();
    const other = join(dirname(repo), 'read-only');
    mkdirSync(other);
    execFileSync('mount', ['--bind', repo, other]);
    try {
      execFileSync('mount', ['-o', 'remount,bind,ro', other]);
      const checked = new Worktrees().check(other, { branch: 'one', path: `${repo}-one` });
      await expect(checked).rejects.toThrow(
        /"[^"]*\/read-only\/\.git\/objects", which is on a file system that is read-only/,
      );
    } finally {
      execFileSync('umount', [other]);
    }
  },
);
