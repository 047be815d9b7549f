import { execFileSync } from 'node:child_process';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { Worktrees } from '../../../../../src/core/orchestration/git/worktrees/worktrees.js';
import { git, repository } from '../../../../support/git.js';

/** A clone with four commits, of which three are the remote's, and names for them. */
function scene() {
  const remote = repository();
  for (const name of ['second', 'third word']) git(remote, 'commit', '--quiet', '--allow-empty', '-m', name);
  git(remote, 'branch', 'dev', 'HEAD~1');
  const repo = `${remote}-clone`;
  git('/', 'clone', '--quiet', remote, repo);
  git(repo, 'tag', 'v1', 'HEAD~2');
  git(repo, 'tag', '-a', '-m', 'Annotated', 'annotated', 'HEAD~1');
  git(repo, 'commit', '--quiet', '--allow-empty', '-m', 'fourth');
  git(repo, 'reset', '--quiet', '--soft', 'HEAD~1');
  git(repo, 'commit', '--quiet', '--allow-empty', '-m', 'fifth');
  return repo;
}

const begin = async (repo: string, base?: string): Promise<string> => {
  const { path } = await new Worktrees().ensure(repo, { branch: 'new', ...(base !== undefined && { base }) });
  return git(path, 'rev-parse', 'HEAD');
};

describe('the base of a new branch', () => {
  it.each([
    'main',
    'refs/heads/main',
    'heads/main',
    'origin/dev',
    'origin',
    'v1',
    'annotated',
    'annotated^{}',
    'HEAD',
    '@',
    'HEAD~1',
    'HEAD^',
    'main~2',
    '@{u}',
    'main@{upstream}',
    'HEAD@{1}',
    'main@{1}',
    '@{1}',
    'ORIG_HEAD',
    'v1-1-gHASH',
    'FULL',
    'SHORT',
  ])('a branch starts from %s as git rev-parse takes it', async (given) => {
    const repo = scene();
    const commit = git(repo, 'rev-parse', 'HEAD~1').trim();
    const base = given.replace('HASH', commit.slice(0, 8)).replace('FULL', commit).replace('SHORT', commit.slice(0, 9));
    const expected = git(repo, 'rev-parse', '--verify', `${git(repo, 'rev-parse', base).trim()}^{commit}`);
    expect(await begin(repo, base)).toBe(expected);
  });

  it('HEAD@{1} is where HEAD was, also where its branch never was', async () => {
    const repo = scene();
    git(repo, 'checkout', '--quiet', '--detach', 'HEAD~1');
    git(repo, 'checkout', '--quiet', '-');
    expect(await begin(repo, 'HEAD@{1}')).toBe(git(repo, 'rev-parse', 'HEAD@{1}'));
  });

  it.each<[string, string, RegExp]>([
    ['a name that is nowhere', 'no-such', /no branch, tag or commit "no-such"/],
    ['a folder', 'HEAD^{tree}', /"HEAD\^\{tree\}" .* is a tree/],
    ['a file', 'HEAD:file.txt', /is a blob/],
    ['two commits', 'HEAD~2..HEAD', /"HEAD~2\.\.HEAD"/],
    ['an option', '--all', /"--all"/],
    ['a commit to leave out', '^main', /"\^main"/],
    ['a tag and a branch of one name', 'both', /refs\/tags\/both, refs\/heads\/both/],
    ['a search in all messages', ':/third word', /must not search in messages/],
    ['a search in the messages of a branch', 'HEAD^{/second}', /must not search in messages/],
  ])('%s is refused at once, and nothing is made', async (_, base, words) => {
    const repo = scene();
    git(repo, 'tag', 'both', 'HEAD~2');
    git(repo, 'branch', 'both');
    const refs = git(repo, 'for-each-ref');
    await expect(new Worktrees().check(repo, { branch: 'new', base })).rejects.toThrow(words);
    await expect(new Worktrees().ensure(repo, { branch: 'new', base })).rejects.toThrow(words);
    expect(git(repo, 'for-each-ref')).toBe(refs);
  });

  it('a branch and a tag of one name are no problem if they are at one commit', async () => {
    const repo = scene();
    git(repo, 'tag', 'both');
    git(repo, 'branch', 'both');
    expect(await begin(repo, 'both')).toBe(git(repo, 'rev-parse', 'HEAD'));
  });

  it('a FIFO in the place of a branch is refused without waiting', async () => {
    const repo = scene();
    execFileSync('mkfifo', [join(repo, '.git/refs/heads/fifo')]);
    await expect(new Worktrees().check(repo, { branch: 'new', base: 'fifo' })).rejects.toThrow('is no file');
  });

  it('in a linked worktree, HEAD is what that worktree has checked out', async () => {
    const repo = scene();
    git(repo, 'worktree', 'add', '--quiet', '--detach', `${repo}-linked`, 'v1');
    expect(await begin(`${repo}-linked`)).toBe(git(repo, 'rev-parse', 'v1'));
  });

  it('a repository without commits is refused with the branch that has none', async () => {
    const repo = `${repository()}-empty`;
    git('/', 'init', '--quiet', '--initial-branch=trunk', repo);
    await expect(new Worktrees().check(repo, { branch: 'new' })).rejects.toThrow('"trunk", has no commit');
  });
});

