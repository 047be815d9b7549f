import { existsSync } from 'node:fs';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { plantedSince, snapshotGit } from '../../src/core/orchestration/git/watch/snapshot.js';
import { attempt, bash, git, scripted, tempFolder, testManager } from './support.js';

/** The attacks here have to fail without the guard, too. */
const UNGUARDED = { policy: { dangerous: 'allow' } } as const;

// The repository belongs to root, as the user who runs these tests, so the sessions run as root, too; without capabilities.
const AS_HOST_USER = { user: '0:0' };
const IDENTITY = 'git -c user.name=Claude -c user.email=claude@example.invalid -c init.defaultBranch=main';

/** A repository with a remote, a submodule and a worktree elsewhere, as a person may have it. */
async function repository(): Promise<string> {
  const folder = await tempFolder(0);
  const [cwd, sub] = [join(folder, 'project'), join(folder, 'sub')];
  for (const path of [sub, cwd]) {
    await mkdir(path);
    await git(path, 'init', '--quiet');
    await writeFile(join(path, 'README.md'), '# Project\n');
    await git(path, 'add', '.');
    await git(path, 'commit', '--quiet', '--message', 'First');
  }
  await git(cwd, '-c', 'protocol.file.allow=always', 'submodule', '--quiet', 'add', sub, 'sub');
  await git(cwd, 'config', 'extensions.worktreeConfig', 'true');
  await git(cwd, 'commit', '--quiet', '--message', 'Submodule');
  await git(folder, 'clone', '--quiet', '--bare', cwd, 'remote.git');
  await git(cwd, 'remote', 'add', 'origin', join(folder, 'remote.git'));
  await git(cwd, 'worktree', 'add', '--quiet', '-b', 'elsewhere', join(folder, 'elsewhere'));
  return cwd;
}

/** Runs a script in a session. The script is a file, because Claude Code itself refuses some such commands. */
async function agentRuns(cwd: string, ...lines: string[]): Promise<{ output: string; dangers: string[] }> {
  const { manager } = await testManager(UNGUARDED);
  const { docker } = scripted(
    { tool: 'Write', input: { file_path: '/workspace/attack.sh', content: [...lines, 'true'].join('\n') } },
    bash('sh attack.sh 2>/dev/null; rm attack.sh; echo done'),
    { text: 'ok' },
  );
  const outputs: string[] = [];
  manager.on('session:tool-result', ({ output }) => outputs.push(output));
  const session = await manager.create({ docker: { ...docker, ...AS_HOST_USER }, prompt: 'Attack', cwd });
  const { status, metadata } = await manager.waitFor(session.id);
  expect(status).toBe('completed');
  const output = outputs.join('\n');
  expect(output).toContain('done');
  const planted = metadata.dangers.filter(({ rule }) => rule === 'git.planted');
  return { output, dangers: planted.map(({ reason }) => reason) };
}

/** The git commands that people and their editors run all day. */
async function everydayGit(cwd: string): Promise<void> {
  const identity = ['-c', 'user.name=Tester', '-c', 'user.email=tester@example.invalid'];
  const commands = [
    'status',
    'diff',
    'log -3',
    'fetch',
    'branch',
    'stash list',
    'commit -q --allow-empty -m x',
    'status',
  ];
  for (const command of commands) await attempt('git', [...identity, ...command.split(' ')], { cwd });
  await attempt('git', ['status'], { cwd: join(cwd, '../elsewhere') });
}

