import {
  AutonomousExecutor,
  type ChannelCoderModule,
  type SessionEvent,
  UnifiedSessionManager,
} from 'autonomous-orchestration';
import * as realChannelCoder from 'channelcoder';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { injectedChannelCoder } from '../../../../src/core/orchestration/monitoring/injected.js';
import { errorOf } from '../../../support/errors.js';
import { executables, FAKE_CLAUDE } from '../../../support/executables.js';
import { git } from '../../../support/git.js';
import { tempFolder } from '../../../support/temp-folder.js';

const INIT = { type: 'system', subtype: 'init', session_id: 'conversation-1' };
const TEXT = { type: 'assistant', message: { content: [{ type: 'text', text: 'Hello.' }] } };
const CALL = {
  type: 'assistant',
  message: { content: [{ type: 'tool_use', id: 't1', name: 'Bash', input: { command: 'ls' } }] },
};
const ANSWER = { type: 'user', message: { content: [{ type: 'tool_result', tool_use_id: 't1', content: 'a.txt' }] } };
const RESULT = { type: 'result', result: 'Done.', total_cost_usd: 0.25 };

/** A ChannelCoder that a person would write by hand. */
function byHand(events: readonly object[] = [INIT, TEXT, CALL, ANSWER, RESULT], answer: unknown = { success: true }) {
  const detached = vi.fn<(prompt: string, options: object) => Promise<unknown>>(async () => answer);
  const cleanUp = vi.fn();
  const monitorLog = vi.fn((_logFile: string, onEvent: (event: object) => void): unknown => {
    for (const event of events) onEvent(event);
    return cleanUp;
  });
  return { session: vi.fn(() => ({ detached })), monitorLog, detached, cleanUp };
}

/** A manager that could start nothing real: there is no engine and no program on its PATH. */
function managerOf(channelCoder: ChannelCoderModule, stateDir = tempFolder()) {
  vi.stubEnv('DOCKER_HOST', 'unix:///nonexistent/docker.sock');
  vi.stubEnv('PATH', '/usr/bin:/bin');
  onTestFinished(() => void vi.unstubAllEnvs());
  const manager = new UnifiedSessionManager({ stateDir, channelCoder });
  onTestFinished(() => manager.close({ sessions: 'cancel' }));
  const events: SessionEvent['type'][] = [];
  manager.on('event', ({ type }) => events.push(type));
  return { manager, events };
}

const run = async (channelCoder: object) => {
  const { manager } = managerOf(channelCoder as ChannelCoderModule);
  const { id } = await manager.create({ prompt: 'x', cwd: tempFolder() });
  return manager.waitFor(id);
};

