import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, readlinkSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { Worktrees } from '../../../../../src/core/orchestration/git/worktrees/worktrees.js';
import { git, repository } from '../../../../support/git.js';
import { tempFolder } from '../../../../support/temp-folder.js';

function write(root: string, files: Readonly<Record<string, string>>): void {
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(root, name)), { recursive: true });
    writeFileSync(join(root, name), text);
  }
}

/** A repository that ignores some files, which exist. */
function scene(rules = '.env*\nnode_modules/\nsecrets/\n*.log\n') {
  const repo = repository();
  write(repo, { '.gitignore': rules });
  git(repo, 'add', '.');
  git(repo, 'commit', '--quiet', '-m', 'Rules');
  write(repo, {
    '.env': 'KEY=1\n',
    '.env.local': 'KEY=2\n',
    'node_modules/a/index.js': 'a',
    'node_modules/a/.env': 'not asked for',
    'secrets/one.json': '{}',
    'secrets/two.txt': '2',
    'new.txt': 'neither committed nor ignored',
  });
  return repo;
}

describe('files that git ignores', () => {
  it('a new worktree gets the ignored files that the patterns name, and no change shows', async () => {
    const repo = scene();
    const copy = ['.env', '/node_modules/', 'secrets/*.json', 'new.txt', 'file.txt'];
    const { path, warnings } = await new Worktrees().ensure(repo, { branch: 'one', copy });
    expect(readFileSync(join(path, '.env'), 'utf8')).toBe('KEY=1\n');
    expect(readFileSync(join(path, 'node_modules/a/index.js'), 'utf8')).toBe('a');
    expect(existsSync(join(path, 'secrets/one.json'))).toBe(true);
    for (const name of ['.env.local', 'secrets/two.txt', 'new.txt']) expect(existsSync(join(path, name))).toBe(false);
    expect(git(path, 'status', '--porcelain')).toBe('');
    expect(warnings).toEqual([expect.stringContaining('fits "new.txt", "file.txt" (\'worktree.copy\')')]);
  });

  it('files are found in folders whose files are all ignored, but of which no rule speaks', async () => {
    const repo = scene();
    const files = ['services/a/.env', 'services/a/run.log', 'services/b/deep/.env', 'only/.env.local', 'full/.env'];
    write(repo, Object.fromEntries(files.map((name) => [name, name])));
    write(repo, { 'services/b/node_modules/x/.env': 'not asked for', 'services/b/node_modules/x/index.js': '' });
    const copy = ['.env', 'full/'];
    const { path, warnings } = await new Worktrees().ensure(repo, { branch: 'one', copy });
    const copied = git(path, 'ls-files', '--others').trim().split('\n');
    expect(copied).toEqual(['.env', 'full/.env', 'services/a/.env', 'services/b/deep/.env']);
    expect(warnings).toBeUndefined();
  });

  it('a pattern that names nothing gives a warning, also beside patterns that name something', async () => {
    const repo = scene();
    write(repo, { '.worktreeinclude': '.env.nobody\n', 'secrets/.env.deep': '' });
    const copy = ['.env', '.env.l*', 'node_modules/', 'secrets/*.json', '!two.txt', '', '# none'];
    const used = await new Worktrees().ensure(repo, { branch: 'one', copy });
    expect(used.warnings).toBeUndefined();
    const idle = ['.envv', '*.deep', 'secrets/*.pem', 'nowhere/', 'index.js'];
    const { warnings } = await new Worktrees().ensure(repo, { branch: 'two', copy: [...copy, ...idle] });
    expect(warnings).toEqual([expect.stringContaining(idle.map((each) => JSON.stringify(each)).join(', '))]);
  });

  it('a pattern with a path reaches into an ignored folder, and a later pattern takes files out again', async () => {
    const repo = scene();
    write(repo, { 'secrets/deep/three.json': '3', 'secrets/.env': 'not asked for' });
    const copy = ['.env', 'secrets/**', '!two.*', '!.env', 'node_modules/a/*.js'];
    const { path } = await new Worktrees().ensure(repo, { branch: 'one', copy });
    expect(git(path, 'ls-files', '--others').trim().split('\n')).toEqual([
      'node_modules/a/index.js',
      'secrets/deep/three.json',
      'secrets/one.json',
    ]);
  });

  it('a name without a slash does not reach into a folder that is ignored as a whole', async () => {
    const repo = scene();
    const { path } = await new Worktrees().ensure(repo, { branch: 'one', copy: ['.env'] });
    expect(existsSync(join(path, 'node_modules'))).toBe(false);
  });

  it('the patterns of .worktreeinclude count, unless include names other files or none', async () => {
    const repo = scene();
    write(repo, { '.worktreeinclude': '# For agents\r\n\r\n.env*\r\n!.env.local\r\n', other: 'secrets/\n' });
    const ensure = async (branch: string, include?: string[]) => {
      const { path } = await new Worktrees().ensure(repo, { branch, ...(include && { include }) });
      return ['.env', '.env.local', 'secrets/two.txt'].filter((name) => existsSync(join(path, name)));
    };
    expect(await ensure('one')).toEqual(['.env']);
    expect(await ensure('two', ['other'])).toEqual(['secrets/two.txt']);
    expect(await ensure('three', [])).toEqual([]);
    await expect(new Worktrees().check(repo, { branch: 'four', include: ['missing'] })).rejects.toThrow('missing');
  });

  it('copies keep mode and time', async () => {
    const repo = scene();
    write(repo, { '.env.sh': '#!/bin/sh\n' });
    execFileSync('chmod', ['750', join(repo, '.env.sh')]);
    execFileSync('touch', ['-d', '2020-01-01T00:00:00Z', join(repo, '.env.sh')]);
    const { path } = await new Worktrees().ensure(repo, { branch: 'one', copy: ['.env.sh'] });
    const { mode, mtime } = statSync(join(path, '.env.sh'));
    expect([mode & 0o777, mtime.toISOString()]).toEqual([0o750, '2020-01-01T00:00:00.000Z']);
  });

  it('a file that git does not ignore at the start of the branch is not copied, and a warning says so', async () => {
    const repo = scene();
    const { path, warnings } = await new Worktrees().ensure(repo, { branch: 'one', base: 'HEAD~1', copy: ['.env'] });
    expect(existsSync(join(path, '.env'))).toBe(false);
    expect(warnings?.join()).toContain('.env (git does not ignore it');
  });

  it('a linked worktree as the workspace hands on its own ignored files', async () => {
    const repo = scene();
    const { path: cwd } = await new Worktrees().ensure(repo, { branch: 'one' });
    write(cwd, { '.env': 'KEY=other\n' });
    const { path } = await new Worktrees().ensure(cwd, { branch: 'two', copy: ['.env'] });
    expect(readFileSync(join(path, '.env'), 'utf8')).toBe('KEY=other\n');
  });
});

