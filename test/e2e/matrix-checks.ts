import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type {
  CreateSessionOptions,
  SessionMode,
  UnifiedSession,
  UnifiedSessionManager,
} from 'autonomous-orchestration';
import { expect } from 'vitest';
import { killedWhen } from './hosts.js';
import type { Check } from './matrix.js';
import {
  attempt,
  bash,
  containersOf,
  docker,
  endedGone,
  type ModelTurn,
  nextEvent,
  type RELEASES,
  release,
  repository,
  scripted,
  stateFolder,
  steerHeld,
  tempFolder,
  testManager,
  UNTIL_RELEASED,
} from './support.js';

/** What a session of the mode is created with. */
async function optionsFor(
  image: string,
  owner: number,
  mode: SessionMode,
  turns: ModelTurn[],
): Promise<CreateSessionOptions> {
  const docker = { ...scripted(...turns).docker, image };
  const prompt = 'Do it';
  return { mode, prompt, cwd: await (mode === 'worktree' ? repository(owner) : tempFolder(owner)), docker };
}

const terminalOf = ({ id, runs }: UnifiedSession): string => `ao-${id}-${runs.length}`;
const tmux = (...args: string[]) => attempt('tmux', ['-L', 'autonomous-orchestration', ...args]);

/** Sees a session through: where a person takes turns with the agent, the person leaves. */
async function seen(manager: UnifiedSessionManager, id: string): Promise<UnifiedSession> {
  if (manager.get(id)?.mode === 'interactive') {
    await manager.waitFor(id, { status: 'waiting_feedback' });
    await expect.poll(() => manager.get(id)?.metadata.lastMessage, { timeout: 60_000 }).toBeDefined();
    await tmux('kill-session', '-t', `=${terminalOf(await manager.waitFor(id, { status: 'waiting_feedback' }))}`);
  }
  return manager.waitFor(id);
}

