import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { gitEnvironment, gitMounts } from '../../../../src/core/orchestration/git/mounts.js';
import type { Mount } from '../../../../src/core/orchestration/workspace/mount.js';
import { errorOf } from '../../../support/errors.js';
import { git, repository } from '../../../support/git.js';
import { tempFolder } from '../../../support/temp-folder.js';

/** Mounts as `source -> target (ro)`, in order: later ones lie on top. */
function quote(mounts: Mount[]): string[] {
  return mounts.map(({ source, target, readonly }) => `${source} -> ${target}${readonly ? ' (ro)' : ''}`);
}

/** Whether a container could write to a path: the last mount at or above it decides. */
function writable(mounts: Mount[], path: string): boolean {
  const last = mounts.findLast(({ target }) => path === target || path.startsWith(`${target}/`));
  return last?.readonly === false;
}

describe('the mounts for git', () => {
  it('the mounts of a plain repository protect what git executes and leave the rest writable', async () => {
    const root = repository();
    expect(quote(await gitMounts(root))).toEqual([
      `${root}/.git -> /workspace/.git`,
      `${root}/.git/objects -> /workspace/.git/objects`,
      `${root}/.git/objects/info -> /workspace/.git/objects/info`,
      `${root}/.git/refs -> /workspace/.git/refs`,
      `${root}/.git/logs -> /workspace/.git/logs`,
      `${root}/.git/logs/refs -> /workspace/.git/logs/refs`,
      `${root}/.git/config -> /workspace/.git/config (ro)`,
      `${root}/.git/hooks -> /workspace/.git/hooks (ro)`,
      `${root}/.git/commondir -> /workspace/.git/commondir (ro)`,
      `${root}/.git/config.worktree -> /workspace/.git/config.worktree (ro)`,
      `${root}/.git/worktrees -> /workspace/.git/worktrees (ro)`,
      `${root}/.git/objects/info/alternates -> /workspace/.git/objects/info/alternates (ro)`,
    ]);
  });

  it('missing files are created so that an agent cannot plant them, and existing files are kept', async () => {
    const root = repository();
    rmSync(join(root, '.git/hooks'), { recursive: true });
    writeFileSync(join(root, '.git/config.worktree'), '[user]\nname = x\n');
    await Promise.all([gitMounts(root), gitMounts(root)]);
    await gitMounts(root);
    expect(existsSync(join(root, '.git/hooks'))).toBe(true);
    expect(readFileSync(join(root, '.git/config.worktree'), 'utf8')).toBe('[user]\nname = x\n');
    expect(readFileSync(join(root, '.git/commondir'), 'utf8')).toBe('./\n');
    expect(readdirSync(join(root, '.git')).filter((name) => name.startsWith('commondir'))).toEqual(['commondir']);
  });

  it('the alternates of a user are kept and mounted read-only', async () => {
    const root = repository();
    const alternates = join(root, '.git/objects/info/alternates');
    writeFileSync(alternates, `${repository()}/.git/objects\n`);
    const before = readFileSync(alternates, 'utf8');
    expect(quote(await gitMounts(root))).toContain(`${alternates} -> /workspace/.git/objects/info/alternates (ro)`);
    expect(readFileSync(alternates, 'utf8')).toBe(before);
  });

  it('preparing the mounts changes nothing for git on the machine', async () => {
    const [root, tree] = [repository(), `${repository()}-tree`];
    await gitMounts(root);
    const paths = ['--show-toplevel', '--absolute-git-dir', '--is-bare-repository'];
    expect(git(root, 'rev-parse', ...paths)).toBe(`${root}\n${root}/.git\nfalse\n`);
    expect(git(root, 'rev-parse', '--git-common-dir')).toBe(`${root}/.git\n`);
    git(root, 'worktree', 'add', '--quiet', '-b', 'topic', tree);
    expect(git(tree, 'rev-parse', '--git-common-dir')).toBe(`${root}/.git\n`);
    git(root, 'submodule', '--quiet', 'add', repository(), 'sub');
    git(root, 'stash', '--quiet');
    git(root, 'stash', 'pop', '--quiet');
    git(root, 'commit', '--quiet', '--all', '--message', 'Second');
    git(root, 'checkout', '--quiet', '-b', 'other');
    git(root, 'rebase', '--quiet', 'topic');
    git(root, 'gc', '--quiet');
    git(root, 'worktree', 'remove', tree);
    expect(git(root, 'status', '--short')).toBe('');
    expect(git(root, 'log', '--format=%s')).toBe('Second\nFirst\n');
  });

  it.each([
    ['core.worktree', '../..'],
    ['core.bare', 'true'],
  ])('all of .git is mounted read-only if the files of the repository are elsewhere (%s)', async (name, value) => {
    const root = repository();
    git(root, 'config', name, value);
    expect(quote(await gitMounts(root))).toEqual([`${root}/.git -> /workspace/.git (ro)`]);
  });

  it.each(['../evil\n', './ \n', '', '/etc\n'])(
    'a repository with a commondir that leads elsewhere is refused (%j)',
    async (content) => {
      const root = repository();
      writeFileSync(join(root, '.git/commondir'), content);
      const { message } = await errorOf(gitMounts(root), 'UNSAFE_MOUNT');
      expect(message).toContain(join(root, '.git/commondir'));
    },
  );

  it('a linked worktree can write what a commit writes, and nothing that leads elsewhere', async () => {
    const root = repository();
    const tree = `${root}-tree`;
    git(root, 'worktree', 'add', '--quiet', '-b', 'topic', tree);
    const mounts = await gitMounts(tree);
    const common = join(root, '.git');
    const own = join(common, 'worktrees/repository-tree');
    expect(quote(mounts)[0]).toBe(`${tree}/.git -> /workspace/.git (ro)`);
    expect(mounts.slice(1).every(({ source, target }) => source === target)).toBe(true);
    for (const path of [
      `${common}/objects/ab`,
      `${common}/refs/heads/x`,
      `${common}/logs/refs/heads/x`,
      `${own}/HEAD`,
      `${own}/index`,
    ]) {
      expect(writable(mounts, path), path).toBe(true);
    }
    const pointers = [
      `${own}/commondir`,
      `${own}/gitdir`,
      `${own}/config.worktree`,
      `${common}/objects/info/alternates`,
    ];
    for (const path of ['/workspace/.git', ...pointers]) {
      expect(writable(mounts, path), path).toBe(false);
    }
    for (const name of [
      'config',
      'hooks/pre-commit',
      'info/attributes',
      'packed-refs',
      'commondir',
      'logs/HEAD',
      'HEAD',
      'worktrees/other/gitdir',
    ]) {
      expect(writable(mounts, join(common, name)), name).toBe(false);
    }
    for (const { source } of mounts) expect(existsSync(source), source).toBe(true);
  });

  it('a submodule can write its own git folder, but not its configuration and hooks', async () => {
    const root = repository();
    git(root, 'submodule', '--quiet', 'add', repository(), 'sub');
    const mounts = await gitMounts(join(root, 'sub'));
    const own = join(root, '.git/modules/sub');
    expect(quote(mounts)).toEqual([
      `${root}/sub/.git -> /workspace/.git (ro)`,
      `${own} -> ${own}`,
      ...['objects', 'objects/info', 'refs', 'logs', 'logs/refs'].map((part) => `${own}/${part} -> ${own}/${part}`),
      `${own}/config -> ${own}/config (ro)`,
      `${own}/hooks -> ${own}/hooks (ro)`,
      `${own}/commondir -> ${own}/commondir (ro)`,
      `${own}/config.worktree -> ${own}/config.worktree (ro)`,
      `${own}/worktrees -> ${own}/worktrees (ro)`,
      `${own}/objects/info/alternates -> ${own}/objects/info/alternates (ro)`,
    ]);
    expect(git(root, 'status', '--short')).toBe('A  .gitmodules\nA  sub\n');
  });

  it('there are no git mounts outside a repository', async () => {
    expect(await gitMounts(tempFolder())).toEqual([]);
  });
});

