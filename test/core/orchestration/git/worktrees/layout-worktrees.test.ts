import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { usableLayout } from '../../../../../src/core/orchestration/git/repository/usable-layout.js';
import { requireFolderIn } from '../../../../../src/core/orchestration/git/worktrees/worktree-folder.js';
import { Worktrees } from '../../../../../src/core/orchestration/git/worktrees/worktrees.js';
import { git, repository } from '../../../../support/git.js';

describe('a bare repository', () => {
  /** A bare repository whose HEAD is `main`. */
  function bare(): string {
    const repo = repository();
    git('/', 'clone', '--quiet', '--bare', repo, `${repo}-hub.git`);
    return `${repo}-hub.git`;
  }

  it.each([
    ['a new branch', { branch: 'new' }],
    ['the branch of its HEAD', { branch: 'main' }],
  ])('gets a worktree of %s beside it', async (_, request) => {
    const hub = bare();
    await usableLayout(hub, false);
    const worktrees = new Worktrees();
    const checked = await worktrees.check(hub, request);
    const { path } = await worktrees.ensure(hub, checked);
    expect(path).toBe(`${hub.replace('.git', '')}-${request.branch}`);
    await requireFolderIn(path, hub);
    expect(readFileSync(join(path, 'file.txt'), 'utf8')).toBe('content\n');
    expect(git(path, 'status', '--porcelain')).toBe('');
    expect(git(path, 'symbolic-ref', '--short', 'HEAD').trim()).toBe(request.branch);
    // The worktree is in use now, as git sees it.
    expect(await worktrees.ensure(hub, request)).toMatchObject({ path, created: false });
    await worktrees.remove(hub, path);
    expect(existsSync(path)).toBe(false);
  });

  it.each([
    ['a .git file leads to', '.bare'],
    ['is called .git', '.git'],
  ])('that %s gets a worktree of the branch of its HEAD', async (_, name) => {
    const repo = repository();
    const hub = join(dirname(repo), 'hub');
    git('/', 'clone', '--quiet', '--bare', repo, join(hub, name));
    if (name === '.bare') writeFileSync(join(hub, '.git'), 'gitdir: ./.bare\n');
    await usableLayout(hub, false);
    const worktrees = new Worktrees();
    await worktrees.check(hub, { branch: 'main' });
    const { path } = await worktrees.ensure(hub, { branch: 'main' });
    expect(path).toBe(`${hub}-main`);
    // From a worktree of the bare repository, too.
    git(hub, 'worktree', 'add', '--quiet', '-b', 'tree', join(hub, 'tree'));
    git(hub, 'worktree', 'remove', path);
    expect(await worktrees.ensure(join(hub, 'tree'), { branch: 'main' })).toMatchObject({ created: true });
  });
});

describe('a submodule', () => {
  it('gets its worktree beside the superproject, not among its files', async () => {
    const top = repository();
    const inner = repository();
    git(inner, 'submodule', '--quiet', 'add', repository(), 'deep');
    git(inner, 'commit', '--quiet', '-m', 'Deep');
    git(top, 'submodule', '--quiet', 'add', inner, 'libs/sub');
    git(top, 'submodule', '--quiet', 'update', '--init', '--recursive');
    const before = git(top, 'status', '--porcelain');
    const worktrees = new Worktrees();
    const sub = join(top, 'libs/sub');
    for (const [cwd, name] of [
      [sub, 'repository-libs-sub-one'],
      [join(sub, 'deep'), 'repository-libs-sub-deep-one'],
    ] as const) {
      const { path } = await worktrees.ensure(cwd, await worktrees.check(cwd, { branch: 'one' }));
      expect(path).toBe(join(dirname(top), name));
      expect(git(path, 'status', '--porcelain')).toBe('');
    }
    expect(git(top, 'status', '--porcelain')).toBe(before);
  });

  it('that may not leave its folder gets it in its folder .worktrees, which git does not show', async () => {
    const top = repository();
    git(top, 'submodule', '--quiet', 'add', repository(), 'sub');
    const sub = join(top, 'sub');
    const request = { branch: 'one', workspaces: [top] };
    const { path } = await new Worktrees().ensure(sub, request);
    expect(path).toBe(join(sub, '.worktrees/one'));
    expect(git(sub, 'status', '--porcelain')).toBe('');
  });

  it('a repository in another one that has no submodules keeps its worktrees beside it', async () => {
    const top = repository();
    const nested = join(top, 'nested');
    git('/', 'clone', '--quiet', repository(), nested);
    expect(await new Worktrees().ensure(nested, { branch: 'one' })).toMatchObject({ path: `${nested}-one` });
  });
});

