import {
  chmodSync,
  existsSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { delimiter, join } from 'node:path';
import { describe, expect, it, vi } from 'vitest';
import { Worktrees } from '../../../../../src/core/orchestration/git/worktrees/worktrees.js';
import { git, repository } from '../../../../support/git.js';
import { tempFolder } from '../../../../support/temp-folder.js';

it('many worktrees of one repository can be created at the same time', async () => {
  const repo = repository();
  const worktrees = new Worktrees();
  const branches = ['one', 'two', 'three', 'four', 'five', 'six'];
  const made = await Promise.all(branches.map((branch) => worktrees.ensure(repo, { branch })));
  expect(made).toMatchObject(branches.map((branch) => ({ path: `${repo}-${branch}`, branch, created: true })));
  for (const { path } of made) {
    expect(readFileSync(join(path, 'file.txt'), 'utf8')).toBe('content\n');
    expect(git(path, 'status', '--porcelain')).toBe('');
  }
  await expect(worktrees.ensure(repo, { branch: 'seven', base: 'nowhere' })).rejects.toMatchObject({
    code: 'WORKTREE_FAILED',
    message: expect.stringContaining('"nowhere"'),
  });
  await worktrees.remove(repo, `${repo}-one`);
  expect(await worktrees.ensure(repo, { branch: 'one' })).toMatchObject({ created: true });
  expect(await worktrees.ensure(repo, { branch: 'two' })).toMatchObject({ created: false, path: `${repo}-two` });
});

it('a branch whose worktree was deleted by hand gets a new one after the command that the error names', async () => {
  const repo = repository();
  const worktrees = new Worktrees();
  const { path } = await worktrees.ensure(repo, { branch: 'one' });
  rmSync(path, { recursive: true });
  const refused = await worktrees.ensure(repo, { branch: 'one' }).catch((error: Error) => error.message);
  expect(refused).toContain('worktree prune');
  git(repo, 'worktree', 'prune');
  expect(await worktrees.ensure(repo, { branch: 'one' })).toMatchObject({ path, created: true });
});

/** Usual kinds of repositories with the branches `main` and `side/one`. */
const EVERYDAY: readonly (readonly [name: string, make: (repo: string) => string])[] = [
  [
    'packed refs and objects and an empty folder of a branch',
    (repo) => {
      git(repo, 'pack-refs', '--all');
      git(repo, 'gc', '--quiet');
      mkdirSync(join(repo, '.git/refs/heads/side/one'), { recursive: true });
      return repo;
    },
  ],
  [
    'many packs, a multi-pack index and a commit graph',
    (repo) => {
      for (const name of ['a', 'b', 'c']) {
        git(repo, 'commit', '--quiet', '--allow-empty', '-m', name);
        git(repo, 'repack', '-d', '--quiet');
      }
      git(repo, 'multi-pack-index', 'write');
      git(repo, 'commit-graph', 'write', '--reachable');
      return repo;
    },
  ],
  [
    'the history of a shallow clone',
    (repo) => {
      git(repo, 'commit', '--quiet', '--allow-empty', '-m', 'More');
      git('/', 'clone', '--quiet', '--depth=1', '--no-single-branch', `file://${repo}`, `${repo}-clone`);
      return `${repo}-clone`;
    },
  ],
  [
    'a linked worktree as the workspace',
    (repo) => {
      git(repo, 'worktree', 'add', '--quiet', '-b', 'linked', `${repo}-linked`);
      return `${repo}-linked`;
    },
  ],
  [
    'a linked worktree of a bare repository as the workspace',
    (repo) => {
      git('/', 'clone', '--quiet', '--bare', repo, `${repo}.git`);
      git(`${repo}.git`, 'worktree', 'add', '--quiet', '-b', 'linked', `${repo}-linked`);
      return `${repo}-linked`;
    },
  ],
];

it.each(EVERYDAY)('worktrees are created from a repository with %s', async (_, make) => {
  const origin = repository();
  git(origin, 'tag', 'v1');
  git(origin, 'branch', 'side/one');
  const cwd = make(origin);
  for (const request of [{ branch: 'side/one' }, { branch: 'new', base: 'side/one' }]) {
    const { path, created } = await new Worktrees().ensure(cwd, request);
    expect(created).toBe(true);
    expect(readFileSync(join(path, 'file.txt'), 'utf8')).toBe('content\n');
    expect(git(path, 'status', '--porcelain')).toBe('');
    expect(git(path, 'diff-files', '--name-only')).toBe('');
    expect(git(path, 'rev-parse', '--abbrev-ref', 'HEAD')).toBe(`${request.branch}\n`);
  }
});

describe('a new branch', () => {
  /** A clone of another repository. The branch `topic` is in the remote, the branch `local` in the clone. */
  function clone(): string {
    const remote = repository();
    git(remote, 'switch', '--quiet', '-c', 'topic');
    writeFileSync(join(remote, 'topic.txt'), 'x');
    git(remote, 'add', '.');
    git(remote, 'commit', '--quiet', '-m', 'Topic');
    git(remote, 'switch', '--quiet', 'main');
    const repo = `${remote}-clone`;
    git('/', 'clone', '--quiet', remote, repo);
    git(repo, 'branch', 'local', 'origin/topic');
    return repo;
  }

  it.each([
    ['the checked-out commit', { branch: 'new' }, false],
    ['a local base', { branch: 'new', base: 'local' }, true],
    ['a remote base', { branch: 'new', base: 'origin/topic' }, true],
    ['the only remote branch of its name', { branch: 'topic' }, true],
  ])('a new branch starts from %s', async (_, request, isTopic) => {
    const { path } = await new Worktrees().ensure(clone(), request);
    expect(existsSync(join(path, 'topic.txt'))).toBe(isTopic);
  });

  it('a new branch starts from the commit that is checked out if no branch is', async () => {
    const repo = repository();
    git(repo, 'checkout', '--quiet', '--detach');
    git(repo, 'commit', '--quiet', '--allow-empty', '-m', 'Detached');
    const { path } = await new Worktrees().ensure(repo, { branch: 'new' });
    expect(git(path, 'log', '-1', '--format=%s')).toBe('Detached\n');
  });
});

describe('a repository that an agent controls', () => {
  /** A repository whose one file goes through the filter `x`, and a command that leaves a trace. */
  function armed() {
    const repo = repository();
    const trace = join(repo, '..', 'ran');
    writeFileSync(join(repo, '.gitattributes'), '*.txt filter=x\n');
    git(repo, 'add', '.');
    git(repo, 'commit', '--quiet', '-m', 'Attributes');
    const filter = `[filter "x"]\n\tsmudge = "touch ${trace}; cat"\n`;
    const append = (text: string): void =>
      writeFileSync(join(repo, '.git/config'), readFileSync(join(repo, '.git/config'), 'utf8') + text);
    return { repo, trace, filter, append };
  }

  it.each<[string, (scene: ReturnType<typeof armed>) => void]>([
    ['a filter', ({ filter, append }) => append(filter)],
    [
      'a filter of an included configuration file',
      ({ repo, filter, append }) => {
        writeFileSync(join(repo, 'evil.cfg'), filter);
        append('[include]\n\tpath = ../evil.cfg\n');
      },
    ],
    [
      'a filter of a configuration file that is included only for the new branch',
      ({ repo, filter, append }) => {
        writeFileSync(join(repo, 'evil.cfg'), filter);
        append('[includeIf "onbranch:one"]\n\tpath = ../evil.cfg\n');
      },
    ],
    [
      'a filter behind a megabyte of comments',
      ({ filter, append }) => append(`${'# more\n'.repeat(200_000)}${filter}`),
    ],
    [
      'a filter of a `commondir` elsewhere',
      ({ repo, filter }) => {
        const elsewhere = join(repo, '..', 'elsewhere');
        git('/', 'clone', '--quiet', '--bare', repo, elsewhere);
        writeFileSync(join(elsewhere, 'config'), readFileSync(join(elsewhere, 'config'), 'utf8') + filter);
        writeFileSync(join(repo, '.git/commondir'), `${elsewhere}\n`);
      },
    ],
    [
      'a hook',
      ({ repo, trace }) => {
        for (const name of ['post-checkout', 'reference-transaction', 'post-index-change']) {
          writeFileSync(join(repo, '.git/hooks', name), `#!/bin/sh\ntouch ${trace}\n`);
          chmodSync(join(repo, '.git/hooks', name), 0o755);
        }
      },
    ],
  ])('creating a worktree does not execute %s', async (_, arm) => {
    const scene = armed();
    arm(scene);
    await new Worktrees().ensure(scene.repo, { branch: 'one', base: 'main' });
    expect(existsSync(scene.trace)).toBe(false);

    const plain = armed();
    arm(plain);
    git(plain.repo, 'worktree', 'add', '--quiet', '-b', 'one', `${plain.repo}-one`, 'main');
    expect(existsSync(plain.trace), 'git itself runs it').toBe(true);
  });

  it('creating a worktree executes nothing if objects are missing and claimed to be elsewhere', async () => {
    const { repo, trace, append } = armed();
    const blob = git(repo, 'rev-parse', 'HEAD:file.txt').trim();
    renameSync(join(repo, '.git/objects', blob.slice(0, 2), blob.slice(2)), join(repo, 'away'));
    append(
      `[extensions]\n\tpartialClone = o\n[remote "o"]\n\tpromisor = true\n\turl = ${repo}\n\tuploadpack = "touch ${trace}; false"\n`,
    );
    git(repo, 'config', 'core.repositoryformatversion', '1');
    await expect(new Worktrees().ensure(repo, { branch: 'one', base: 'main' })).rejects.toMatchObject({
      code: 'WORKTREE_FAILED',
    });
    expect(existsSync(trace)).toBe(false);
    expect(existsSync(`${repo}-one`)).toBe(false);
    expect(() => git(repo, 'cat-file', '-p', blob)).toThrow();
    expect(existsSync(trace), 'git itself runs it').toBe(true);
  });

  it.each<[string, (workspace: string, other: string) => void]>([
    ['a `.git` file', (workspace, other) => writeFileSync(join(workspace, '.git'), `gitdir: ${other}/.git\n`)],
    [
      'a `.git` file and a forged git folder',
      (workspace, other) => {
        const folder = join(workspace, 'own/worktrees/x');
        mkdirSync(folder, { recursive: true });
        writeFileSync(join(workspace, '.git'), `gitdir: ${folder}\n`);
        writeFileSync(join(folder, 'HEAD'), 'ref: refs/heads/main\n');
        writeFileSync(join(folder, 'commondir'), `${other}/.git\n`);
        writeFileSync(join(folder, 'gitdir'), `${workspace}/.git\n`);
      },
    ],
    ['a link', (workspace, other) => symlinkSync(join(other, '.git'), join(workspace, '.git'))],
  ])('no worktree of another repository is created through %s', async (_, lead) => {
    const other = repository();
    const workspace = join(tempFolder(), 'workspace');
    mkdirSync(workspace);
    lead(workspace, other);
    await expect(new Worktrees().ensure(workspace, { branch: 'one', base: 'main' })).rejects.toMatchObject({
      code: 'WORKTREE_FAILED',
    });
    expect(git(other, 'worktree', 'list').trim().split('\n')).toHaveLength(1);
    expect(git(other, 'branch', '--list', 'one')).toBe('');
  });

  it('an agent that works in a part of a repository cannot get a worktree of all of it', async () => {
    const repo = repository();
    mkdirSync(join(repo, 'part'));
    writeFileSync(join(repo, 'part/file'), '');
    git(repo, 'add', '.');
    git(repo, 'commit', '--quiet', '-m', 'Part');
    const worktrees = new Worktrees();
    await expect(worktrees.ensure(join(repo, 'part'), { branch: 'one', own: true })).rejects.toThrow('all of it');
    expect(await worktrees.ensure(repo, { branch: 'one', own: true })).toMatchObject({ created: true });
    expect(await worktrees.ensure(join(repo, 'part'), { branch: 'two' })).toMatchObject({ created: true });
  });
});

describe('a filter of the user', () => {
  /** A repository with a file for the filter. */
  function filtered(name: string) {
    const repo = repository();
    writeFileSync(join(repo, '.gitattributes'), `*.txt filter=${name}\n`);
    git(repo, 'add', '.gitattributes');
    git(repo, 'commit', '--quiet', '-m', 'Attributes');
    return repo;
  }

  it('a filter of the user is applied, as in an ordinary checkout', async () => {
    const repo = filtered('upper');
    const config = join(repo, '..', 'gitconfig');
    writeFileSync(config, '[filter "upper"]\n\tsmudge = tr a-z A-Z\n');
    vi.stubEnv('GIT_CONFIG_GLOBAL', config);
    const { path } = await new Worktrees().ensure(repo, { branch: 'one' });
    vi.unstubAllEnvs();
    expect(readFileSync(join(path, 'file.txt'), 'utf8')).toBe('CONTENT\n');
  });

  it('a filter of the repository is applied only if it is Git LFS as its installation writes it', async () => {
    const repo = filtered('lfs');
    const bin = tempFolder();
    const asked = join(bin, 'asked');
    const script = ['tr a-z A-Z', `git config lfs.storage >${asked}`, `git config remote.origin.url >>${asked}`];
    writeFileSync(join(bin, 'git-lfs'), `#!/bin/sh\n${script.join('\n')}\n`);
    chmodSync(join(bin, 'git-lfs'), 0o755);
    vi.stubEnv('PATH', `${bin}${delimiter}${process.env.PATH}`);
    mkdirSync(join(repo, '.git/lfs'));
    git(repo, 'config', 'remote.origin.url', 'https://git.example.invalid/a.git');
    git(repo, 'config', 'filter.lfs.smudge', 'git-lfs smudge -- %f');
    const first = await new Worktrees().ensure(repo, { branch: 'one' });
    git(repo, 'config', 'filter.lfs.smudge', 'git-lfs smudge -- %f; true');
    const second = await new Worktrees().ensure(repo, { branch: 'two' });
    vi.unstubAllEnvs();
    expect(readFileSync(join(first.path, 'file.txt'), 'utf8')).toBe('CONTENT\n');
    expect(readFileSync(asked, 'utf8')).toEqual(
      expect.stringMatching(`/root${repo}/.git/lfs\nhttps://git.example.invalid/a.git\n$`),
    );
    expect(readFileSync(join(second.path, 'file.txt'), 'utf8')).toBe('content\n');
  });
});
