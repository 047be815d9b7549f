import { once } from 'node:events';
import {
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { type ContainerGit, containerGit } from '../../../../../src/core/orchestration/git/container/container-git.js';
import { errorOf } from '../../../../support/errors.js';
import { git, repository } from '../../../../support/git.js';
import { tempFolder } from '../../../../support/temp-folder.js';

const RUN = '/run/autonomous-orchestration';
const NOBODY = { env: { GIT_CONFIG_SYSTEM: '/dev/null', GIT_CONFIG_GLOBAL: '/dev/null' }, home: '/nonexistent' };

interface Asked {
  folder?: string;
  readOnly?: boolean;
  env?: Record<string, string>;
  workspaces?: string[];
  identity?: { name: string; email: string };
}

function gitFor(checkout: string, asked: Asked = {}): Promise<ContainerGit> {
  const { folder = tempFolder(), readOnly = false, env = {}, workspaces, identity } = asked;
  return containerGit({ checkout, folder, readOnly, env, workspaces, identity, person: NOBODY });
}

/** The content that a container finds at a path. */
function contentAt({ mounts }: ContainerGit, path: string): string {
  const found = mounts.findLast(({ target }) => path === target || path.startsWith(`${target}/`));
  return readFileSync(`${found?.source}${path.slice(found?.target.length)}`, 'utf8');
}

describe('the configuration that git has in a container', () => {
  it('is a copy, in which the name and address are added unless the repository has its own', async () => {
    const root = repository();
    git(root, 'config', 'user.email', 'repo@example.org');
    git(root, 'config', 'alias.x', '!f() { echo "a;b"; }; f');
    const made = await gitFor(root, { identity: { name: 'Ada', email: 'ada@example.org' } });
    const copy = join(tempFolder(), 'config');
    writeFileSync(copy, contentAt(made, `${RUN}/git/config`));
    const value = (name: string): string => git('/', 'config', '--file', copy, '--get-all', name);
    expect([value('user.name'), value('user.email'), value('alias.x')]).toEqual([
      'Ada\n',
      'repo@example.org\n',
      '!f() { echo "a;b"; }; f\n',
    ]);
    expect(contentAt(made, `${RUN}/gitconfig`)).toContain('ada@example.org');
    expect(made.env.GIT_CONFIG_SYSTEM).toBe(`${RUN}/gitconfig`);
    expect(git(root, 'config', '--local', '--get', 'user.email')).toBe('repo@example.org\n');
  });

  it('has the ignore rules of the user of the machine, so that git ignores the same files', async () => {
    const [root, home] = [repository(), tempFolder()];
    git(root, 'config', 'core.excludesFile', join(home, 'gone'));
    mkdirSync(join(home, '.config/git'), { recursive: true });
    writeFileSync(join(home, '.config/git/ignore'), '.env\n');
    const person = { ...NOBODY, home };
    const given = { checkout: root, readOnly: false, env: {}, workspaces: undefined, identity: undefined, person };
    const made = await containerGit({ ...given, folder: tempFolder() });
    expect(contentAt(made, `${RUN}/gitignore`)).toBe('.env\n');
    expect(made.mounts.find(({ target }) => target === `${RUN}/gitignore`)?.readonly).toBe(true);
    const setting = (name: string): string => {
      const copy = join(tempFolder(), 'config');
      writeFileSync(copy, contentAt(made, name));
      return git('/', 'config', '--file', copy, '--default', 'none', '--get', 'core.excludesFile').trim();
    };
    expect([setting(`${RUN}/gitconfig`), setting(`${RUN}/git/config`)]).toEqual([`${RUN}/gitignore`, 'none']);
  });

  it('has no ignore rules of a file that is too long, and the process is warned', async () => {
    const home = tempFolder();
    mkdirSync(join(home, '.config/git'), { recursive: true });
    writeFileSync(join(home, '.config/git/ignore'), 'x'.repeat(100_000));
    const given = { checkout: repository(), readOnly: false, env: {}, workspaces: undefined, identity: undefined };
    const warned = once(process, 'warning');
    const { mounts } = await containerGit({ ...given, folder: tempFolder(), person: { ...NOBODY, home } });
    expect(mounts.filter(({ target }) => target === `${RUN}/gitignore`)).toEqual([]);
    expect((await warned)[0]).toMatchObject({
      code: 'GIT_IGNORE_LEFT_OUT',
      message: expect.stringContaining('longer'),
    });
  });

  it('names of submodules that lead elsewhere do not tell what exists on the machine', async () => {
    const root = repository();
    const linked = `${root}-linked`;
    git(root, 'worktree', 'add', '--quiet', '-b', 'linked', linked);
    const names = ['../../../../nowhere', '../../HEAD', '/etc/passwd', 'proper'];
    const text = names.map((name) => `[submodule "${name}"]\n\tpath = ${name}\n`).join('');
    writeFileSync(join(linked, '.gitmodules'), text);
    const config = contentAt(await gitFor(linked), `${RUN}/git/config`);
    expect(config.match(/submodule.*/g)).toEqual(['submodule "proper"]']);
  });

  it('keeps what the agent has set, until the configuration on the machine changes', async () => {
    const [root, folder] = [repository(), tempFolder()];
    const config = join(folder, 'git/common/config');
    await gitFor(root, { folder });
    writeFileSync(config, '[alias]\n\thi = status\n', { flag: 'a' });
    writeFileSync(join(folder, 'git/hooks/pre-push'), 'exit 0\n');
    await gitFor(root, { folder });
    expect(readFileSync(config, 'utf8')).toContain('hi = status');
    git(root, 'config', 'pull.rebase', 'true');
    await gitFor(root, { folder });
    expect(readFileSync(config, 'utf8')).not.toContain('hi = status');
    expect(readFileSync(config, 'utf8')).toContain('rebase = "true"');
    expect(readdirSync(join(folder, 'git/hooks'))).toEqual([]);
  });

  it('leaves the settings alone that the user gives for the whole container', async () => {
    const identity = { name: 'Ada', email: 'ada@example.org' };
    const { env } = await gitFor(tempFolder(), { identity, env: { GIT_CONFIG_NOSYSTEM: '1' } });
    expect(env).not.toHaveProperty('GIT_CONFIG_SYSTEM');
    expect((await gitFor(tempFolder())).mounts).toEqual([]);
    expect((await gitFor(tempFolder(), { identity })).mounts.map(({ target }) => target)).toEqual([`${RUN}/gitconfig`]);
  });
});

describe('the rest of the repository in a container', () => {
  it('is the repository itself, and other worktrees stay known', async () => {
    const root = repository();
    git(root, 'worktree', 'add', '--quiet', '-b', 'topic', `${root}-tree`);
    const folder = tempFolder();
    await gitFor(root, { folder });
    const common = join(folder, 'git/common');
    const links = readdirSync(common).filter((name) => lstatSync(join(common, name)).isSymbolicLink());
    expect(links).toEqual(expect.arrayContaining(['objects', 'refs', 'packed-refs', 'logs', 'info', 'shallow']));
    for (const name of links) expect(readlinkSync(join(common, name))).toBe(`/workspace/.git/${name}`);
    expect(readlinkSync(join(folder, 'git/worktrees/repository-tree'))).toBe(
      '/workspace/.git/worktrees/repository-tree',
    );
    expect(readlinkSync(join(folder, 'git/worktrees/main-checkout'))).toBe('/workspace/.git');
  });

  it('has copies of the hooks, and of links to scripts of the project', async () => {
    const root = repository();
    const hooks = join(root, '.git/hooks');
    writeFileSync(join(hooks, 'pre-commit'), 'exit 0\n', { mode: 0o755 });
    writeFileSync(join(tempFolder(), 'secret'), 'SECRET');
    symlinkSync('../../file.txt', join(hooks, 'pre-push'));
    symlinkSync('/etc/hostname', join(hooks, 'post-merge'));
    const folder = tempFolder();
    await gitFor(root, { folder });
    const copies = join(folder, 'git/hooks');
    expect(readdirSync(copies).sort()).toEqual(['pre-commit', 'pre-push']);
    expect(statSync(join(copies, 'pre-commit')).mode & 0o777).toBe(0o777);
    expect(readlinkSync(join(copies, 'pre-push'))).toBe('/workspace/file.txt');
  });

  it('can be written by any user of an image, and nobody else can enter the folder', async () => {
    const folder = tempFolder();
    const umask = process.umask(0o077);
    await gitFor(repository(), { folder }).finally(() => process.umask(umask));
    const mode = (path: string): number => statSync(join(folder, 'git', path)).mode & 0o777;
    expect(mode('')).toBe(0o700);
    expect(['common', 'hooks', 'worktrees', 'common/worktrees'].map(mode)).toEqual([0o777, 0o777, 0o777, 0o777]);
    expect(mode('common/config')).toBe(0o666);
    expect(mode('commondir')).toBe(0o644);
  });

  it('is all the same for git before 2.48 if the pointers are relative', async () => {
    const root = repository();
    const tree = `${root}-tree`;
    git(root, 'worktree', 'add', '--quiet', '-b', 'topic', tree);
    git(root, 'config', 'core.repositoryFormatVersion', '1');
    git(root, 'config', 'extensions.relativeWorktrees', 'true');
    writeFileSync(join(tree, '.git'), 'gitdir: ../repository/.git/worktrees/repository-tree\n');
    writeFileSync(join(root, '.git/worktrees/repository-tree/gitdir'), '../../../../repository-tree/.git\n');
    for (const readOnly of [false, true]) {
      const made = await gitFor(tree, { readOnly });
      const place = readOnly ? `${RUN}/repository` : `${RUN}/git`;
      expect(contentAt(made, '/workspace/.git')).toBe(`gitdir: ${place}/worktrees/repository-tree\n`);
      expect(contentAt(made, `${place}/worktrees/repository-tree/commondir`)).toBe('../..\n');
      expect(contentAt(made, `${place}/config`)).not.toContain('relativeworktrees');
    }
  });
});

describe('what an agent has left in the files of its session', () => {
  it.each(['common', 'hooks', 'worktrees'])(
    'a link in place of %s is refused or replaced, never followed',
    async (name) => {
      const [root, folder, elsewhere] = [repository(), tempFolder(), tempFolder()];
      writeFileSync(join(elsewhere, 'mine'), 'mine\n');
      await gitFor(root, { folder });
      rmSync(join(folder, 'git', name), { recursive: true });
      symlinkSync(elsewhere, join(folder, 'git', name));
      git(root, 'config', 'pull.rebase', 'true'); // So that all is made again.
      await gitFor(root, { folder });
      expect(lstatSync(join(folder, 'git', name)).isDirectory()).toBe(true);
      expect(readdirSync(elsewhere)).toEqual(['mine']);
    },
  );

  it('links and folders in place of its configuration are neither read nor followed', async () => {
    const [root, folder] = [repository(), tempFolder()];
    await gitFor(root, { folder });
    const config = join(folder, 'git/common/config');
    rmSync(config);
    symlinkSync(join(root, '.git/config'), config);
    const before = readFileSync(join(root, '.git/config'), 'utf8');
    await gitFor(root, { folder });
    git(root, 'config', 'pull.rebase', 'true');
    await gitFor(root, { folder });
    expect(lstatSync(config).isFile()).toBe(true);
    expect(git(root, 'config', '--list', '--local')).toContain('pull.rebase=true');
    expect(readFileSync(join(root, '.git/config'), 'utf8')).toContain(before.trim());
  });

  it('a link in place of the folder itself is refused', async () => {
    const [folder, elsewhere] = [tempFolder(), tempFolder()];
    symlinkSync(elsewhere, join(folder, 'git'));
    await errorOf(gitFor(repository(), { folder }), 'STATE_NOT_WRITABLE');
    expect(readdirSync(elsewhere)).toEqual([]);
  });
});

describe('a repository outside of the folders that a session may not leave', () => {
  it('is refused, and files of the session do not count', async () => {
    const root = repository();
    const tree = join(tempFolder(), 'tree');
    git(root, 'worktree', 'add', '--quiet', '-b', 'topic', tree);
    const { message } = await errorOf(gitFor(tree, { workspaces: [tree] }), 'UNSAFE_MOUNT');
    expect(message).toContain(`${root}/.git`);
    expect((await gitFor(root, { workspaces: [root] })).mounts.length).toBeGreaterThan(0);
  });
});

it('the agent is told what does not last, once, and only where there is a repository', async () => {
  const root = repository();
  git(root, 'worktree', 'add', '--quiet', '-b', 'topic', `${root}-tree`);
  const [plain, linked, none, planning] = await Promise.all([
    gitFor(root),
    gitFor(`${root}-tree`),
    gitFor(tempFolder()),
    gitFor(root, { readOnly: true }),
  ]);
  expect(plain.note).toContain('git config');
  expect(plain.note).not.toContain('packed-refs');
  expect(linked.note).toContain('packed-refs');
  expect([none.note, planning.note]).toEqual([undefined, undefined]);
});

it('a planning session makes nothing in the repository', async () => {
  const root = repository();
  const before = readdirSync(join(root, '.git'));
  await gitFor(root, { readOnly: true });
  expect(readdirSync(join(root, '.git'))).toEqual(before);
  mkdirSync(join(root, 'a'));
  expect(existsSync(join(root, '.git/commondir'))).toBe(false);
});