describe('a forged .git file', () => {
  it('a forged .git file that leads to another repository gets no mounts', async () => {
    const victim = repository();
    const folder = tempFolder();
    writeFileSync(join(folder, '.git'), `gitdir: ${victim}/.git\n`);
    expect(await gitMounts(folder)).toEqual([]);
  });

  it("a forged .git file that leads to another checkout's worktree folder gets no mounts", async () => {
    const victim = repository();
    git(victim, 'worktree', 'add', '--quiet', '-b', 'topic', `${victim}-tree`);
    const folder = tempFolder();
    writeFileSync(join(folder, '.git'), `gitdir: ${victim}/.git/worktrees/repository-tree\n`);
    expect(await gitMounts(folder)).toEqual([]);
  });

  it('a forged .git file that leads to an ordinary folder, such as the home folder, gets no mounts', async () => {
    const home = tempFolder();
    mkdirSync(join(home, '.ssh'));
    const folder = tempFolder();
    writeFileSync(join(folder, '.git'), `gitdir: ${home}\n`);
    expect(await gitMounts(folder)).toEqual([]);
  });

  it('a forged git folder that points back and names a folder of the machine gets no mounts', async () => {
    const victim = repository();
    const folder = tempFolder();
    const fake = join(folder, 'fake');
    mkdirSync(fake);
    writeFileSync(join(folder, '.git'), `gitdir: ${fake}\n`);
    writeFileSync(join(fake, 'gitdir'), `${folder}/.git\n`);
    writeFileSync(join(fake, 'commondir'), `${victim}/.git\n`);
    expect(await gitMounts(folder)).toEqual([]);
  });
});

