import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { gitEnvironment, gitMounts as mountsFor } from '../../../../../src/core/orchestration/git/container/mounts.js';
import { SessionGit } from '../../../../../src/core/orchestration/git/container/session-git.js';
import { partFailure } from '../../../../../src/core/orchestration/git/repository/missing-parts.js';
import { mountableLayout } from '../../../../../src/core/orchestration/git/repository/usable-layout.js';
import type { Mount } from '../../../../../src/core/orchestration/workspace/mount.js';
import { errorOf } from '../../../../support/errors.js';
import { git, repository } from '../../../../support/git.js';
import { tempFolder } from '../../../../support/temp-folder.js';

/** Mounts as `source -> target (ro)`, in order: later ones lie on top. */
function quote(mounts: Mount[]): string[] {
  return mounts.map(({ source, target, readonly }) => `${source} -> ${target}${readonly ? ' (ro)' : ''}`);
}

/** All mounts for git in a new session. Sources in the session's folder begin with `git/`. */
async function gitMounts(checkout: string): Promise<Mount[]> {
  const folder = tempFolder();
  const { all } = await mountsFor(await mountableLayout(checkout), new SessionGit(join(folder, 'git')));
  for (const { source } of all) expect(existsSync(source), source).toBe(true);
  return all.map((mount) => ({ ...mount, source: mount.source.replace(`${folder}/`, '') }));
}

const RUN = '/run/autonomous-orchestration';

/** Whether a container could write to a path: the last mount at or above it decides. */
function writable(mounts: Mount[], path: string): boolean {
  const last = mounts.findLast(({ target }) => path === target || path.startsWith(`${target}/`));
  return last?.readonly === false;
}