/** A repository with the folders `a`, `b` and `c`. */
function wide(): string {
  const repo = repository();
  for (const name of ['a', 'b', 'c']) {
    mkdirSync(join(repo, name));
    writeFileSync(join(repo, name, 'file.txt'), `${name}\n`);
  }
  git(repo, 'add', '.');
  git(repo, 'commit', '--quiet', '-m', 'Wide');
  return repo;
}

describe('a sparse checkout', () => {
  const foldersIn = (path: string): string[] => readdirSync(path).filter((name) => /^[abc]$/.test(name));

  it.each<[string, (repo: string) => void]>([
    ['in cone mode', (repo) => void git(repo, 'sparse-checkout', 'set', 'a')],
    ['with a sparse index', (repo) => void git(repo, 'sparse-checkout', 'set', '--sparse-index', 'a')],
    ['with patterns', (repo) => void git(repo, 'sparse-checkout', 'set', '--no-cone', '/a/', '/file.txt')],
    [
      'in the configuration of the repository',
      (repo) => {
        git(repo, 'config', 'core.sparseCheckout', 'true');
        git(repo, 'config', 'core.sparseCheckoutCone', 'false');
        writeFileSync(join(repo, '.git/info/sparse-checkout'), '/a/\n/file.txt\n');
        git(repo, 'read-tree', '-mu', 'HEAD');
      },
    ],
  ])('%s hands the same part on to a new worktree, as git worktree add does', async (_, make) => {
    const repo = wide();
    make(repo);
    expect(foldersIn(repo)).toEqual(['a']);
    git(repo, 'worktree', 'add', '--quiet', '-b', 'gits', `${repo}-gits`);
    const { path } = await new Worktrees().ensure(repo, { branch: 'ours' });
    expect(readdirSync(path)).toEqual(readdirSync(`${repo}-gits`));
    expect(foldersIn(path)).toEqual(['a']);
    expect(git(path, 'status', '--porcelain')).toBe('');
    expect(git(path, 'ls-files', '-t')).toBe(git(`${repo}-gits`, 'ls-files', '-t'));
    git(path, 'checkout', '--quiet', 'HEAD~1');
    git(path, 'checkout', '--quiet', 'ours');
    expect(foldersIn(path)).toEqual(['a']);
    // From the worktree to the next one.
    const next = await new Worktrees().ensure(path, { branch: 'next' });
    expect(foldersIn(next.path)).toEqual(['a']);
  });

  it('that was switched off has all files in a new worktree', async () => {
    const repo = wide();
    git(repo, 'sparse-checkout', 'set', 'a');
    git(repo, 'sparse-checkout', 'disable');
    const { path } = await new Worktrees().ensure(repo, { branch: 'ours' });
    expect(foldersIn(path)).toEqual(['a', 'b', 'c']);
  });
});