describe('an agent in a plain repository', () => {
  it('an agent cannot make git on the machine execute anything through .git itself', async () => {
    const cwd = await repository();
    const proof = join(await tempFolder(0), 'ran');
    const snapshot = await snapshotGit(cwd);
    const evil = `[core]\\n repositoryformatversion = 0\\n fsmonitor = "touch ${proof}; false"\\n hooksPath = ${cwd}/evil\\n`;
    const { output } = await agentRuns(
      cwd,
      'mkdir evil; cp -r .git/objects .git/refs .git/HEAD evil',
      `printf '${evil}' > evil/config`,
      `printf '#!/bin/sh\\ntouch ${proof}\\n' > evil/pre-commit; chmod +x evil/pre-commit`,
      'printf ../evil > .git/commondir && echo BREACH commondir',
      'rm -f .git/commondir && echo BREACH removed commondir',
      'mv .git/commondir .git/c2 && echo BREACH moved commondir',
      'cp evil/config .git/config.worktree && echo BREACH config.worktree',
      'rm -f .git/config.worktree && echo BREACH removed config.worktree',
      'cp evil/config .git/config && echo BREACH config',
      // The hooks and the configuration that git has in the container are the session's own.
      `cp evil/pre-commit .git/hooks/ && git config core.hooksPath ${cwd}/evil && git config --unset core.hooksPath; rm .git/hooks/pre-commit`,
      `G=$(git rev-parse --git-common-dir); rm -rf "$G/refs" && ln -s ${cwd}/evil/refs "$G/refs"; rm "$G/refs"; ln -s /workspace/.git/refs "$G/refs"`,
      `echo ${cwd}/evil > .git/worktrees/elsewhere/commondir && echo BREACH worktree`,
      'mv .git/worktrees .git/w2 && echo BREACH moved worktrees',
      // Seen from inside, the worktrees seem to be gone.
      'git worktree prune; git worktree list | grep -q elsewhere || echo BREACH pruned worktrees',
      'mv .git .git2 && echo BREACH moved .git',
      // A mount over a mount, a namespace without them, and a name that ignores case.
      'mount --bind evil .git/hooks && echo BREACH mount; umount .git/commondir && echo BREACH umount',
      'unshare -Urm umount .git/config && echo BREACH namespace',
      `${IDENTITY} commit -q --allow-empty -m Inside || echo BREACH commit`,
      'git status > /dev/null && git stash list && git branch inside && git repack -adq || echo BREACH git fails',
    );
    expect(output).not.toContain('BREACH');
    await everydayGit(cwd);
    expect(existsSync(proof)).toBe(false);
    expect(await git(cwd, 'log', '--format=%s', '-1', 'inside')).toBe('Inside');
    expect(await git(join(cwd, '../elsewhere'), 'status', '--short')).toBe('');
    // What the agent left in its workspace is no danger to git until somebody runs git there.
    const planted = (await plantedSince(snapshot)).map(({ path }) => path);
    expect(planted).toContain(join(cwd, 'evil/config'));
    expect(planted.filter((path) => !path.startsWith(join(cwd, 'evil')))).toEqual([]);
  });

  it.each([
    [
      'a submodule',
      '.git/modules/sub/config',
      (proof: string) => [`git -C sub config core.fsmonitor 'touch ${proof}; false'`],
    ],
    [
      'a nested repository in the index',
      'deep/in/there/a/b/c/.git/config',
      (proof: string) => [
        `${IDENTITY} init -q deep/in/there/a/b/c; cd deep/in/there/a/b/c; ${IDENTITY} commit -q --allow-empty -m x`,
        'cd /workspace; git add -A',
        `git -C deep/in/there/a/b/c config core.fsmonitor 'touch ${proof}; false'`,
      ],
    ],
  ])('an agent that plants a git setting in %s is reported', async (_, reported, plant) => {
    const cwd = await repository();
    const proof = join(await tempFolder(0), 'ran');
    const snapshot = await snapshotGit(cwd);
    const { dangers } = await agentRuns(cwd, ...plant(proof));
    expect(dangers, 'what the record tells').toEqual([`"${join(cwd, reported)}": "it sets core.fsmonitor"`]);
    expect(await plantedSince(snapshot)).toEqual([{ path: join(cwd, reported), reason: 'it sets core.fsmonitor' }]);
    expect(existsSync(proof)).toBe(false);
    await everydayGit(cwd);
    expect(existsSync(proof), 'the attack works').toBe(true);
  });

  it('an agent that makes git write through a link is reported', async () => {
    const cwd = await repository();
    const target = join(await tempFolder(0), '.bashrc');
    await writeFile(target, 'mine\n');
    const snapshot = await snapshotGit(cwd);
    await agentRuns(cwd, `ln -sf ${target} .git/COMMIT_EDITMSG; ln -sf ${target} .git/logs/HEAD`);
    const paths = (await plantedSince(snapshot)).map(({ path }) => path);
    expect(paths.sort()).toEqual([join(cwd, '.git/COMMIT_EDITMSG'), join(cwd, '.git/logs/HEAD')]);
    expect(await readFile(target, 'utf8')).toBe('mine\n');
    await everydayGit(cwd);
    expect(await readFile(target, 'utf8'), 'the attack works').not.toBe('mine\n');
  });
});
