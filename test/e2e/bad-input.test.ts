import { existsSync } from 'node:fs';
import { chmod, mkdir, readdir, symlink, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:net';
import { homedir } from 'node:os';
import { join } from 'node:path';
import {
  AutonomousExecutor,
  type CreateSessionOptions,
  OrchestrationError,
  UnifiedSessionManager,
} from 'autonomous-orchestration';
import { beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { containersOf, engine, git, stateFolder, tempFolder, testManager } from './support.js';

let stateDir: string;
let cwd: string;

beforeEach(async () => {
  stateDir = await stateFolder();
  cwd = await tempFolder();
});

/** Creates a session that has to be refused, and makes sure that nothing is left of it. */
async function refused(options: CreateSessionOptions, manager?: UnifiedSessionManager): Promise<OrchestrationError> {
  const used = manager ?? (await testManager({ stateDir })).manager;
  const before = await readdir(cwd);
  const error: unknown = await used.create({ cwd, prompt: 'x', ...options }).catch((thrown: unknown) => thrown);
  expect(error).toBeInstanceOf(OrchestrationError);
  expect(used.list()).toEqual([]);
  expect(used.queueStatus()).toMatchObject({ running: 0, queued: 0 });
  expect(await readdir(join(stateDir, 'sessions')).catch(() => [])).toEqual([]);
  expect(await readdir(cwd)).toEqual(before);
  expect(await containersOf({ stateDir })).toEqual([]);
  if (!manager) await used.close();
  return error as OrchestrationError;
}

const invalid = (text: string | RegExp) => ({ code: 'INVALID_OPTIONS', message: expect.stringMatching(text) });

describe('create() with invalid options', () => {
  it('create() refuses options with neither or both of prompt and promptFile', async () => {
    const { manager } = await testManager({ stateDir });
    await expect(manager.create({ cwd })).rejects.toMatchObject(invalid(/'prompt' and 'promptFile'.*neither/));
    await expect(manager.create({ cwd, prompt: 'x', promptFile: 'y.md' })).rejects.toMatchObject(invalid(/both/));
    expect(await refused({ prompt: ' \n ' })).toMatchObject(invalid(/'prompt'.*empty/));
  });

  it('create() refuses a prompt file that is missing or whose data does not fit its schema', async () => {
    const { manager } = await testManager({ stateDir });
    await writeFile(join(cwd, 'task.md'), '---\ninput:\n  count: number\n---\nDo {count}.\n');
    await expect(manager.create({ cwd, promptFile: 'no.md' })).rejects.toMatchObject(
      invalid(/'promptFile'.*no\.md.*does not exist/),
    );
    await expect(manager.create({ cwd, promptFile: 'task.md' })).rejects.toMatchObject(
      invalid(/"count".*received undefined/),
    );
    await expect(manager.create({ cwd, promptFile: 'task.md', data: { count: 'two' } })).rejects.toMatchObject(
      invalid(/"count".*received "two"/),
    );
    expect(await readdir(join(stateDir, 'sessions'))).toEqual([]);
    expect(manager.list()).toEqual([]);
  });

  it('create() refuses a workspace that is missing, a file, or not writable by the agent', async () => {
    await writeFile(join(cwd, 'file'), '');
    expect(await refused({ cwd: join(cwd, 'nowhere') })).toMatchObject({
      code: 'WORKSPACE_NOT_FOUND',
      message: expect.stringMatching(/nowhere.*does not exist/),
    });
    expect(await refused({ cwd: join(cwd, 'file') })).toMatchObject({
      code: 'WORKSPACE_NOT_FOUND',
      message: expect.stringMatching(/not a folder/),
    });
    const others = await tempFolder(0);
    await chmod(others, 0o555);
    const error = await refused({ cwd: others });
    expect(error).toMatchObject({ code: 'WORKSPACE_NOT_WRITABLE' });
    for (const word of [others, 'its owner', 'uid 1000', "docker.user to '0:0'"]) expect(error.message).toContain(word);
    await chmod(others, 0o755);
    const asked = await refused({ cwd: others, docker: { user: '1000:1000' } });
    expect(asked).toMatchObject({ code: 'WORKSPACE_NOT_WRITABLE' });
    expect(asked.message).toContain('uid 1000, the user of docker.user');
  });

  it('create() refuses a home folder in the workspace, among programs, or read-only', async () => {
    for (const [env, words] of [
      [{ CLAUDE_CONFIG_DIR: '/workspace/.config' }, /docker\.env\.CLAUDE_CONFIG_DIR.*must not lie in \/workspace/],
      [{ HOME: '/workspace' }, /docker\.env\.HOME.*must not lie in \/workspace/],
      [{ HOME: '/etc/claude-code' }, /docker\.env\.HOME.*"\/etc\/claude-code", which the container needs as it is/],
      [{ HOME: '/usr/local' }, /docker\.env\.HOME.*"\/usr\/local", which the container needs as it is/],
    ] as const)
      expect(await refused({ docker: { env } })).toMatchObject(invalid(words));
    const mounts = [{ source: await tempFolder(), target: '/home/node', readonly: true }];
    expect(await refused({ docker: { mounts } })).toMatchObject(invalid(/is read-only/));
  });

  it("create() refuses a user that the image's files forbid, and says who was tried with which folders", async () => {
    const { code, message } = await refused({
      docker: { user: '4321:4321', env: { HOME: '/proc-of-nobody', PATH: '/nowhere' } },
      cwd: await tempFolder(4321),
    });
    expect({ code, message }).toMatchObject({
      code: 'CLAUDE_NOT_FOUND',
      message: expect.stringContaining("as user '4321:4321'"),
    });
  });

  it.each(['-f', 'a..b', 'a b', 'x.lock', '.x', 'a~1', '', 'a/'])(
    'create() refuses a branch that git would refuse: %j',
    async (branch) => {
      await git(cwd, 'init', '--quiet').catch(() => {});
      expect(await refused({ worktree: branch })).toMatchObject(invalid(/worktree.*branch/));
      expect(await refused({ worktree: { branch: 'fine', base: branch } })).toMatchObject({
        code: expect.stringMatching(/^(INVALID_OPTIONS|WORKTREE_FAILED)$/),
        message: expect.stringContaining(branch),
      });
    },
  );

  it('create() refuses a worktree outside of a repository', async () => {
    expect(await refused({ worktree: 'fine' })).toMatchObject({ code: 'WORKTREE_FAILED' });
  });

  it.each([
    ['a colon', { source: '/a:b', target: '/c' }],
    ['NUL', { source: '/a\0b', target: '/c' }],
    ['too many parts', '/a:/b:ro:/c'],
    ['an unknown mode', '/a:/b:rx'],
    ['a relative path', 'a:/b'],
    ['a missing source', '/definitely/not/there:/b'],
    ['the workspace as target', '/tmp:/workspace'],
  ])('create() refuses a mount with %s', async (_, mount) => {
    expect(await refused({ docker: { mounts: [mount] } })).toMatchObject(invalid(/docker\.mounts/));
  });

  it('create() refuses a mount that hands over the machine, also through a link, unless it is allowed', async () => {
    const socket = engine.host.slice('unix://'.length);
    const link = join(await tempFolder(0), 'innocent');
    await symlink(homedir(), link);
    for (const source of [socket, '/', homedir(), link, join(socket, '..'), stateDir]) {
      expect(await refused({ docker: { mounts: [{ source, target: '/mnt' }] } })).toMatchObject({
        code: 'UNSAFE_MOUNT',
      });
    }
    expect(await refused({ cwd: homedir() })).toMatchObject({ code: 'UNSAFE_MOUNT' });

    const { manager } = await testManager({ stateDir });
    const docker = { mounts: [{ source: homedir(), target: '/mnt', readonly: true }], allowUnsafeMounts: true };
    const session = await manager.create({ cwd, prompt: 'x', docker });
    expect(await manager.waitFor(session.id)).toMatchObject({ status: 'completed' });
  });

  it.each([
    '/run',
    '/proc',
    '/proc/self/root',
    '/sys',
    '/dev',
    '/etc',
    '/etc/shadow',
    '/var',
    '/var/lib',
    '/home',
    '/root/.ssh',
  ])('create() refuses a system folder as workspace or mount, also in another spelling: %s', async (place) => {
    const link = join(await tempFolder(0), 'innocent');
    await symlink(place, link);
    for (const source of [place, link, `/tmp/..${place}`]) {
      const error = await refused({ docker: { mounts: [{ source, target: '/mnt', readonly: true }] } });
      // A place that does not exist on this machine cannot be mounted either.
      expect(error).toMatchObject({ code: existsSync(place) ? 'UNSAFE_MOUNT' : 'INVALID_OPTIONS' });
    }
    const { code } = await refused({ cwd: link });
    expect(['UNSAFE_MOUNT', 'WORKSPACE_NOT_FOUND']).toContain(code);
  });

  it.each(['/etc/claude-code', '/run/autonomous-orchestration/answers', '/usr/bin', '/workspace/.git', '/proc/1'])(
    'create() refuses a mount over a path that the container needs unchanged: %s',
    async (target) => {
      const docker = { mounts: [{ source: await tempFolder(0), target }], allowUnsafeMounts: true };
      expect(await refused({ docker })).toMatchObject(invalid(/docker\.mounts/));
    },
  );

  it('create() refuses a mount into the workspace if an agent has put a link in its path', async () => {
    await symlink('/etc', join(cwd, 'data'));
    const docker = { mounts: [`${await tempFolder(0)}:/workspace/data/claude-code`] };
    expect(await refused({ docker })).toMatchObject({ code: 'UNSAFE_MOUNT' });
  });

  it('create() refuses a stateDir that other users can write to', async () => {
    await chmod(stateDir, 0o777);
    const { manager } = await testManager({ stateDir });
    await expect(manager.create({ cwd, prompt: 'x' })).rejects.toMatchObject({
      code: 'STATE_NOT_WRITABLE',
      message: expect.stringContaining('can be written by others'),
    });
  });

  it.each([
    ['maxTurns', { maxTurns: -1 }],
    ['maxTurns', { maxTurns: 1.5 }],
    ['docker.pidsLimit', { docker: { pidsLimit: 0 } }],
    ['docker.memory', { docker: { memory: 'lots' } }],
    ['docker.cpus', { docker: { cpus: -2 } }],
    ['docker.user', { docker: { user: '--privileged' } }],
    ['docker.network', { docker: { network: '--net' } }],
    ['docker.image', { docker: { image: '--privileged' } }],
  ] satisfies [string, CreateSessionOptions][])('create() refuses an invalid %s: %j', async (name, options) => {
    const error = await refused(options);
    expect(error).toMatchObject(invalid(`'${name.replace('.', '\\.')}'`));
    expect(error.message).toMatch(/Received /);
  });

  it('create() refuses an image that does not exist or has no Claude Code', async () => {
    expect(await refused({ docker: { image: 'no/such:image' } })).toMatchObject({
      code: 'IMAGE_NOT_FOUND',
      message: expect.stringMatching(/no\/such:image/),
    });
    expect(await refused({ docker: { image: engine.bareImage } })).toMatchObject({
      code: 'CLAUDE_NOT_FOUND',
      message: expect.stringMatching(/bare/),
    });
  });

  it('create() refuses a stateDir that cannot be written', async () => {
    const file = join(await tempFolder(0), 'file');
    await writeFile(file, '');
    const manager = new UnifiedSessionManager({ stateDir: join(file, 'state') });
    await expect(manager.create({ cwd, prompt: 'x' })).rejects.toMatchObject({
      code: 'STATE_NOT_WRITABLE',
      message: expect.stringMatching(/stateDir/),
    });
    expect(manager.list()).toEqual([]);
    expect(manager.queueStatus().running).toBe(0);
  });
});

describe('without an engine', () => {
  it.each(['nobody listens', 'nobody answers'])('create() fails without an engine: %s', async (which) => {
    const socket = join(await tempFolder(0), 'engine.sock');
    if (which === 'nobody answers') await silentServer(socket);
    const executor = new AutonomousExecutor({ stateDir, env: { ...process.env, DOCKER_HOST: `unix://${socket}` } });
    const { manager } = await testManager({ stateDir, executors: { autonomous: executor } });
    const started = performance.now();
    expect(await refused({}, manager)).toMatchObject({
      code: 'DOCKER_UNAVAILABLE',
      message: expect.stringMatching(/DOCKER_HOST/),
    });
    console.log(`DOCKER_UNAVAILABLE when ${which}: ${Math.round(performance.now() - started)} ms`);
  });
});

async function silentServer(path: string): Promise<Server> {
  await mkdir(join(path, '..'), { recursive: true });
  const sockets = new Set<import('node:net').Socket>();
  const server = createServer((socket) => void sockets.add(socket.on('error', () => {})));
  await new Promise<void>((resolve) => server.listen(path, resolve));
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return server;
}
