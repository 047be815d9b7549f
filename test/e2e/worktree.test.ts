import { existsSync } from 'node:fs';
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { bash, git, repository, scripted, tempFolder, testManager } from './support.js';

/** The attacks here have to fail without the guard, too. */
const UNGUARDED = { policy: { dangerous: 'allow' } } as const;

// The repository belongs to root, as the user who runs these tests, so the sessions run as root, too; without capabilities.
const AS_HOST_USER = { user: '0:0' };
const IDENTITY = 'git -c user.name=Claude -c user.email=claude@example.invalid';

describe('a session in a worktree', () => {
  it('a session in a worktree commits on its branch, and the repository has the commit', async () => {
    const { manager } = await testManager(UNGUARDED);
    const cwd = await repository();
    const { docker } = scripted(
      bash(
        `echo new > new.txt && ${IDENTITY} add . && ${IDENTITY} commit -qm 'From inside' && git status --short && git log --oneline`,
      ),
      { text: 'Committed.' },
    );
    const session = await manager.create({
      docker: { ...docker, ...AS_HOST_USER },
      prompt: 'Commit',
      cwd,
      worktree: 'feature/one',
    });
    const ended = await manager.waitFor(session.id);

    expect(ended.metadata.errors).toEqual([]);
    expect(ended.status).toBe('completed');
    expect(ended.environment).toMatchObject({ cwd, branch: 'feature/one', worktree: `${cwd}-feature-one` });
    expect(await git(cwd, 'log', '--format=%s', 'feature/one')).toBe('From inside\nFirst');
    expect(await git(cwd, 'status', '--short')).toBe('');
    expect(await readFile(`${cwd}-feature-one/new.txt`, 'utf8')).toBe('new\n');
  });

  it('a session in a worktree can branch, merge, reset, tag and stash', async () => {
    const { manager } = await testManager(UNGUARDED);
    const commands = [
      'set -e',
      'git config user.name 2>/dev/null || export GIT_AUTHOR_NAME=C GIT_AUTHOR_EMAIL=c@x GIT_COMMITTER_NAME=C GIT_COMMITTER_EMAIL=c@x',
      'git checkout -qb side && echo a > a && git add a && git commit -qm a',
      'git checkout -q feature/two && git merge -q --no-ff -m merge side && git tag v1 && echo b >> a && git stash -q',
      'git reset -q --hard HEAD~0 && git stash pop -q && git reset -q --hard',
      'git status --short',
    ].join('\n');
    const { docker } = scripted(bash(commands), { text: 'ok' });
    const cwd = await repository();
    const session = await manager.create({
      docker: { ...docker, ...AS_HOST_USER },
      prompt: 'Git',
      cwd,
      worktree: 'feature/two',
    });
    const { metadata } = await manager.waitFor(session.id);
    expect(metadata.errors).toEqual([]);
    expect(await git(cwd, 'tag')).toBe('v1');
  });

  it('a session in a worktree cannot plant what git on the machine would execute or follow', async () => {
    const { manager } = await testManager(UNGUARDED);
    const cwd = await repository();
    const attacks = [
      'C=$(git rev-parse --git-common-dir); W=$(git rev-parse --git-dir)',
      // These are the session's own.
      'git config core.fsmonitor "touch /workspace/planted; false"; echo x > "$C/hooks/pre-commit"; git config --unset core.fsmonitor',
      'G=$(readlink -f "$C/refs/.."); ls "$G/config" > /workspace/where.txt',
      'echo "[core] fsmonitor = touch /workspace/planted" >> "$G/config" && echo BREACH config',
      'mkdir -p "$G/hooks" && echo x > "$G/hooks/pre-commit" && echo BREACH hook',
      'echo gitdir: /tmp > /workspace/.git && echo BREACH pointer',
      'rm -f /workspace/.git && echo BREACH removed pointer',
      'mv /workspace/.git /workspace/.git2 && echo BREACH moved pointer',
      'echo /tmp > "$W/commondir" && echo BREACH commondir',
      'mv "$W/commondir" "$W/c2" && echo BREACH moved commondir',
      'echo /tmp > "$W/gitdir" && echo BREACH gitdir',
      'echo "[core] fsmonitor = true" > "$W/config.worktree" && echo BREACH config.worktree',
      'mkdir -p "$G/info" && echo "* filter=x" > "$G/info/attributes" && echo BREACH attributes',
      'echo x > "$G/packed-refs" && echo BREACH packed-refs',
      'true',
    ].join('\n');
    // A script file, because Claude Code itself refuses some such commands.
    const { docker } = scripted(
      { tool: 'Write', input: { file_path: '/workspace/attack.sh', content: attacks } },
      bash('sh attack.sh 2>/dev/null; cat where.txt'),
      { text: 'ok' },
    );
    const outputs: string[] = [];
    manager.on('session:tool-result', ({ output }) => outputs.push(output));
    const session = await manager.create({
      docker: { ...docker, ...AS_HOST_USER },
      prompt: 'Attack',
      cwd,
      worktree: 'feature/three',
    });
    const ended = await manager.waitFor(session.id);

    expect(ended.status).toBe('completed');
    expect(outputs.join('\n')).toContain('/run/autonomous-orchestration/repository/config');
    expect(await readFile(join(cwd, '.git/config'), 'utf8')).not.toContain('fsmonitor');
    expect(existsSync(join(cwd, '.git/hooks/pre-commit'))).toBe(false);
    expect(outputs.join('\n')).not.toContain('BREACH');
    await git(cwd, 'status');
    await git(`${cwd}-feature-three`, 'status');
  });

  it('a session uses the existing worktree of its branch, and a given base', async () => {
    const { manager } = await testManager(UNGUARDED);
    const cwd = await repository();
    await git(cwd, 'branch', 'older');
    await writeFile(join(cwd, 'later.txt'), 'later\n');
    await git(cwd, 'add', '.');
    await git(cwd, 'commit', '--quiet', '--message', 'Second');
    const path = join(await tempFolder(0), 'tree');
    await rm(path, { force: true, recursive: true });
    const { docker } = scripted(bash('ls'), { text: 'ok' });
    const options = { docker: { ...docker, ...AS_HOST_USER }, prompt: 'x', cwd };

    const made = await manager.create({ ...options, worktree: { branch: 'from-older', base: 'older', path } });
    expect((await manager.waitFor(made.id)).environment.worktree).toBe(path);
    const again = await manager.create({ ...options, worktree: 'from-older' });
    expect((await manager.waitFor(again.id)).environment.worktree).toBe(path);

    expect(await git(path, 'log', '--format=%s')).toBe('First');
  });
});