describe('the mounts for git', () => {
  it('the mounts of a plain repository protect what git executes and leave the rest writable', async () => {
    const root = repository();
    expect(quote(await gitMounts(root))).toEqual([
      `git/common -> ${RUN}/git`,
      `git/worktrees -> ${RUN}/git/worktrees`,
      `git/hooks -> ${RUN}/git/hooks`,
      `${root}/.git -> /workspace/.git`,
      `${root}/.git/objects -> /workspace/.git/objects`,
      `${root}/.git/objects/info -> /workspace/.git/objects/info`,
      `${root}/.git/refs -> /workspace/.git/refs`,
      `${root}/.git/logs -> /workspace/.git/logs`,
      `${root}/.git/logs/refs -> /workspace/.git/logs/refs`,
      `${root}/.git/config -> /workspace/.git/config (ro)`,
      `${root}/.git/worktrees -> /workspace/.git/worktrees (ro)`,
      `${root}/.git/objects/info/alternates -> /workspace/.git/objects/info/alternates (ro)`,
      'git/hooks -> /workspace/.git/hooks',
      'git/commondir -> /workspace/.git/commondir (ro)',
      'git/gitdir -> /workspace/.git/gitdir (ro)',
      'git/config.worktree -> /workspace/.git/config.worktree (ro)',
    ]);
  });

  it('submodules of a worktree are refused if their path on the machine is a place of the session in the container', async () => {
    const root = join(tempFolder(), '.claude/projects/repository');
    git('/', 'clone', '--quiet', repository(), root);
    const tree = join(tempFolder(), 'tree');
    git(root, 'worktree', 'add', '--quiet', tree);
    const modules = join(root, '.git/worktrees/tree/modules');
    mkdirSync(modules);
    const { message } = await errorOf(gitMounts(tree), 'UNSAFE_MOUNT');
    for (const word of [modules, 'conversation']) expect(message).toContain(word);
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

  it('alternates are mounted read-only, and a repository that has some is refused, because git would miss objects', async () => {
    const root = repository();
    const alternates = join(root, '.git/objects/info/alternates');
    expect(quote(await gitMounts(root))).toContain(`${alternates} -> /workspace/.git/objects/info/alternates (ro)`);
    writeFileSync(alternates, `${repository()}/.git/objects\n`);
    const { message } = await errorOf(gitMounts(root), 'UNSAFE_MOUNT');
    expect(message).toContain('borrows objects');
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
    ['core.worktree', '../..', 'core.worktree'],
    ['core.bare', 'true', 'bare'],
  ])('a repository whose files are elsewhere is refused (%s)', async (name, value, word) => {
    const root = repository();
    git(root, 'config', name, value);
    const { message } = await errorOf(gitMounts(root), 'UNSAFE_MOUNT');
    expect(message).toContain(word);
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
    const [target, shared] = [`${RUN}/git/worktrees/repository-tree`, `${RUN}/repository`];
    const at = (path: string): string => path.replace(own, target).replace(common, shared);
    for (const path of [
      `${common}/objects/ab`,
      `${common}/refs/heads/x`,
      `${common}/logs/refs/heads/x`,
      `${own}/HEAD`,
      `${own}/index`,
    ]) {
      expect(writable(mounts, at(path)), path).toBe(true);
    }
    const pointers = [
      `${own}/commondir`,
      `${own}/gitdir`,
      `${own}/config.worktree`,
      `${common}/objects/info/alternates`,
    ];
    for (const path of ['/workspace/.git', ...pointers]) {
      expect(writable(mounts, at(path)), path).toBe(false);
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
      expect(writable(mounts, join(shared, name)), name).toBe(false);
    }
  });

  it('a submodule can write its own git folder, but not its configuration and hooks', async () => {
    const root = repository();
    git(root, 'submodule', '--quiet', 'add', repository(), 'sub');
    const mounts = await gitMounts(join(root, 'sub'));
    const own = join(root, '.git/modules/sub');
    const place = `${RUN}/git/worktrees/main-checkout`;
    expect(quote(mounts)).toEqual([
      `git/common -> ${RUN}/git`,
      `git/worktrees -> ${RUN}/git/worktrees`,
      `git/hooks -> ${RUN}/git/hooks`,
      `${own} -> ${place}`,
      ...['objects', 'objects/info', 'refs', 'logs', 'logs/refs'].map((part) => `${own}/${part} -> ${place}/${part}`),
      `${own}/config -> ${place}/config (ro)`,
      `${own}/worktrees -> ${place}/worktrees (ro)`,
      `${own}/objects/info/alternates -> ${place}/objects/info/alternates (ro)`,
      'git/pointer -> /workspace/.git (ro)',
      `git/commondir -> ${place}/commondir (ro)`,
      `git/gitdir -> ${place}/gitdir (ro)`,
      `git/config.worktree -> ${place}/config.worktree (ro)`,
    ]);
    expect(git(root, 'status', '--short')).toBe('A  .gitmodules\nA  sub\n');
  });

  it('there are no git mounts outside a repository', async () => {
    expect(await gitMounts(tempFolder())).toEqual([]);
  });
});

describe('a forged .git file', () => {
  it('a forged .git file that leads to another repository is refused', async () => {
    const victim = repository();
    const folder = tempFolder();
    writeFileSync(join(folder, '.git'), `gitdir: ${victim}/.git\n`);
    await errorOf(gitMounts(folder), 'UNSAFE_MOUNT');
  });

  it("a forged .git file that leads to another checkout's worktree folder gets no mounts", async () => {
    const victim = repository();
    git(victim, 'worktree', 'add', '--quiet', '-b', 'topic', `${victim}-tree`);
    const folder = tempFolder();
    writeFileSync(join(folder, '.git'), `gitdir: ${victim}/.git/worktrees/repository-tree\n`);
    await errorOf(gitMounts(folder), 'UNSAFE_MOUNT');
  });

  it('a forged .git file that leads to an ordinary folder, such as the home folder, is refused', async () => {
    const home = tempFolder();
    mkdirSync(join(home, '.ssh'));
    const folder = tempFolder();
    writeFileSync(join(folder, '.git'), `gitdir: ${home}\n`);
    await errorOf(gitMounts(folder), 'UNSAFE_MOUNT');
  });

  it('a forged git folder that points back and names a folder of the machine is refused', async () => {
    const victim = repository();
    const folder = tempFolder();
    const fake = join(folder, 'fake');
    mkdirSync(fake);
    writeFileSync(join(folder, '.git'), `gitdir: ${fake}\n`);
    writeFileSync(join(fake, 'gitdir'), `${folder}/.git\n`);
    writeFileSync(join(fake, 'commondir'), `${victim}/.git\n`);
    await errorOf(gitMounts(folder), 'UNSAFE_MOUNT');
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
    writeFileSync(join(repo, 'HEAD'), 'ref: refs/heads/main\n');
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
      GIT_CONFIG_COUNT: '6',
      GIT_CONFIG_KEY_0: 'safe.directory',
      GIT_CONFIG_VALUE_0: '*',
      GIT_CONFIG_KEY_1: 'gc.auto',
      GIT_CONFIG_VALUE_1: '0',
      GIT_CONFIG_KEY_2: 'commit.gpgsign',
      GIT_CONFIG_VALUE_2: 'false',
    });
    expect(gitEnvironment({ GIT_CONFIG_COUNT: '3' })).toMatchObject({
      GIT_CONFIG_COUNT: '9',
      GIT_CONFIG_KEY_3: 'safe.directory',
    });
  });

  it('commits are not signed, unless the user says so', () => {
    const given = gitEnvironment({
      GIT_CONFIG_COUNT: '1',
      GIT_CONFIG_KEY_0: 'Commit.GpgSign',
      GIT_CONFIG_VALUE_0: 'true',
    });
    expect(Object.values(given)).not.toContain('commit.gpgsign');
    expect(Object.values(given)).toContain('tag.gpgsign');
  });
});

it.each(['logs', 'hooks'])('a file in the place of a folder of git is refused by its real path: %s', async (name) => {
  const root = repository();
  rmSync(join(root, '.git', name), { recursive: true });
  writeFileSync(join(root, '.git', name), '');
  const { message } = await errorOf(gitMounts(root), 'UNSAFE_MOUNT');
  expect(message).toContain(`"${root}/.git/${name}" is no folder`);
});

it('a part that cannot be made is named by its real path, with what to do', () => {
  const path = '/proc/sys/kernel/../../../tmp/links/s/s/root/repo/.git/objects/info/alternates';
  for (const [code, ours] of [
    ['EACCES', 'WORKSPACE_NOT_WRITABLE'],
    ['EROFS', 'WORKSPACE_NOT_WRITABLE'],
    ['ENOTDIR', 'UNSAFE_MOUNT'],
    ['ENOSPC', 'LAUNCH_FAILED'],
  ] as const) {
    const cause = Object.assign(new Error(`${code}: fails, open '${path}'`), { code, path });
    const failure = partFailure('/repo/.git/objects/info/alternates', cause);
    expect(failure.code).toBe(ours);
    expect(failure.message).toContain('"/repo/.git/objects/info/alternates"');
    expect(failure.message).not.toMatch(/\/s\/s\/|\bE[A-Z]{4,}\b/);
  }
});
