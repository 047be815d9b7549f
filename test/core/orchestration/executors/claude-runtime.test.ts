import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { ClaudeRuntime } from '../../../../src/core/orchestration/executors/claude-runtime.js';
import { SessionWorktrees } from '../../../../src/core/orchestration/git/worktrees/session-worktrees.js';
import { repository } from '../../../support/git.js';
import { tempFolder } from '../../../support/temp-folder.js';

const RECORD = '.git/worktrees/.autonomous-orchestration/repository-one.json';

/** A worktree of a session whose process has died, and a manager whose engine does not answer. */
async function scene() {
  const [repo, stateDir] = [repository(), tempFolder()];
  const died = new SessionWorktrees(stateDir);
  const { path } = await died.ensure('a', repo, { branch: 'one' });
  await died.enter(path, 'a');
  const record = JSON.parse(readFileSync(join(repo, RECORD), 'utf8')) as { owner: object };
  writeFileSync(join(repo, RECORD), JSON.stringify({ ...record, owner: { ...record.owner, pid: 2 ** 22 + 1 } }));
  const env = { ...process.env, DOCKER_HOST: 'unix:///nonexistent/docker.sock' };
  const runtime = new ClaudeRuntime({ stateDir: tempFolder(), env });
  onTestFinished(() => runtime.docker.close());
  return { stateDir, path, worktrees: runtime.worktrees };
}

describe('a worktree whose session may have a container', () => {
  it('is not entered while the engine does not answer, because an agent may work in it', async () => {
    const { path, worktrees } = await scene();
    await expect(worktrees.enter(path, 'b')).rejects.toMatchObject({ code: 'DOCKER_UNAVAILABLE' });
    await expect(worktrees.enter(path, 'b')).rejects.toMatchObject({ code: 'DOCKER_UNAVAILABLE' });
  });

  it('needs no engine if its session ran without Docker', async () => {
    const { stateDir, path, worktrees } = await scene();
    const folder = join(stateDir, 'sessions/a');
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    writeFileSync(join(folder, 'spec.json'), JSON.stringify({ spec: { docker: false } }), { mode: 0o600 });
    const leave = await worktrees.enter(path, 'b');
    await leave();
  });
});
