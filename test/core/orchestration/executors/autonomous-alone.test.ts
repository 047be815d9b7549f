import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { AutonomousExecutor, type MonitorEvent, StreamMonitor, UnifiedSessionManager } from 'autonomous-orchestration';
import { fakeChannelCoder } from 'autonomous-orchestration/testing';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { errorOf } from '../../../support/errors.js';
import { tempFolder } from '../../../support/temp-folder.js';

const TURNS = [{ tool: 'Bash', input: { command: 'ls' }, output: 'a.txt' }, { text: 'Done.' }];

/** An executor on its own whose sessions are those of a mocked ChannelCoder. */
function alone(options: { stateDir?: string } = { stateDir: tempFolder() }) {
  const fake = fakeChannelCoder(TURNS);
  const executor = new AutonomousExecutor({ ...options, channelCoder: fake.module });
  onTestFinished(() => executor.sessions.close());
  return { executor, fake };
}

describe('an executor on its own', () => {
  it('create() starts a session and returns its record, whose log a StreamMonitor follows to the result', async () => {
    const { executor, fake } = alone();
    const session = await executor.create({ prompt: 'List the files', cwd: tempFolder(), taskId: 'task' });
    expect(session).toMatchObject({
      mode: 'autonomous',
      taskId: 'task',
      status: 'starting',
      environment: { docker: true },
    });

    const events: MonitorEvent[] = [];
    const monitor = new StreamMonitor();
    monitor.on('event', (event) => events.push(event));
    onTestFinished(monitor.monitorSession(session));
    await expect.poll(() => events.at(-1)).toMatchObject({ type: 'session:result', result: { text: 'Done.' } });
    expect(events.find(({ type }) => type === 'session:tool')).toMatchObject({
      sessionId: session.id,
      tool: { name: 'Bash', input: { command: 'ls' } },
    });

    expect(await executor.sessions.waitFor(session.id)).toMatchObject({
      status: 'completed',
      result: { text: 'Done.', reason: 'success' },
      metadata: { toolCounts: { Bash: 1 } },
    });
    expect(fake.calls).toMatchObject([{ prompt: 'List the files' }]);
  });

  it('it needs no options: its sessions are in the default state folder', async () => {
    const home = tempFolder();
    vi.stubEnv('HOME', home);
    onTestFinished(() => void vi.unstubAllEnvs());
    const { executor } = alone({});
    const { id, logFile } = await executor.create({ prompt: 'x', cwd: tempFolder() });
    expect(logFile).toBe(join(home, '.autonomous-orchestration/sessions', id, 'stream.log'));
    await executor.sessions.waitFor(id);
    expect(existsSync(logFile ?? '')).toBe(true);
  });

  it('it has no queue: more sessions than a manager runs at once start at once', async () => {
    const { executor } = alone();
    const options = { prompt: 'x', cwd: tempFolder() };
    const sessions = await Promise.all(Array.from({ length: 5 }, () => executor.create(options)));
    expect(sessions.map(({ status }) => status)).toEqual(Array(5).fill('starting'));
    for (const { id } of sessions) await executor.sessions.waitFor(id);
  });

  it('it continues and lists its sessions through sessions', async () => {
    const { executor, fake } = alone();
    const { id } = await executor.create({ prompt: 'x', cwd: tempFolder() });
    await executor.sessions.waitFor(id);
    await executor.sessions.continue(id, 'Again');
    await executor.sessions.waitFor(id);
    expect(fake.calls.map(({ prompt }) => prompt)).toEqual(['x', 'Again']);
    expect(executor.sessions.list().map((session) => session.id)).toEqual([id]);
  });

  it('another mode is refused', async () => {
    const { executor } = alone();
    const { message } = await errorOf(executor.create({ prompt: 'x', mode: 'planning' }), 'INVALID_OPTIONS');
    expect(message).toContain('the mode \'autonomous\' only. Received "planning"');
  });
});

describe('an executor without a stateDir that is given to a manager', () => {
  it("takes the manager's stateDir and its mocked ChannelCoder", async () => {
    const fake = fakeChannelCoder(TURNS);
    const stateDir = tempFolder();
    const executor = new AutonomousExecutor();
    const manager = new UnifiedSessionManager({
      stateDir,
      channelCoder: fake.module,
      executors: { autonomous: executor },
    });
    onTestFinished(() => manager.close());
    expect(executor.stateDir).toBe(stateDir);
    const { id } = await manager.create({ prompt: 'x', cwd: tempFolder() });
    expect(await manager.waitFor(id)).toMatchObject({ status: 'completed', result: { text: 'Done.' } });
    expect(fake.calls).toHaveLength(1);
  });

  it('is refused by a second manager with another stateDir', () => {
    const executor = new AutonomousExecutor();
    const manager = new UnifiedSessionManager({ stateDir: tempFolder(), executors: { autonomous: executor } });
    onTestFinished(() => manager.close());
    const other = { stateDir: tempFolder(), executors: { autonomous: executor } };
    expect(() => new UnifiedSessionManager(other)).toThrow(expect.objectContaining({ code: 'INVALID_OPTIONS' }));
  });

  it('cannot create sessions on its own while the manager uses the folder', async () => {
    const executor = new AutonomousExecutor({ channelCoder: fakeChannelCoder(TURNS).module });
    const manager = new UnifiedSessionManager({ stateDir: tempFolder(), executors: { autonomous: executor } });
    onTestFinished(() => manager.close());
    onTestFinished(() => executor.sessions.close());
    const { id } = await manager.create({ prompt: 'x', cwd: tempFolder() });
    await manager.waitFor(id);
    await errorOf(executor.create({ prompt: 'x', cwd: tempFolder() }), 'STATE_LOCKED');
  });
});
