import { readFileSync, realpathSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { AutonomousExecutor, UnifiedSessionManager } from 'autonomous-orchestration';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { executables, FAKE_CLAUDE } from '../../../support/executables.js';
import { containerState, FakeEngine } from '../../../support/fake-engine.js';
import { tempFolder } from '../../../support/temp-folder.js';

function managerWith(env: NodeJS.ProcessEnv): UnifiedSessionManager {
  const stateDir = tempFolder();
  const executor = new AutonomousExecutor({ stateDir, env: { ...process.env, ...env } });
  const manager = new UnifiedSessionManager({ stateDir, executors: { autonomous: executor } });
  onTestFinished(() => manager.close({ sessions: 'cancel' }));
  return manager;
}

describe('with docker: false', () => {
  it("runs the host's own claude in the workspace, with the user's own permissions", async () => {
    const bin = executables({ claude: FAKE_CLAUDE });
    const manager = managerWith({ PATH: `${bin}:${process.env.PATH}` });
    const cwd = tempFolder();
    const { id } = await manager.create({ prompt: 'Say {hello} to src/index.ts', cwd, docker: false, tools: ['Read'] });
    const ended = await manager.waitFor(id);

    expect(ended).toMatchObject({ status: 'completed', result: { text: 'Hello.', exitCode: 0, reason: 'success' } });
    expect(ended.environment).toEqual({ docker: false, dockerImage: '', cwd });
    expect(readFileSync(join(bin, 'input'), 'utf8')).toBe('Say {hello} to src/index.ts');
    expect(readFileSync(join(bin, 'cwd'), 'utf8').trim()).toBe(realpathSync(cwd));
    const args = readFileSync(join(bin, 'args'), 'utf8');
    expect(args).toContain('--allowedTools\nRead\n');
    expect(args).not.toContain('--dangerously-skip-permissions');
  });

  it('resumes the conversation in a further run', async () => {
    const bin = executables({ claude: FAKE_CLAUDE });
    const manager = managerWith({ PATH: `${bin}:${process.env.PATH}` });
    const { id } = await manager.create({ prompt: 'One', cwd: tempFolder(), docker: false });
    await manager.waitFor(id);
    await manager.continue(id, 'Two');
    await manager.waitFor(id);
    expect(readFileSync(join(bin, 'args'), 'utf8')).toContain('--resume\n11111111-2222-4333-8444-555555555555\n');
    expect(readFileSync(join(bin, 'input'), 'utf8')).toBe('Two');
  });

  it('cancels it together with everything it started', async () => {
    const bin = executables({ claude: FAKE_CLAUDE });
    writeFileSync(join(bin, 'wait'), '');
    const manager = managerWith({ PATH: `${bin}:${process.env.PATH}` });
    const { id } = await manager.create({ prompt: 'Wait', cwd: tempFolder(), docker: false });
    await vi.waitUntil(() => manager.get(id)?.metadata.lastMessage === 'Hello.');
    expect(await manager.cancel(id)).toMatchObject({ status: 'cancelled' });
  });

  it('is refused where the PATH has no claude', async () => {
    const manager = managerWith({ PATH: tempFolder() });
    await expect(manager.create({ prompt: 'x', cwd: tempFolder(), docker: false })).rejects.toMatchObject({
      code: 'CLAUDE_NOT_FOUND',
    });
    expect(manager.list()).toEqual([]);
  });
});

describe('with a docker executable that runs the command on the host', () => {
  /** Runs what follows the image, and tells the engine, which then has a container that ended. */
  const FAKE_DOCKER =
    'here=$(dirname "$0"); printf "%s\\n" "$@" > "$here/docker-args"; while [ "$1" != claude ]; do shift; done; "$@"';

  const probe = `autonomous-orchestration-probe ${process.getuid?.()} [${process.getgid?.()}] /home/node\n2.1.98 (Claude Code)\n`;
  const answerContainerCalls: FakeEngine['fallback'] = ({ method, path }) => {
    if (method === 'POST' && path.startsWith('/containers/create')) return { status: 201, json: { Id: 'id-1' } };
    if (path.endsWith('/start')) return { status: 204 };
    if (path.endsWith('/wait')) return { status: 200, json: { StatusCode: 0 } };
    if (path.includes('/logs')) return { status: 200, text: probe };
    if (path.startsWith('/events')) return (response) => void response.writeHead(200).flushHeaders();
    if (method === 'GET' && path.endsWith('/json')) return containerState();
    if (method === 'DELETE') return { status: 204 };
    return undefined;
  };

  it('asks the engine about its users again after a failure', async () => {
    const bin = executables({ claude: FAKE_CLAUDE, docker: FAKE_DOCKER });
    const { fake } = await FakeEngine.start({ 'GET /info': { status: 500, json: { message: 'starting up' } } });
    fake.answers['GET /images/my-claude%3Aauthenticated/json'] = { status: 200, json: { Id: 'sha256:1' } };
    fake.fallback = answerContainerCalls;
    const manager = managerWith({ PATH: `${bin}:${process.env.PATH}`, DOCKER_HOST: `unix://${fake.socketPath}` });
    await expect(manager.create({ prompt: 'Go', cwd: tempFolder() })).rejects.toThrow('starting up');
    fake.answers['GET /info'] = { status: 200, json: { SecurityOptions: [] } };
    const { id } = await manager.create({ prompt: 'Go', cwd: tempFolder() });
    expect(await manager.waitFor(id)).toMatchObject({ status: 'completed' });
  });

  it("starts ChannelCoder's plan with our own flags, and reads the end from the engine", async () => {
    const bin = executables({ claude: FAKE_CLAUDE, docker: FAKE_DOCKER });
    const cwd = tempFolder();
    const { fake } = await FakeEngine.start({ 'GET /info': { status: 200, json: { SecurityOptions: [] } } });
    fake.answers['GET /images/my-claude%3Aauthenticated/json'] = { status: 200, json: { Id: 'sha256:1' } };
    fake.fallback = answerContainerCalls;
    const manager = managerWith({ PATH: `${bin}:${process.env.PATH}`, DOCKER_HOST: `unix://${fake.socketPath}` });

    const { id } = await manager.create({
      prompt: 'Go',
      cwd,
      docker: { env: { TOKEN: 'secret-1' } },
      system: 'Be brief',
    });
    const ended = await manager.waitFor(id);

    expect(ended).toMatchObject({ status: 'completed', result: { text: 'Hello.', exitCode: 0 } });
    const args = readFileSync(join(bin, 'docker-args'), 'utf8');
    expect(args).toMatch(/^run\n--name\nao-/);
    expect(args).toContain('--pull\nnever\n');
    expect(args).toContain(`type=bind,source=${cwd},target=/workspace\n`);
    expect(args).toContain('--env\nTOKEN\n');
    expect(args).not.toContain('secret-1');
    expect(args).not.toContain('--rm\n');
    expect(args).toContain(
      'my-claude:authenticated\nclaude\n--print\n--system-prompt\nBe brief\n--dangerously-skip-permissions\n',
    );
    expect(dirname(ended.logFile ?? '')).toContain(id);
    expect(fake.requests).toContain(`DELETE /containers/ao-${id}-1?force=1&v=1`);
  });
});
