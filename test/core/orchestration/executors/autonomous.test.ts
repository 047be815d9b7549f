import { existsSync, readdirSync, readFileSync, readlinkSync, realpathSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { AutonomousExecutor, UnifiedSessionManager } from 'autonomous-orchestration';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { CONTAINER_SETTINGS } from '../../../../src/core/orchestration/mailbox/mailbox-files.js';
import { eventually } from '../../../support/eventually.js';
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

/** The states of the processes that work in a folder, `T` for those that are stopped. */
function statesIn(cwd: string): string[] {
  return readdirSync('/proc').flatMap((pid) => {
    try {
      if (readlinkSync(`/proc/${pid}/cwd`) !== cwd) return [];
      return /\) ([A-Z]) /.exec(readFileSync(`/proc/${pid}/stat`, 'latin1'))?.[1] ?? [];
    } catch {
      return []; // The process has ended, or the entry is not a process.
    }
  });
}

describe('with docker: false', () => {
  it("without Docker, the machine's claude runs in the workspace with the user's permissions", async () => {
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
    expect(readFileSync(join(bin, 'env'), 'utf8')).toContain('CLAUDE_CODE_DISABLE_BACKGROUND_TASKS=1\n');
  });

  it('a further run resumes the conversation', async () => {
    const bin = executables({ claude: FAKE_CLAUDE });
    const manager = managerWith({ PATH: `${bin}:${process.env.PATH}` });
    const { id } = await manager.create({ prompt: 'One', cwd: tempFolder(), docker: false });
    await manager.waitFor(id);
    await manager.continue(id, 'Two');
    await manager.waitFor(id);
    expect(readFileSync(join(bin, 'args'), 'utf8')).toContain('--resume\n11111111-2222-4333-8444-555555555555\n');
    expect(readFileSync(join(bin, 'input'), 'utf8')).toBe('Two');
  });

  it('a cancelled run without Docker ends as cancelled', async () => {
    const bin = executables({ claude: FAKE_CLAUDE });
    writeFileSync(join(bin, 'wait'), '');
    const manager = managerWith({ PATH: `${bin}:${process.env.PATH}` });
    const { id } = await manager.create({ prompt: 'Wait', cwd: tempFolder(), docker: false });
    await vi.waitUntil(() => manager.get(id)?.metadata.lastMessage === 'Hello.', 30_000);
    expect(await manager.cancel(id)).toMatchObject({ status: 'cancelled' });
  });

  it("Claude gets the guard's hook and the rest of its budget", async () => {
    // The guard's files are removed with the run.
    const keepsSettings = 'for word; do case $word in */guard/settings.json) cp "$word" "$here" ;; esac; done';
    const bin = executables({ claude: FAKE_CLAUDE.replace('\n', `\n${keepsSettings}\n`) });
    const manager = managerWith({ PATH: `${bin}:${process.env.PATH}` });
    const settings = join(bin, 'settings.json');
    const args = (): string[] => readFileSync(join(bin, 'args'), 'utf8').trim().split('\n');
    const argumentOf = (name: string): string => args()[args().indexOf(name) + 1] ?? '';
    const { id } = await manager.create({ prompt: 'One', cwd: tempFolder(), docker: false, limits: { costUsd: 0.5 } });
    const { logFile = '' } = await manager.waitFor(id);
    const guard = join(dirname(logFile), 'guard');
    expect(argumentOf('--max-budget-usd')).toBe('0.5');
    expect(argumentOf('--settings')).toBe(join(guard, 'settings.json'));
    expect(readFileSync(settings, 'utf8')).toContain(`'${guard}/hook.sh' 'PreToolUse' '${guard}'`);
    await manager.cancel(id); // Waits for the removal.
    expect(existsSync(guard)).toBe(false);
    await manager.continue(id, 'Two');
    await manager.waitFor(id);
    expect(Number(argumentOf('--max-budget-usd'))).toBeCloseTo(0.49, 9);
  });

  it('Claude gets the smallest budget if nothing is left, because it does not accept zero', async () => {
    const lines = [
      { type: 'system', subtype: 'init', session_id: '11111111-2222-4333-8444-555555555555', model: 'fake' },
      { type: 'rate_limit_event', rate_limit_info: { status: 'rejected' } },
      {
        type: 'result',
        subtype: 'success',
        is_error: true,
        result: 'API Error: 429 rate_limit_error',
        total_cost_usd: 9,
      },
    ];
    const script = [
      'here=$(dirname "$0"); cat > /dev/null; printf "%s\\n" "$@" > "$here/args"',
      ...lines.map((line) => `echo '${JSON.stringify(line)}'`),
      'exit 1',
    ].join('\n');
    const bin = executables({ claude: script });
    const manager = managerWith({ PATH: `${bin}:${process.env.PATH}` });
    const { id } = await manager.create({ prompt: 'One', cwd: tempFolder(), docker: false, limits: { costUsd: 0.5 } });
    await manager.waitFor(id, { status: 'paused' });
    await manager.resume(id);
    expect(await manager.waitFor(id)).toMatchObject({ status: 'failed', result: { reason: 'max_cost' } });
    expect(readFileSync(join(bin, 'args'), 'utf8')).toMatch(/^--max-budget-usd\n0\.000001$/m);
  });

  it('Claude gets no budget if limits.costUsd is not set', async () => {
    const bin = executables({ claude: FAKE_CLAUDE });
    const manager = managerWith({ PATH: `${bin}:${process.env.PATH}` });
    const { id } = await manager.create({ prompt: 'One', cwd: tempFolder(), docker: false });
    await manager.waitFor(id);
    expect(readFileSync(join(bin, 'args'), 'utf8')).not.toContain('--max-budget-usd');
  });

  it('a tool call ends the session if no hook of the run has ever asked', async () => {
    const call = { type: 'tool_use', id: 'toolu_1', name: 'Bash', input: { command: 'ls' } };
    const result = { type: 'tool_result', tool_use_id: 'toolu_1', content: 'x' };
    const lines = [
      { type: 'assistant', message: { id: 'm', content: [call] } },
      { type: 'user', message: { content: [result] } },
    ];
    const script = `echo '${lines.map((line) => JSON.stringify(line)).join("'; echo '")}'; sleep 60`;
    const manager = managerWith({ PATH: `${executables({ claude: script })}:${process.env.PATH}` });
    const { id } = await manager.create({ prompt: 'One', cwd: tempFolder(), docker: false });
    expect(await manager.waitFor(id)).toMatchObject({ status: 'failed', result: { reason: 'guard_missing' } });
  });

  it('the hook allows a harmless call, and denies a call that a rule of the policy denies', async () => {
    const ask = (id: string, command: string): string => {
      const input = JSON.stringify({
        hook_event_name: 'PreToolUse',
        session_id: 's',
        tool_use_id: id,
        tool_name: 'Bash',
        tool_input: { command },
      });
      return `answer=$(echo '${input}' | sh "$guard/hook.sh" PreToolUse "$guard")`;
    };
    const line = (type: string, block: object): string =>
      `echo '${JSON.stringify({ type, message: { content: [block] } })}'`;
    const used = (id: string, command: string): string =>
      line('assistant', { type: 'tool_use', id, name: 'Bash', input: { command } });
    const script = [
      'while [ $# -gt 0 ]; do [ "$1" = --settings ] && guard=$(dirname "$2"); shift; done',
      used('a', 'ls'),
      ask('a', 'ls'),
      '[ -z "$answer" ] || exit 9',
      line('user', { type: 'tool_result', tool_use_id: 'a', content: 'x' }),
      used('b', 'rm x'),
      ask('b', 'rm x'),
      'case $answer in *"Keep it."*) ;; *) exit 9 ;; esac',
      line('user', {
        type: 'tool_result',
        tool_use_id: 'b',
        is_error: true,
        content: 'Denied by policy: Keep it.',
      }),
      `echo '{"type":"result","subtype":"success","is_error":false,"result":"Hello."}'`,
    ].join('\n');
    const manager = managerWith({ PATH: `${executables({ claude: script })}:${process.env.PATH}` });
    const rules = [{ tool: 'Bash', matches: /^rm /, decision: 'deny', reason: 'Keep it.' }] as const;
    const { id } = await manager.create({ prompt: 'One', cwd: tempFolder(), docker: false, policy: { rules } });
    const ended = await manager.waitFor(id);
    expect(ended.result).toMatchObject({ reason: 'success' });
    expect(ended.metadata.toolsUsed.map(({ outcome }) => outcome)).toEqual(['ok', 'denied']);
  });

  it('pause() freezes claude and all of its child processes, and resume() continues them', async () => {
    const bin = executables({ claude: FAKE_CLAUDE });
    writeFileSync(join(bin, 'wait'), '');
    const manager = managerWith({ PATH: `${bin}:${process.env.PATH}` });
    const cwd = tempFolder();
    const { id } = await manager.create({ prompt: 'Wait', cwd, docker: false });
    await vi.waitUntil(() => manager.get(id)?.metadata.lastMessage === 'Hello.', 30_000);
    const states = (): string[] => statesIn(cwd);
    await vi.waitUntil(() => states().length === 2, 30_000);
    await manager.pause(id);
    await eventually(() => expect(states()).toEqual(['T', 'T']));
    await manager.resume(id);
    await eventually(() => expect(states()).not.toContain('T'));
    await manager.pause(id);
    expect(await manager.cancel(id)).toMatchObject({ status: 'cancelled', result: { reason: 'cancelled' } });
    await eventually(() => expect(states()).toEqual([]));
  });

  it('a session without Docker is refused if PATH has no claude', async () => {
    const manager = managerWith({ PATH: tempFolder() });
    await expect(manager.create({ prompt: 'x', cwd: tempFolder(), docker: false })).rejects.toMatchObject({
      code: 'CLAUDE_NOT_FOUND',
    });
    expect(manager.list()).toEqual([]);
  });
});

