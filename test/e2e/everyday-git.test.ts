import { existsSync } from 'node:fs';
import { chmod, mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { attempt, bash, git, type ModelTurn, RELEASES, repository, scripted, testManager } from './support.js';

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
  it('what people and tools do all day works in a repository and in a worktree, and does not configure git on the machine', async () => {
    const { manager, stateDir } = await testManager({ git: AUTHOR, policy: { dangerous: 'allow' } });
    const outputs = new Map<string, string[]>();
    manager.on('session:tool-result', ({ sessionId, output }) => {
      outputs.set(sessionId, [...(outputs.get(sessionId) ?? []), output]);
    });
    const work = async (worktree: string | undefined): Promise<void> => {
      const cwd = await project();
      const before = await readFile(join(cwd, '.git/config'), 'utf8');
      const commands = [...EVERYDAY, ...(worktree === undefined ? PACKED : [])];
      const { docker } = scripted(all(commands), bash('test -e /tmp/hook-ran && git config core.hooksPath'), {
        text: 'ok',
      });
      const mounts = ['remote.git', 'sub'].map((name) => ({ source: join(dirname(cwd), name), target: `/${name}` }));
      const session = await manager.create({
        cwd,
        prompt: 'Work',
        docker: { ...docker, ...AS_HOST_USER, image, mounts },
        ...(worktree !== undefined && { worktree }),
      });
      const { status, metadata } = await manager.waitFor(session.id);
      expect(status).toBe('completed');
      expect(outputs.get(session.id)?.join('\n')).toBe('branch=topic\n.husky');
      expect(metadata.dangers.filter(({ rule }) => rule === 'git.planted')).toEqual([]);
      expect(await readFile(join(cwd, '.git/config'), 'utf8')).toBe(before);
      const hooks = (await readdir(join(cwd, '.git/hooks'))).filter((name) => !name.endsWith('.sample'));
      expect(hooks).toEqual(['post-commit']);
      const commit = await git(cwd, 'log', '-1', '--format=%an <%ae> %s', 'topic');
      expect(commit).toBe(`${AUTHOR.name} <${AUTHOR.email}> From inside`);
      expect(await git(join(dirname(cwd), 'remote.git'), 'branch', '--list', 'topic')).toContain('topic');
      expect(
        (await attempt('git', ['status'], { cwd: worktree === undefined ? cwd : `${cwd}-${worktree}` })).code,
      ).toBe(0);
      // What the agent has configured stays with the session, and goes with it.
      expect(await readFile(join(stateDir, 'sessions', session.id, 'git/common/config'), 'utf8')).toContain('husky');
      await manager.remove(session.id, { force: true });
      expect(existsSync(join(stateDir, 'sessions', session.id))).toBe(false);
    };
    await Promise.all([work(undefined), work('work')]);
  });
});

it('the branch that is checked out can be renamed, the next run finds what the agent has configured, and what the user ignores is not committed', async () => {
  const cwd = await repository();
  const [settings, rules] = [join(dirname(cwd), 'gitconfig'), join(dirname(cwd), 'gitignore_global')];
  await writeFile(settings, `[core]\n\texcludesFile = ${rules}\n`);
  await writeFile(rules, '.env\n');
  vi.stubEnv('GIT_CONFIG_GLOBAL', settings);
  onTestFinished(() => void vi.unstubAllEnvs());
  const outputs: string[] = [];
  const { manager } = await testManager({ git: AUTHOR });
  manager.on('session:tool-result', ({ output }) => outputs.push(output));
  const { docker } = scripted(
    bash(
      'echo KEY=1 | tee .env > seen && git add -A && git commit -qm All && git branch -m renamed && git config alias.hi status && git status -sb',
    ),
    { text: 'ok' },
    bash('git config alias.hi; git status -sb'),
    { text: 'ok' },
  );
  const session = await manager.create({ cwd, prompt: 'Rename', docker: { ...docker, ...AS_HOST_USER } });
  await manager.waitFor(session.id);
  expect(await git(cwd, 'ls-tree', '--name-only', 'renamed', '.env', 'seen')).toBe('seen');
  expect(await git(cwd, 'status', '--short', '--branch')).toBe('## renamed');
  await manager.continue(session.id, 'Go on');
  await manager.waitFor(session.id);
  expect(outputs).toEqual(['## renamed', 'status\n## renamed']);
});