describe('a manager with a given channelCoder', () => {
  it('emits the typed events that monitorLog reports, and starts no engine and no Claude', async () => {
    const channelCoder = byHand();
    const { manager, events } = managerOf(channelCoder);
    const { id } = await manager.create({ prompt: 'x', cwd: tempFolder(), docker: { image: 'missing' } });
    expect(await manager.waitFor(id)).toMatchObject({
      status: 'completed',
      channelCoderSession: 'conversation-1',
      result: { text: 'Done.', reason: 'success' },
      metadata: { lastMessage: 'Hello.', costUsd: 0.25, toolsUsed: [{ name: 'Bash', outcome: 'ok' }] },
    });
    expect(events.filter((type) => type !== 'queue:changed')).toEqual(
      ['created', 'started', 'message', 'tool', 'tool-result', 'completed'].map((type) => `session:${type}`),
    );
    expect(channelCoder.cleanUp).toHaveBeenCalledOnce();
  });

  it('a fake that has reported its result at once is not waited for, so that a test runner can exit', async () => {
    const timers = vi.spyOn(globalThis, 'setTimeout');
    onTestFinished(() => timers.mockRestore());
    await run(byHand([INIT, RESULT]));
    expect(timers.mock.calls.map(([, ms]) => ms)).not.toContain(3_000);
    await run(byHand([INIT]));
    expect(timers.mock.calls.map(([, ms]) => ms)).toContain(3_000);
  });

  it('gives detached() the prompt as it was given, and the documented options', async () => {
    const channelCoder = byHand();
    const { manager } = managerOf(channelCoder);
    const [cwd, mounted] = [tempFolder(), tempFolder()];
    const docker = {
      image: 'my-image',
      env: { TOKEN: 'x' },
      mounts: [{ source: mounted, target: '/data', readonly: true }],
    };
    const { id } = await manager.create({
      prompt: 'Use {this} & "that" --now',
      cwd,
      docker,
      maxTurns: 3,
      tools: ['Read'],
    });
    const { logFile } = await manager.waitFor(id);
    expect(channelCoder.detached.mock.calls).toEqual([
      [
        'Use {this} & "that" --now',
        {
          cwd,
          logFile,
          docker: { image: 'my-image', cwd, env: { TOKEN: 'x' }, mounts: [`${mounted}:/data:ro`] },
          maxTurns: 3,
          tools: ['Read'],
          outputFormat: 'stream-json',
          stream: true,
        },
      ],
    ]);
    expect(channelCoder.monitorLog).toHaveBeenCalledWith(logFile, expect.any(Function));
  });

  it('continues the conversation with the feedback', async () => {
    const channelCoder = byHand();
    const { manager } = managerOf(channelCoder);
    const { id } = await manager.create({ prompt: 'x', cwd: tempFolder(), docker: false });
    await manager.waitFor(id);
    await manager.continue(id, 'Once more');
    expect(await manager.waitFor(id)).toMatchObject({ status: 'completed', runs: [{ number: 1 }, { number: 2 }] });
    expect(channelCoder.detached.mock.calls[1]).toMatchObject(['Once more', { resume: 'conversation-1' }]);
  });

  it.each([
    ['nothing', undefined],
    ['ChannelCoder’s own result', { success: true, data: { pid: 1, containerId: 'c', logFile: '/nowhere/x.log' } }],
    ['the bare values', { pid: 1, containerId: 'c', logFile: '/nowhere/x.log' }],
  ])('accepts %s from detached()', async (_, answer) => {
    const channelCoder = byHand([INIT, RESULT], answer);
    expect(await run(channelCoder)).toMatchObject({ status: 'completed' });
    const [file] = channelCoder.monitorLog.mock.calls[0] ?? [];
    if (answer === undefined) expect(file).toMatch(/stream\.log$/);
    else expect(file).toBe('/nowhere/x.log');
  });

  it('waits for events that a test reports later, and can be cancelled', async () => {
    let report: (event: object) => void = () => {};
    const monitorLog = vi.fn((_: string, onEvent: (event: object) => void): unknown => {
      report = onEvent;
      return () => {};
    });
    const channelCoder = { ...byHand(), monitorLog };
    const { manager } = managerOf(channelCoder);
    const { id } = await manager.create({ prompt: 'x', cwd: tempFolder() });
    await manager.waitFor(id, { status: 'running' });
    await vi.waitUntil(() => channelCoder.monitorLog.mock.calls.length > 0);
    report(TEXT);
    expect(manager.get(id)?.metadata.lastMessage).toBe('Hello.');
    expect(await manager.cancel(id)).toMatchObject({ status: 'cancelled' });
  });

  it('runs planning and worktree sessions, the latter in a real worktree', async () => {
    const channelCoder = byHand([INIT, { ...RESULT, result: 'The plan.' }]);
    const { manager } = managerOf(channelCoder);
    const planning = await manager.create({ mode: 'planning', prompt: 'x', cwd: tempFolder() });
    expect((await manager.waitFor(planning.id)).result?.text).toBe('The plan.');
    const cwd = tempFolder();
    git(cwd, 'init', '--quiet');
    git(cwd, 'commit', '--quiet', '--allow-empty', '--message', 'First');
    const { id } = await manager.create({ mode: 'worktree', prompt: 'x', cwd, docker: false });
    const { environment, status } = await manager.waitFor(id);
    expect(status).toBe('completed');
    expect(channelCoder.detached.mock.calls[1]?.[1]).toMatchObject({ cwd: environment.worktree });
  });

  it('refuses an interactive session, which needs a terminal', async () => {
    const { manager } = managerOf(byHand());
    const error = await errorOf(
      manager.create({ mode: 'interactive', prompt: 'x', cwd: tempFolder() }),
      'INVALID_OPTIONS',
    );
    expect(error.message).toContain('SimulatedExecutor');
  });

  it('counts a run of an earlier process as lost when it recovers', async () => {
    const stateDir = tempFolder();
    const live = {
      ...byHand(),
      monitorLog: (_: string, onEvent: (event: object) => void) => void setImmediate(onEvent, TEXT),
    };
    const first = managerOf(live, stateDir);
    const { id } = await first.manager.create({ prompt: 'x', cwd: tempFolder() });
    await vi.waitUntil(() => first.manager.get(id)?.metadata.lastMessage !== undefined);
    await first.manager.close();
    const second = managerOf(byHand(), stateDir);
    await second.manager.recover();
    expect(await second.manager.waitFor(id)).toMatchObject({ status: 'failed', result: { reason: 'lost' } });
  });
});