describe('a checkout in which an agent has worked', () => {
  it('patterns of an include file do not reach through a link, neither out of the repository nor inside of it', async () => {
    const repo = scene();
    const outside = tempFolder();
    write(outside, { 'key.log': 'private key\n' });
    symlinkSync(outside, join(repo, 'out'));
    symlinkSync('secrets', join(repo, 'in'));
    write(repo, { list: 'out/*.log\nout/\nin/*.json\nsecrets/one.json\n' });
    const { path } = await new Worktrees().ensure(repo, { branch: 'one', include: ['list'] });
    expect(git(path, 'ls-files', '--others').trim().split('\n')).toEqual(['secrets/one.json']);
  });

  it('no file of the machine is copied through a link, and links inside the repository stay links', async () => {
    const repo = scene();
    const secret = join(tempFolder(), 'key');
    writeFileSync(secret, 'private key\n');
    symlinkSync(secret, join(repo, '.env.link'));
    symlinkSync(dirname(secret), join(repo, 'node_modules/out'));
    symlinkSync(`${'../'.repeat(30)}${secret}`, join(repo, 'node_modules/up'));
    symlinkSync('a', join(repo, 'node_modules/b'));
    const copy = ['.env.link', 'node_modules/'];
    const { path, warnings } = await new Worktrees().ensure(repo, { branch: 'one', copy });
    for (const name of ['.env.link', 'node_modules/out', 'node_modules/up']) {
      expect(() => readlinkSync(join(path, name)), name).toThrow();
    }
    expect(readlinkSync(join(path, 'node_modules/b'))).toBe('a');
    expect(warnings?.join()).toContain('.env.link (a link to');
  });

  it('a pattern for which a regular expression would search for ever is matched at once', async () => {
    const repo = scene();
    const name = `.env${'a'.repeat(200)}`;
    const hard = `${'*a'.repeat(20)}b`;
    write(repo, { [name]: '1', [`secrets/${name}`]: '2', '.worktreeinclude': `${hard}\nsecrets/${hard}\n.env\n` });
    const { path } = await new Worktrees().ensure(repo, { branch: 'one' });
    expect(git(path, 'ls-files', '--others')).toBe('.env\n');
  });

  it('more files than anybody would name one by one are refused', async () => {
    const repo = scene();
    const bulk = join(repo, 'secrets');
    execFileSync('sh', ['-c', 'seq 20001 | xargs touch', 'sh'], { cwd: bulk });
    const copy = ['secrets/[0-9]*'];
    await expect(new Worktrees().ensure(repo, { branch: 'one', copy })).rejects.toThrow('name folders instead');
    expect(existsSync(`${repo}-one`)).toBe(false);
  });

  it('FIFOs and nested repositories are left out', async () => {
    const repo = scene();
    execFileSync('mkfifo', [join(repo, '.env.fifo'), join(repo, 'node_modules/fifo')]);
    git(repo, 'init', '--quiet', 'node_modules/nested');
    const { path, warnings } = await new Worktrees().ensure(repo, {
      branch: 'one',
      copy: ['.env.fifo', 'node_modules/'],
    });
    expect(existsSync(join(path, 'node_modules/a/index.js'))).toBe(true);
    for (const name of ['.env.fifo', 'node_modules/fifo', 'node_modules/nested/.git']) {
      expect(existsSync(join(path, name)), name).toBe(false);
    }
    expect(warnings?.join()).toContain('a repository of its own');
  });

  it('a list of files that is a link or a FIFO is refused and nothing is made', async () => {
    for (const make of [
      (file: string) => symlinkSync('/etc/hostname', file),
      (file: string) => execFileSync('mkfifo', [file]),
    ]) {
      const repo = scene();
      make(join(repo, '.worktreeinclude'));
      await expect(new Worktrees().check(repo, { branch: 'one' })).rejects.toMatchObject({ code: 'WORKTREE_FAILED' });
      await expect(new Worktrees().ensure(repo, { branch: 'one' })).rejects.toThrow('.worktreeinclude');
      expect([existsSync(`${repo}-one`), git(repo, 'branch', '--list', 'one')]).toEqual([false, '']);
    }
  });

  it('a link that the commit has in the place of a folder is not followed', async () => {
    const repo = scene('sub/x\n');
    const outside = tempFolder();
    symlinkSync(outside, join(repo, 'sub'));
    git(repo, 'add', '.');
    git(repo, 'commit', '--quiet', '-m', 'Link');
    git(repo, 'rm', '--quiet', 'sub');
    write(repo, { 'sub/x': 'ignored' });
    const { path } = await new Worktrees().ensure(repo, { branch: 'one', copy: ['sub/x'] });
    expect(existsSync(join(outside, 'x'))).toBe(false);
    expect(readlinkSync(join(path, 'sub'))).toBe(outside);
  });

  it('a list of files that only a commit has does not count', async () => {
    const repo = scene();
    git(repo, 'switch', '--quiet', '-c', 'agent');
    write(repo, { '.worktreeinclude': '.env\n' });
    git(repo, 'add', '.worktreeinclude');
    git(repo, 'commit', '--quiet', '-m', 'List');
    git(repo, 'switch', '--quiet', 'main');
    const { path } = await new Worktrees().ensure(repo, { branch: 'one', base: 'agent' });
    expect(existsSync(join(path, '.env'))).toBe(false);
  });
});