describe('a link in a git folder', () => {
  it.each(['hooks', 'config.worktree', 'config', 'commondir', 'worktrees'])(
    'a link in a git folder is refused, because an agent may have made the link (%s)',
    async (name) => {
      const keys = tempFolder();
      const root = repository();
      const link = join(root, '.git', name);
      rmSync(link, { recursive: true, force: true });
      symlinkSync(keys, link);
      const { message } = await errorOf(gitMounts(root), 'UNSAFE_MOUNT');
      expect(message).toContain(link);
      expect(message).toContain(keys);
    },
  );

  it('a link in a git folder to a missing target is refused, and the target is not created', async () => {
    const folder = tempFolder();
    const root = repository();
    symlinkSync(join(folder, 'planted'), join(root, '.git/config.worktree'));
    await errorOf(gitMounts(root), 'UNSAFE_MOUNT');
    expect(readdirSync(folder)).toEqual([]);
  });

  it('a link in the repository of a worktree is refused, because it would be mounted writable', async () => {
    const folder = tempFolder();
    const tree = join(folder, 'tree');
    const repo = join(folder, 'x');
    mkdirSync(join(repo, 'worktrees/tree'), { recursive: true });
    mkdirSync(join(repo, 'refs'));
    mkdirSync(tree);
    writeFileSync(join(tree, '.git'), `gitdir: ${repo}/worktrees/tree\n`);
    writeFileSync(join(repo, 'worktrees/tree/gitdir'), `${tree}/.git\n`);
    writeFileSync(join(repo, 'worktrees/tree/commondir'), '../..\n');
    symlinkSync(tempFolder(), join(repo, 'objects'));
    const { message } = await errorOf(gitMounts(tree), 'UNSAFE_MOUNT');
    expect(message).toContain(join(repo, 'objects'));
  });
});

describe("git's settings in the container", () => {
  it("git's settings in the container come after those that the user passes in the same way", () => {
    expect(gitEnvironment({})).toMatchObject({
      GIT_CONFIG_COUNT: '2',
      GIT_CONFIG_KEY_0: 'safe.directory',
      GIT_CONFIG_VALUE_0: '*',
      GIT_CONFIG_KEY_1: 'gc.auto',
      GIT_CONFIG_VALUE_1: '0',
    });
    expect(gitEnvironment({ GIT_CONFIG_COUNT: '3' })).toMatchObject({
      GIT_CONFIG_COUNT: '5',
      GIT_CONFIG_KEY_3: 'safe.directory',
    });
  });
});