it('an executor on its own takes a channelCoder, too', async () => {
  const channelCoder = byHand();
  const stateDir = tempFolder();
  const executors = { autonomous: new AutonomousExecutor({ stateDir, env: {}, channelCoder }) };
  const manager = new UnifiedSessionManager({ stateDir, executors });
  onTestFinished(() => manager.close());
  const { id } = await manager.create({ prompt: 'x', cwd: tempFolder() });
  expect(await manager.waitFor(id)).toMatchObject({ status: 'completed' });
});

describe('a given channelCoder that is incomplete fails the session with what to add', () => {
  const session = () => ({ detached: async () => ({ success: true }) });
  it.each<[string, object, RegExp]>([
    ['an object without functions', {}, /it has no session\(\).*Add session: \(\) =>/],
    ['no monitorLog', { session }, /it has no monitorLog\(\).*Add monitorLog: \(logFile, onEvent\) =>/],
    [
      'an automock',
      { session: vi.fn(), monitorLog: vi.fn() },
      /session\(\) returned "undefined".*Add session: \(\) =>/,
    ],
    ['a session without detached', { session: () => ({}), monitorLog: () => {} }, /it has no detached\(\)/],
    [
      'a monitorLog that does nothing',
      { session, monitorLog: vi.fn() },
      /returned undefined.*onEvent\(\{ type: 'result'/,
    ],
    [
      'a monitorLog that reports no result',
      { session, monitorLog: (_: string, on: (event: object) => void) => on(TEXT) },
      /no result/,
    ],
    [
      'a detached that rejects',
      { session: () => ({ detached: () => Promise.reject(new Error('no disk')) }), monitorLog: vi.fn() },
      /detached\(\).*no disk/,
    ],
    [
      'a detached that refuses',
      { session: () => ({ detached: async () => ({ success: false, error: 'no image' }) }), monitorLog: vi.fn() },
      /detached\(\).*no image/,
    ],
    [
      'a monitorLog that throws',
      {
        session,
        monitorLog: () => {
          throw new Error('no file');
        },
      },
      /monitorLog\(\).*no file/,
    ],
  ])('%s', async (_, channelCoder, message) => {
    const { status, result } = await run(channelCoder);
    expect({ status, reason: result?.reason }).toEqual({ status: 'failed', reason: 'LAUNCH_FAILED' });
    expect(result?.error).toMatch(message);
  });
});

describe('what takes the place of ChannelCoder', () => {
  it('is nothing if the module itself is given, or if none is given', async () => {
    expect(await injectedChannelCoder(undefined, process.env)).toBeUndefined();
    expect(await injectedChannelCoder(realChannelCoder, process.env)).toBeUndefined();
  });

  it('is an object that has a part of the module', async () => {
    const part = { ...realChannelCoder, session: () => ({ detached: async () => {} }) };
    expect(await injectedChannelCoder(part, {})).toBe(part);
  });
});

describe('a real session in a test', () => {
  it.each([
    ['warns once', { VITEST: 'true' }, 1],
    ['warns once under bun test', { NODE_ENV: 'test' }, 1],
    ['does not warn outside a test runner', {}, 0],
  ])('%s', async (_, env, times) => {
    const warned = vi.spyOn(process, 'emitWarning').mockImplementation(() => {});
    onTestFinished(() => warned.mockRestore());
    const stateDir = tempFolder();
    const path = executables({ claude: FAKE_CLAUDE });
    const executor = new AutonomousExecutor({
      stateDir,
      env: { ...env, PATH: `${path}:/usr/bin:/bin`, HOME: tempFolder() },
    });
    const manager = new UnifiedSessionManager({ stateDir, executors: { autonomous: executor } });
    onTestFinished(() => manager.close({ sessions: 'cancel' }));
    for (let count = 0; count < 2; count += 1) {
      const { id } = await manager.create({ prompt: 'x', cwd: tempFolder(), docker: false });
      await manager.waitFor(id);
    }
    const texts = warned.mock.calls.map(([text]) => String(text));
    expect(texts.filter((text) => text.includes('new UnifiedSessionManager({ channelCoder })'))).toHaveLength(times);
  });
});