describe('a session that waits', () => {
  it('a branch counts as it is when the session starts', async () => {
    const repo = scene();
    const worktrees = new Worktrees();
    const request = await worktrees.check(repo, { branch: 'new' });
    expect(request.base).toBe('refs/heads/main');
    git(repo, 'commit', '--quiet', '--allow-empty', '-m', 'Meanwhile');
    const { path } = await worktrees.ensure(repo, request);
    expect(git(path, 'log', '-1', '--format=%s')).toBe('Meanwhile\n');
  });

  it('another checked out branch does not change the start', async () => {
    const repo = scene();
    const worktrees = new Worktrees();
    const request = await worktrees.check(repo, { branch: 'new' });
    git(repo, 'switch', '--quiet', '--detach', 'v1');
    const { path } = await worktrees.ensure(repo, request);
    expect(git(path, 'log', '-1', '--format=%s')).toBe('fifth\n');
  });

  it('a commit that is named by its distance is the one of the creation', async () => {
    const repo = scene();
    const worktrees = new Worktrees();
    const request = await worktrees.check(repo, { branch: 'new', base: 'HEAD~1' });
    writeFileSync(join(repo, 'x'), '');
    git(repo, 'commit', '--quiet', '--allow-empty', '-m', 'Meanwhile');
    const { path } = await worktrees.ensure(repo, request);
    expect(git(path, 'log', '-1', '--format=%s')).toBe('third word\n');
  });

  it('the branch of a session that has to end before need not exist yet', async () => {
    const repo = scene();
    const worktrees = new Worktrees();
    const request = await worktrees.check(repo, { branch: 'new', base: 'earlier', awaits: ['earlier'] });
    git(repo, 'branch', 'earlier', 'v1');
    const { path } = await worktrees.ensure(repo, request);
    expect(git(path, 'rev-parse', 'HEAD')).toBe(git(repo, 'rev-parse', 'v1'));
  });
});

const refusal = (repo: string, base?: string): Promise<string> =>
  begin(repo, base).then(
    () => 'nothing is refused',
    (error: Error) => error.message,
  );

it.each([
  'main-worktree/HEAD',
  'worktrees/wt/HEAD',
  'refs/worktree/foo',
  'worktree/foo',
  'refs/bisect/bad',
  'bisect/bad',
])('a name of one worktree only is refused in a linked worktree: %s', async (base) => {
  const repo = scene();
  git(repo, 'worktree', 'add', '--quiet', '-b', 'wt', join(repo, '../wt'), 'HEAD~1');
  for (const ref of ['refs/worktree/foo', 'refs/bisect/bad'])
    for (const top of [repo, join(repo, '../wt')]) git(top, 'update-ref', ref, 'HEAD');
  const message = await refusal(join(repo, '../wt'), base);
  expect(message).toContain(`"${base}" ('worktree.base') is a name that belongs to one worktree only`);
  const commit = git(join(repo, '../wt'), 'rev-parse', '--verify', base).trim();
  expect(message).toContain(`rev-parse --verify '${base}'`);
  expect(await begin(join(repo, '../wt'), commit)).toBe(`${commit}\n`);
});

it('a branch may have a name that looks like that of one worktree', async () => {
  const repo = scene();
  git(repo, 'branch', 'worktrees/a/b', 'HEAD~1');
  expect(await begin(repo, 'worktrees/a/b')).toBe(git(repo, 'rev-parse', 'HEAD~1'));
});

it('the advised command takes the given name as one word', async () => {
  const repo = scene();
  expect(await refusal(repo, "no such'; x")).toContain(String.raw`rev-parse --verify 'no such'\''; x'`);
});

it('what lies beyond the cut of a shallow clone is refused with the command that fetches it', async () => {
  const repo = scene();
  git('/', 'clone', '--quiet', '--depth=1', `file://${repo}`, `${repo}-shallow`);
  expect(await refusal(`${repo}-shallow`, 'HEAD~1')).toMatch(/is a shallow clone.*'git fetch --unshallow'/);
  expect(await refusal(repo, 'HEAD~9')).not.toContain('shallow');
});

it.each<[string, (gitDir: string) => void]>([
  ['a list of branches that git cannot read', (gitDir) => writeFileSync(join(gitDir, 'packed-refs'), 'xx\n')],
  ['an empty ref file', (gitDir) => writeFileSync(join(gitDir, 'refs/heads/main'), '')],
  [
    'lost objects',
    (gitDir) => {
      rmSync(join(gitDir, 'objects'), { recursive: true });
      mkdirSync(join(gitDir, 'objects'));
    },
  ],
])('a damaged repository is not taken for one without commits: %s', async (_, damage) => {
  const repo = repository();
  if (_.startsWith('a list')) git(repo, 'pack-refs', '--all');
  damage(join(repo, '.git'));
  for (const base of [undefined, 'main', 'HEAD']) {
    const message = await refusal(repo, base);
    expect(message).toContain(`git -C '${repo}' fsck`);
    expect(message).not.toContain('first commit');
  }
});

it('a repository without commits is told to make one', async () => {
  const repo = `${repository()}-new`;
  git('/', 'init', '--quiet', repo);
  expect(await refusal(repo)).toContain('Make a first commit');
});