describe('a partial clone', () => {
  /** A clone of a repository with the branch `other`, whose `a/file.txt` is another one. */
  function partial(...options: string[]): string {
    const source = wide();
    git(source, 'switch', '--quiet', '-c', 'other');
    writeFileSync(join(source, 'a/file.txt'), 'other\n');
    git(source, 'commit', '--quiet', '-a', '-m', 'Other');
    git(source, 'switch', '--quiet', 'main');
    git(source, 'config', 'uploadpack.allowFilter', 'true');
    git(source, 'config', 'uploadpack.allowAnySHA1InWant', 'true');
    const clone = `${source}-clone`;
    git('/', 'clone', '--quiet', ...options, `file://${source}`, clone);
    return clone;
  }

  const refusal = async (repo: string, request: Parameters<Worktrees['check']>[1]): Promise<string> => {
    const errors = [];
    for (const method of ['check', 'ensure'] as const) {
      errors.push(
        await new Worktrees()[method](repo, request).then(
          () => 'none',
          (error: Error) => error.message,
        ),
      );
    }
    expect(errors[1]).toBe(errors[0]);
    return errors[0] ?? '';
  };

  it('makes a worktree of what it has', async () => {
    const repo = partial('--filter=blob:none');
    await new Worktrees().check(repo, { branch: 'one' });
    const { path } = await new Worktrees().ensure(repo, { branch: 'one' });
    expect(git(path, 'status', '--porcelain')).toBe('');
  });

  it.each([
    ['without files', ['--filter=blob:none']],
    ['without folders', ['--filter=tree:0']],
    ['without a checkout', ['--filter=blob:none', '--no-checkout']],
  ])('%s refuses what is missing at once, and either command that it names helps', async (_, options) => {
    for (const which of [0, 1]) {
      const repo = partial(...options);
      const refused = await refusal(repo, { branch: 'one', base: 'origin/other' });
      expect(refused).toContain('is a partial clone that lacks files of its start');
      expect(git(repo, 'branch', '--list', 'one')).toBe('');
      const [, own = '', all = ''] =
        /there: git -C '[^']*' (worktree add .*) \(or fetch.*: git -C '[^']*' (fetch .*)\)/.exec(refused) ?? [];
      const command = which === 0 ? own : all;
      git(repo, ...command.replaceAll("'", '').split(' '));
      await new Worktrees().check(repo, { branch: 'one', base: 'origin/other' });
      const made = await new Worktrees().ensure(repo, { branch: 'one', base: 'origin/other' });
      expect(made).toMatchObject({ path: `${repo}-one`, created: which === 1 });
      expect(readFileSync(join(made.path, 'a/file.txt'), 'utf8')).toBe('other\n');
    }
  });

  it('names the command for a branch that exists', async () => {
    const repo = partial('--filter=blob:none');
    git(repo, 'branch', '--no-track', 'one', 'origin/other');
    expect(await refusal(repo, { branch: 'one' })).toContain(`worktree add '${repo}-one' 'one' `);
  });

  it('with a sparse checkout needs only the files of that part', async () => {
    const repo = partial('--filter=blob:none', '--sparse');
    git(repo, 'sparse-checkout', 'set', 'b');
    await new Worktrees().check(repo, { branch: 'one' });
    const { path } = await new Worktrees().ensure(repo, { branch: 'one' });
    expect(readdirSync(path)).toEqual(['.git', 'b', 'file.txt']);
    await new Worktrees().check(repo, { branch: 'two', base: 'origin/other' });
    git(repo, 'sparse-checkout', 'set', 'a');
    expect(await refusal(repo, { branch: 'two', base: 'origin/other' })).toContain('is a partial clone');
  });

  it('a repository that is no partial clone and lacks a file is not called one', async () => {
    const repo = repository();
    const blob = git(repo, 'rev-parse', 'HEAD:file.txt').trim();
    rmSync(join(repo, '.git/objects', blob.slice(0, 2)), { recursive: true });
    await expect(new Worktrees().ensure(repo, { branch: 'one' })).rejects.not.toThrow('partial clone');
    expect(readdirSync(dirname(repo))).toEqual([basename(repo)]);
  });
});