/** What every mode has to do. @param owner the uid of the workspaces */
export function checksOf(
  { version, image }: (typeof RELEASES)[number],
  owner: number,
): Record<Check, (mode: SessionMode) => Promise<void>> {
  const options = (mode: SessionMode, ...turns: ModelTurn[]) => optionsFor(image, owner, mode, turns);
  const checks: Partial<Record<Check, (mode: SessionMode) => Promise<void>>> = {};
  const check = (name: Check, run: (mode: SessionMode) => Promise<void>): void => {
    checks[name] = run;
  };

  check('session', async (mode) => {
    const { manager, events } = await testManager();
    const given = await options(mode, bash('echo hello'), { text: 'All done.' });
    const { id } = await manager.create({ ...given, taskId: 'task' });
    const session = await seen(manager, id);
    expect(session).toMatchObject({
      mode,
      status: 'completed',
      taskId: 'task',
      environment: { docker: true, dockerImage: image, cwd: given.cwd },
      channelCoderSession: expect.stringMatching(/^[0-9a-f-]{36}$/),
      runs: [{ number: 1, containerName: `ao-${id}-1` }],
      result: { text: 'All done.' },
      metadata: {
        messages: 2,
        toolCounts: { Bash: 1 },
        toolsUsed: [{ name: 'Bash', input: { command: 'echo hello' }, outcome: 'ok' }],
        tokens: { input: 200, output: 40 },
        lastMessage: 'All done.',
        claudeVersion: version,
      },
    });
    expect(session.metadata.costUsd).toBeGreaterThan(0);
    const told = events.filter((event) => event.type !== 'queue:changed' && event.sessionId === id);
    const course = ['created', 'started', 'tool', 'tool-result', 'message', 'completed'].map(
      (type) => `session:${type}`,
    );
    expect(told.map(({ type }) => type).filter((type) => course.includes(type))).toEqual(course);
    expect(manager.list({ mode })).toEqual([session]);
  });

  check('continue', async (mode) => {
    const { manager } = await testManager();
    const { id } = await manager.create(await options(mode, { text: 'First.' }, { history: true }));
    const first = await seen(manager, id);
    await manager.continue(id, 'And then this');
    const second = await seen(manager, id);
    expect(second).toMatchObject({ status: 'completed', channelCoderSession: first.channelCoderSession });
    expect(second.runs.map(({ feedback }) => feedback)).toEqual([undefined, 'And then this']);
    const history = second.result?.text ?? '';
    expect(history.indexOf('Do it')).toBeGreaterThan(0);
    expect(history.indexOf('And then this')).toBeGreaterThan(history.indexOf('Do it'));
  });

  check('docker', async (mode) => {
    const { manager, stateDir } = await testManager();
    const calls = nextEvent(manager, ({ type }) => type === 'session:tool');
    const { id } = await manager.create(await options(mode, bash('sleep 300')));
    await calls;
    const state = () => docker('inspect', '--format', '{{.State.Status}}', `ao-${id}-1`);
    expect(await manager.pause(id)).toMatchObject({ status: 'paused' });
    expect(await state()).toBe('paused');
    expect(await manager.resume(id)).toMatchObject({ status: 'running' });
    expect(await state()).toBe('running');
    const cancelled = await manager.cancel(id);
    expect(cancelled).toMatchObject({ status: 'cancelled', result: { reason: 'cancelled' } });
    expect(await containersOf(cancelled)).toEqual([]);
    expect((await attempt('ls', [join(stateDir, 'sessions', id, 'guard')])).code).not.toBe(0);
    expect((await tmux('has-session', '-t', `=${terminalOf(cancelled)}`)).code).toBe(1);
    expect(manager.queueStatus()).toMatchObject({ running: 0, queued: 0 });
  });

  check('queue', async (mode) => {
    const { manager } = await testManager({ maxConcurrent: 1, maxQueued: 1 });
    const given = await options(mode, bash('sleep 0.5'), { text: 'Done.' });
    const first = await manager.create(given);
    const second = await manager.create({ ...given, prompt: 'Another' });
    expect([first.status, second.status, second.queuePosition]).toEqual(['starting', 'queued', 1]);
    await expect(manager.create(given)).rejects.toMatchObject({ code: 'QUEUE_FULL' });
    const waits = manager.waitFor(second.id, { status: 'running' });
    const [ended] = await Promise.all([seen(manager, first.id), seen(manager, second.id), waits]);
    expect(ended.status).toBe('completed');
    await endedGone(manager);
    expect(manager.queueStatus()).toMatchObject({ running: 0, queued: 0 });
  });

  check('interface', async (mode) => {
    const { manager, events, stateDir } = await testManager();
    const calls = nextEvent(manager, ({ type }) => type === 'session:tool');
    const { id } = await manager.create(await options(mode, bash(UNTIL_RELEASED), { text: 'Heard.' }));
    await calls;
    await steerHeld(manager, id, 'Mind the gap');
    const session = await seen(manager, id);
    expect(session.result?.text).toBe('Heard.');
    expect(events).toContainEqual(expect.objectContaining({ type: 'session:steered', message: 'Mind the gap' }));
    // What the model was told, between the tool's result and its answer.
    const conversation = join(stateDir, 'sessions', id, 'projects/-workspace', `${session.channelCoderSession}.jsonl`);
    const lines = (await readFile(conversation, 'utf8')).split('\n');
    const heard = lines.findIndex((line) => line.includes('Mind the gap'));
    expect(heard).toBeGreaterThan(lines.findIndex((line) => line.includes('"tool_use"')));
    expect(heard).toBeLessThan(lines.findLastIndex((line) => line.includes('Heard.')));
  });

  check('guard', async (mode) => {
    const { manager, events } = await testManager({
      policy: { rules: [{ tool: 'Bash', matches: /^touch/, decision: 'deny', reason: 'No traces.' }] },
    });
    const { id } = await manager.create(
      await options(mode, bash('touch /tmp/x'), bash('ls /tmp/x'), { text: 'Done.' }),
    );
    const { metadata } = await seen(manager, id);
    expect(metadata.toolsUsed.map(({ outcome }) => outcome)).toEqual(['denied', 'error']);
    expect(events).toContainEqual(
      expect.objectContaining({
        type: 'session:denied',
        denial: expect.objectContaining({ tool: 'Bash', reason: 'Denied by policy: No traces.', by: 'policy' }),
      }),
    );
  });

  check('recover', async (mode) => {
    const stateDir = await stateFolder();
    const session = await options(mode, bash(UNTIL_RELEASED), bash('echo again'), { text: 'Done.' });
    const id = await killedWhen('session:tool', { stateDir, session });
    const { manager } = await testManager({ stateDir });
    expect(await manager.recover()).toMatchObject({ adopted: [id], lost: [], containers: [] });
    await release(id);
    expect(await seen(manager, id)).toMatchObject({
      mode,
      status: 'completed',
      result: { text: 'Done.' },
      runs: [{ number: 1 }],
      metadata: { toolCounts: { Bash: 2 }, dangers: [] },
    });
  });
  return checks as Required<typeof checks>;
}

/** How many checks run at the same time. */
const AT_ONCE = 3;

/** All that a mode has to do, for workspaces of an owner. */
export async function allChecks(release: (typeof RELEASES)[number], owner: number, mode: SessionMode): Promise<void> {
  const { docker: freezes, ...others } = checksOf(release, owner);
  const left = Object.values(others);
  const work = async (): Promise<void> => {
    for (let check = left.shift(); check !== undefined; check = left.shift()) await check(mode);
  };
  await Promise.all(Array.from({ length: AT_ONCE }, work));
  // Alone: the engine cannot freeze a container on a machine that is too busy.
  await freezes(mode);
}
