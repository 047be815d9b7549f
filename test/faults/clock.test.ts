import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { UnifiedSession } from 'autonomous-orchestration';
import { SimulatedExecutor, scriptedRun } from 'autonomous-orchestration/testing';
import { beforeEach, expect, it, onTestFinished, vi } from 'vitest';
import { figure, nextEvent, quick, tempFolder, testManager } from './support.js';

const HOUR = 3_600_000;
let offset = 0;

// This runs before a manager is created, because a manager takes the clock when it is constructed.
beforeEach(() => {
  offset = 0;
  const real = Date.now;
  const stub = vi.spyOn(Date, 'now').mockImplementation(() => real() + offset);
  onTestFinished(() => stub.mockRestore());
});

it.each([
  ['forward', HOUR],
  ['back', -HOUR],
])('a system clock that jumps an hour %s does not end a run at its limits', async (_, jump) => {
  const { manager } = await testManager();
  const cwd = await tempFolder();
  const script = 'init; say one; until [ -e go ]; do sleep 0.05; done; say two; result';
  const said = nextEvent(manager, ({ type }) => type === 'session:message');
  const limits = { durationMs: 60_000, idleMs: 60_000 };
  const { id } = await manager.create({ ...quick(script), prompt: 'x', cwd, limits });
  await said;
  offset = jump;
  await writeFile(join(cwd, 'go'), '');
  const ended = await manager.waitFor(id);
  expect(ended).toMatchObject({ status: 'completed', metadata: { messages: 2 } });
  figure(`clock ${jump / HOUR} h, limits of a minute`, ended.status);
});

it.each([
  ['durationMs', { durationMs: 3_000 }, 'timeout'],
  ['idleMs', { idleMs: 3_000 }, 'idle'],
])('a system clock that jumps an hour back does not delay %s', async (_, limits, reason) => {
  const { manager } = await testManager();
  const said = nextEvent(manager, ({ type }) => type === 'session:message');
  const { id } = await manager.create({
    ...quick('init; say one; sleep 300'),
    prompt: 'x',
    cwd: await tempFolder(),
    limits,
  });
  await said;
  offset = -HOUR;
  const { status, result } = await manager.waitFor(id);
  expect({ status, result }).toMatchObject({ status: 'failed', result: { reason } });
  figure(`clock -1 h, ${Object.keys(limits)[0]} 3000`, String(result?.reason));
});

it('the time limit of an approval does not depend on the system clock', async () => {
  const push = (text: string) => scriptedRun([{ tool: 'Bash', input: { command: 'git push' } }, { text }]);
  const policy = (approvalTimeoutMs: number) => ({
    rules: [{ tool: 'Bash', matches: /^git push/, decision: 'ask' as const }],
    approvalTimeoutMs,
  });
  const asked = async (approvalTimeoutMs: number, jump: number, answer: boolean): Promise<UnifiedSession> => {
    offset = 0;
    const executors = { autonomous: new SimulatedExecutor(() => push('Done.')) };
    const { manager } = await testManager({ executors, policy: policy(approvalTimeoutMs) });
    const waiting = nextEvent(manager, (event) => event.type === 'session:approval' && event.state === 'asked');
    const { id } = await manager.create({ prompt: 'x', cwd: await tempFolder() });
    await waiting;
    offset = jump;
    if (!answer) return manager.waitFor(id);
    await delay(100); // Nothing happens: there is no event to wait for.
    const [request] = manager.get(id)?.pendingApprovals ?? [];
    expect(request).toBeDefined();
    await manager.approve(id, request?.requestId ?? '');
    return manager.waitFor(id);
  };
  const approved = await asked(60_000, HOUR, true);
  expect(approved.metadata.toolsUsed).toMatchObject([{ outcome: 'ok' }]);
  const late = await asked(300, -HOUR, false);
  expect(late.metadata.toolsUsed).toMatchObject([{ outcome: 'denied' }]);
  figure('clock +1 h, approval of a minute', 'still waited, approved');
  figure('clock -1 h, approval of 300 ms', 'denied in time');
});