describe('a worktree that is in use', () => {
  it('a worktree is refused if the repository itself or another session uses its branch', async () => {
    const { manager } = await testManager(UNGUARDED);
    const cwd = await repository();
    const { docker } = scripted(bash('sleep 300'));
    const options = { docker: { ...docker, ...AS_HOST_USER }, prompt: 'x', cwd };
    await expect(manager.create({ ...options, worktree: 'main' })).rejects.toMatchObject({ code: 'WORKTREE_FAILED' });

    const first = await manager.create({ ...options, worktree: 'shared' });
    await manager.waitFor(first.id, { status: 'running' });
    const second = await manager.create({ ...options, worktree: 'shared' });
    const { status, result } = await manager.waitFor(second.id);
    expect({ status, reason: result?.reason }).toEqual({ status: 'failed', reason: 'WORKTREE_FAILED' });
    expect(result?.error).toContain(first.id);
    await manager.cancel(first.id);
  });
});

describe('a session in a plain repository', () => {
  it('a session in a plain repository commits, but cannot change what git on the machine executes', async () => {
    const { manager } = await testManager(UNGUARDED);
    const cwd = await repository();
    const script = [
      `echo new > new.txt && ${IDENTITY} add new.txt && ${IDENTITY} commit -qm Inside || echo FAILED`,
      'echo "[core] fsmonitor = true" >> .git/config && echo BREACH config',
      'mv .git/config .git/c2 && echo BREACH moved config',
      // The hooks here are the session's own.
      'echo x > .git/hooks/post-checkout || echo FAILED',
      'mv .git/hooks .git/h2 && echo BREACH moved hooks',
      'mv .git .git2 && echo BREACH moved .git',
      'true',
    ].join('\n');
    const { docker } = scripted(
      { tool: 'Write', input: { file_path: '/workspace/try.sh', content: script } },
      bash('sh try.sh 2>/dev/null; rm try.sh'),
      { text: 'ok' },
    );
    const outputs: string[] = [];
    manager.on('session:tool-result', ({ output }) => outputs.push(output));
    const session = await manager.create({ docker: { ...docker, ...AS_HOST_USER }, prompt: 'x', cwd });
    await manager.waitFor(session.id);

    expect(outputs.join('\n')).not.toMatch(/BREACH|FAILED/);
    expect(await git(cwd, 'log', '--format=%s')).toBe('Inside\nFirst');
    expect(existsSync(join(cwd, '.git/hooks/post-checkout'))).toBe(false);
  });
});

describe('git on the machine', () => {
  it('git on the machine runs nothing that an agent has planted in its own new repository', async () => {
    const { manager } = await testManager(UNGUARDED);
    const cwd = await tempFolder(0);
    const proof = join(await tempFolder(0), 'ran');
    const script = [
      'git init -q && echo x > file && git add file',
      `${IDENTITY} commit -qm First`,
      `printf '#!/bin/sh\\ntouch ${proof}\\n' > .git/hooks/post-checkout && chmod +x .git/hooks/post-checkout`,
      `git config core.fsmonitor 'touch ${proof}; false'`,
    ].join('\n');
    const { docker } = scripted(
      { tool: 'Write', input: { file_path: '/workspace/plant.sh', content: script } },
      bash('sh plant.sh'),
      { text: 'ok' },
    );
    const planted = await manager.create({ docker: { ...docker, ...AS_HOST_USER }, prompt: 'x', cwd });
    await manager.waitFor(planted.id);
    const options = { docker: { ...scripted({ text: 'ok' }).docker, ...AS_HOST_USER }, prompt: 'x', cwd };
    const session = await manager.create({ ...options, worktree: 'feature' });

    expect(await manager.waitFor(session.id)).toMatchObject({ status: 'completed' });
    expect(existsSync(proof)).toBe(false);
    await rm(`${cwd}-feature`, { recursive: true });
  });

  it('git on the machine does not follow a forged entry to the worktree of another repository', async () => {
    const { manager } = await testManager(UNGUARDED);
    const [cwd, other] = [await repository(), await repository()];
    await git(other, 'worktree', 'add', '--quiet', '-b', 'feature', `${other}-private`);
    await mkdir(join(cwd, '.git/worktrees/forged'), { recursive: true });
    await writeFile(join(cwd, '.git/worktrees/forged/gitdir'), `${other}-private/.git\n`);
    await writeFile(join(cwd, '.git/worktrees/forged/HEAD'), 'ref: refs/heads/feature\n');
    await writeFile(join(cwd, '.git/worktrees/forged/commondir'), '../..\n');
    const options = { docker: { ...scripted({ text: 'ok' }).docker, ...AS_HOST_USER }, prompt: 'x', cwd };
    await expect(manager.create({ ...options, worktree: 'feature' })).rejects.toMatchObject({
      code: 'WORKTREE_FAILED',
      message: expect.stringContaining('belongs to another one'),
    });
  });
});
