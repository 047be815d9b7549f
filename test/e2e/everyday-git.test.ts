import { existsSync } from 'node:fs';
import { chmod, mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { bash, git, type ModelTurn, RELEASES, repository, scripted, testManager } from './support.js';

// The repository belongs to root, as the user who runs these tests, so the sessions run as root, too; without capabilities.
const AS_HOST_USER = { user: '0:0' };
const AUTHOR = { name: 'Ada Lovelace', email: 'ada@example.invalid' };

/** Commands that need a lock of packed refs. In a worktree they print an error, and some of them fail. */
const PACKED = [
  'echo more > more.txt && git stash -q -u && git stash pop -q && rm more.txt',
  'git rebase -q HEAD',
  'git branch -q gone && git branch -d gone',
  'git gc -q',
];

/** What people and their tools do all day. Each has to end with exit code 0, and without an error message. */
const EVERYDAY = [
  'git switch -c topic origin/other',
  'git commit -q --allow-empty -m "From inside"',
  'git push -u origin HEAD',
  'git branch --set-upstream-to origin/other',
  'git remote add second ../remote.git',
  'git fetch second',
  'git config core.hooksPath .husky',
  'git config --unset core.hooksPath',
  'git config user.nickname ada',
  'git submodule init',
  'git -c protocol.file.allow=always submodule update',
  'printf "#!/bin/sh\\nexit 0\\n" > "$(git rev-parse --git-path hooks)/pre-push"',
  'git worktree add -q /tmp/scratch -b scratch',
  'git -C /tmp/scratch commit -q --allow-empty -m Scratch',
  'git worktree remove /tmp/scratch',
  'git tag v1-$(git symbolic-ref --short HEAD | wc -c)$RANDOM',
  'git fsck --no-dangling',
  // What a hooks manager does when it is installed.
  'git config core.hooksPath .husky',
];

/** Prints the exit code of each command that fails, with what it says. */
const all = (commands: readonly string[]): ModelTurn => {
  const lines = commands.map(
    (command, index) =>
      `{ ${command}; } >/tmp/o 2>&1 || { echo FAILED $?; cat /tmp/o; }; grep -E "^(error|fatal):" /tmp/o && echo SAID ${index}`,
  );
  return bash(`${lines.join('\n')}\necho branch=$(git symbolic-ref --short HEAD)`);
};

/** A repository with a remote, a submodule and hooks, as a person may have it. */
async function project(): Promise<string> {
  const cwd = await repository();
  const [remote, sub] = [join(dirname(cwd), 'remote.git'), join(dirname(cwd), 'sub')];
  await mkdir(sub);
  await git(sub, 'init', '--quiet');
  await git(sub, 'commit', '--quiet', '--allow-empty', '--message', 'Sub');
  await git(cwd, '-c', 'protocol.file.allow=always', 'submodule', '--quiet', 'add', '../sub', 'sub');
  await git(cwd, 'commit', '--quiet', '--message', 'Submodule');
  await git(cwd, 'submodule', '--quiet', 'deinit', '--all');
  await git(cwd, 'clone', '--quiet', '--bare', cwd, remote);
  await git(cwd, 'remote', 'add', 'origin', '../remote.git');
  await git(cwd, 'push', '--quiet', 'origin', 'main:other');
  await git(cwd, 'fetch', '--quiet');
  await git(cwd, 'config', 'commit.gpgSign', 'true');
  await writeFile(join(cwd, '.git/hooks/post-commit'), '#!/bin/sh\ntouch /tmp/hook-ran\n');
  await chmod(join(cwd, '.git/hooks/post-commit'), 0o755);
  return cwd;
}

describe.each(RELEASES)('everyday git in a container, with Claude Code $version', ({ image }) => {
  it.each([
    ['the repository itself', undefined],
    ['a worktree', 'work'],
  ])(
    'what people and tools do all day works in %s, and git on the machine is not configured by it',
    async (_, worktree) => {
      const cwd = await project();
      const before = await readFile(join(cwd, '.git/config'), 'utf8');
      const outputs: string[] = [];
      const { manager, stateDir } = await testManager({ git: AUTHOR, policy: { dangerous: 'allow' } });
      manager.on('session:tool-result', ({ output }) => outputs.push(output));
      const { docker } = scripted(
        all([...EVERYDAY, ...(worktree === undefined ? PACKED : [])]),
        bash('test -e /tmp/hook-ran && git config core.hooksPath'),
        {
          text: 'ok',
        },
      );
      const mounts = ['remote.git', 'sub'].map((name) => ({ source: join(dirname(cwd), name), target: `/${name}` }));
      const session = await manager.create({
        cwd,
        prompt: 'Work',
        docker: { ...docker, ...AS_HOST_USER, image, mounts },
        ...(worktree !== undefined && { worktree }),
      });
      const { status, metadata } = await manager.waitFor(session.id);
      expect(status).toBe('completed');
      expect(outputs.join('\n')).toBe('branch=topic\n.husky');
      expect(metadata.dangers.filter(({ rule }) => rule === 'git.planted')).toEqual([]);
      expect(await readFile(join(cwd, '.git/config'), 'utf8')).toBe(before);
      expect((await readdir(join(cwd, '.git/hooks'))).filter((name) => !name.endsWith('.sample'))).toEqual([
        'post-commit',
      ]);
      expect(await git(cwd, 'log', '-1', '--format=%an <%ae> %s', 'topic')).toBe(
        `${AUTHOR.name} <${AUTHOR.email}> From inside`,
      );
      expect(await git(join(dirname(cwd), 'remote.git'), 'branch', '--list', 'topic')).toContain('topic');
      // What the agent has configured stays with the session, and goes with it.
      expect(await readFile(join(stateDir, 'sessions', session.id, 'git/common/config'), 'utf8')).toContain('husky');
      await manager.remove(session.id, { force: true });
      expect(existsSync(join(stateDir, 'sessions', session.id))).toBe(false);
    },
  );
});

it('the branch that is checked out can be renamed, and the next run finds what the agent has configured', async () => {
  const cwd = await repository();
  const outputs: string[] = [];
  const { manager } = await testManager({ git: AUTHOR });
  manager.on('session:tool-result', ({ output }) => outputs.push(output));
  const { docker } = scripted(
    bash('git branch -m renamed && git config alias.hi status && git status -sb'),
    { text: 'ok' },
    bash('git config alias.hi; git status -sb'),
    { text: 'ok' },
  );
  const session = await manager.create({ cwd, prompt: 'Rename', docker: { ...docker, ...AS_HOST_USER } });
  await manager.waitFor(session.id);
  expect(await git(cwd, 'status', '--short', '--branch')).toBe('## renamed');
  await manager.continue(session.id, 'Go on');
  await manager.waitFor(session.id);
  expect(outputs).toEqual(['## renamed', 'status\n## renamed']);
});
