import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { type AutonomousSession, serveAutonomousApp } from 'autonomous-orchestration/handlers';
import { expect, it, onTestFinished } from 'vitest';
import { bash, RELEASES, repository, scripted, tempFolder, testManager } from './support.js';

const run = promisify(execFile);
const LOOK = 'pwd; ls -a; cat top.txt .local; echo planted > planted.txt';

/** A repository with a part in `packages/x` and a secret in its root, and a worktree elsewhere with another secret. */
async function userScene() {
  const repo = await repository();
  const elsewhere = join(await tempFolder(0), 'dev');
  const git = ['-c', 'user.name=User', '-c', 'user.email=user@example.invalid'];
  const commands = [
    'mkdir -p packages/x && echo p > packages/x/p && echo TOP-SECRET > top.txt && git add .',
    `git ${git.join(' ')} commit -qm More && git worktree add -q -b dev ${elsewhere}`,
    `echo uncommitted-secret > ${elsewhere}/.local`,
  ];
  await run('sh', ['-ec', commands.join(' && ')], { cwd: repo });
  return { repo, part: join(repo, 'packages/x'), elsewhere };
}

async function served(image: string, workspaces: string[]) {
  const { docker } = scripted(bash(LOOK), { text: 'Done.' });
  // The repository belongs to root, so the agent runs as root, too.
  const { manager } = await testManager({ docker: { ...docker, image, user: '0:0', network: 'none' } });
  const server = await serveAutonomousApp(manager, { port: 0, workspaces });
  onTestFinished(() => server.close());
  const create = async (body: object) => {
    const response = await fetch(`${server.url}/api/autonomous-sessions`, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json', Authorization: `Bearer ${server.token}` },
      body: JSON.stringify({ prompt: 'Look around', ...body }),
    });
    return (await response.json()) as { success: boolean; data: AutonomousSession; error?: string };
  };
  return { manager, create };
}

it.each(RELEASES)(
  'a worktree or a repository outside of the workspaces is refused: Claude Code $version',
  async ({ image }) => {
    const { repo, part, elsewhere } = await userScene();
    const { manager, create } = await served(image, [part]);
    for (const worktree of ['dev', 'brand-new'])
      expect(await create({ worktree })).toMatchObject({ success: false, error: expect.stringContaining(repo) });
    expect([existsSync(`${repo}-brand-new`), existsSync(join(elsewhere, 'planted.txt'))]).toEqual([false, false]);

    // Without a worktree, the container would get all of the repository as well.
    expect(await create({})).toMatchObject({ success: false, error: expect.stringContaining(repo) });
    expect(existsSync(join(part, 'planted.txt'))).toBe(false);
    expect(manager.list()).toEqual([]);
  },
);

it.each(RELEASES)('a new worktree is made inside its workspace: Claude Code $version', async ({ image }) => {
  const { repo, elsewhere } = await userScene();
  const { manager, create } = await served(image, [repo]);
  expect(await create({ worktree: 'dev' })).toMatchObject({
    success: false,
    error: expect.stringContaining(elsewhere),
  });
  const { data } = await create({ worktree: 'brand-new' });
  const { status, environment } = await manager.waitFor(data.id);
  expect([status, environment.worktree]).toEqual(['completed', join(repo, '.worktrees/brand-new')]);
  expect(existsSync(join(repo, '.worktrees/brand-new/planted.txt'))).toBe(true);
  const { stdout } = await run('git', ['-c', 'safe.directory=*', 'status', '--porcelain'], { cwd: repo });
  expect(stdout).toBe('');
});