describe('with a docker executable that runs the command on the machine', () => {
  /** Runs the command that follows the image. */
  const FAKE_DOCKER =
    'here=$(dirname "$0"); printf "%s\\n" "$@" > "$here/docker-args"; while [ "$1" != claude ]; do shift; done; "$@"';

  const SESSION_NETWORK = {
    Id: 'net-1',
    Name: 'container:autonomous-orchestration-sessions',
    Created: '2026-11-29T10:00:00Z',
    Driver: 'bridge',
    Options: { 'com.docker.network.bridge.enable_icc': 'false' },
  };
  const [uid, gid] = [process.getuid?.(), process.getgid?.()];
  const who = [`user ${uid} ${gid} [${gid}] /home/node`, 'config /home/node/.claude'];
  const said = [...who, 'stat', 'works', 'first {"type":"system"}', 'ended'];
  const probe = `2.1.98 (Claude Code)\n${said.map((line) => `autonomous-orchestration-probe ${line}\n`).join('')}`;
  const answerContainerCalls: FakeEngine['fallback'] = ({ method, path }) => {
    if (method === 'POST' && path.startsWith('/containers/create')) return { status: 201, json: { Id: 'id-1' } };
    if (path.endsWith('/start')) return { status: 204 };
    if (path.endsWith('/wait')) return { status: 200, json: { StatusCode: 0 } };
    if (path.includes('/attach')) return { status: 200, text: probe };
    if (path.startsWith('/networks')) return { status: 200, json: [SESSION_NETWORK] };
    if (path.startsWith('/events')) return (response) => void response.writeHead(200).flushHeaders();
    if (method === 'GET' && path.endsWith('/json')) return containerState();
    if (method === 'DELETE') return { status: 204 };
    return undefined;
  };

  it("the engine's info is requested again after a failure", async () => {
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

  it("ChannelCoder's plan is started with our own flags, and the end is read from the engine", async () => {
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
    expect(args).toContain('--env\nCLAUDE_CODE_DISABLE_BACKGROUND_TASKS\n');
    expect(readFileSync(join(bin, 'env'), 'utf8')).toContain('CLAUDE_CODE_DISABLE_BACKGROUND_TASKS=1\n');
    expect(args).not.toContain('secret-1');
    expect(args).not.toContain('--rm\n');
    expect(args).toContain('\nclaude\n--print\n--system-prompt\nBe brief\n');
    const flags = [
      '--dangerously-skip-permissions',
      '--permission-prompt-tool\nstdio',
      `--settings\n${CONTAINER_SETTINGS}`,
    ];
    for (const flag of flags) expect(args).toContain(`\n${flag}\n`);
    expect(dirname(ended.logFile ?? '')).toContain(id);
    await manager.cancel(id); // Waits for the removal.
    expect(fake.requests).toContain(`DELETE /containers/ao-${id}-1?force=1&v=1`);
  });
});
