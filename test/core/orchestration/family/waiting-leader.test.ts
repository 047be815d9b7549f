import { setImmediate as settled } from 'node:timers/promises';
import type { RunRequest, UnifiedSession } from 'autonomous-orchestration';
import { SimulatedExecutor, scriptedRun } from 'autonomous-orchestration/testing';
import { expect, it, vi } from 'vitest';
import { SessionWorktrees } from '../../../../src/core/orchestration/git/worktrees/session-worktrees.js';
import { ENDLESS, everyMode, simulate } from '../../../support/simulate.js';
import { tempFolder } from '../../../support/temp-folder.js';

/** Runs a leader, and gives the test the hooks of the leader's agent. */
class Leading extends SimulatedExecutor {
  override readonly leads = true;
  readonly hooks = new Map<string, RunRequest['hooks']>();

  override launch(request: RunRequest): ReturnType<SimulatedExecutor['launch']> {
    this.hooks.set(request.spec.id, request.hooks);
    return super.launch(request);
  }
}

/** A leader in the only slot, with a queued child. */
async function scene() {
  const executor = new Leading(ENDLESS);
  const executors = { ...everyMode(new SimulatedExecutor(ENDLESS)), orchestration: executor };
  const { manager } = simulate(ENDLESS, { executors, maxConcurrent: 1 });
  const { id } = await manager.create({ mode: 'orchestration', prompt: 'Lead' });
  await manager.waitFor(id, { status: 'running' });
  const hooks = executor.hooks.get(id);
  if (!hooks) throw new Error('it was launched');
  const orchestrate = (requestId: string, ...args: string[]) =>
    hooks.command(requestId, args, new AbortController().signal);
  await orchestrate('first', 'create', 'Child');
  const [child] = manager.list({ parentId: id });
  if (!child) throw new Error('it was created');
  expect(child.status).toBe('queued');
  const running = (): number => manager.queueStatus().running;
  const statuses = (): string[] => [id, child.id].map((one) => manager.get(one)?.status ?? '');
  /** The leader waits, and the child has its slot. */
  const rest = async (): Promise<ReturnType<typeof orchestrate>[]> => {
    const waiting = orchestrate('second', 'wait');
    await manager.waitFor(child.id, { status: 'running' });
    expect(statuses()).toEqual(['waiting_feedback', 'running']);
    return [waiting];
  };
  return { manager, id, child, hooks, orchestrate, running, statuses, rest };
}

it('a leader that is cancelled while it waits leaves neither a used slot nor a running child', async () => {
  const { manager, id, running, statuses, rest } = await scene();
  const [waiting] = await rest();
  await manager.cancel(id);
  expect(statuses()).toEqual(['cancelled', 'cancelled']);
  // The command learns that the children have ended, but no run is left that could use a slot.
  void waiting;
  await settled();
  expect(running()).toBe(0);
  const next = await manager.create({ prompt: 'Next' });
  expect(next.status).toBe('starting');
});

it("a leader that is continued while it waits is queued until its child's slot is free", async () => {
  const { manager, id, child, running, statuses, rest } = await scene();
  await rest();
  const next = await manager.continue(id, 'Never mind.');
  expect(next).toMatchObject({ status: 'queued', queuePosition: 1, runs: [{}, { feedback: 'Never mind.' }] });
  expect(next).not.toHaveProperty('waitingFor');
  expect([running(), statuses()]).toEqual([1, ['queued', 'running']]);
  await manager.cancel(child.id);
  expect(await manager.waitFor(id, { status: 'running' })).toMatchObject({ runs: [{}, { number: 2 }] });
  expect(running()).toBe(1);
});

it('a queued leader that was continued can be cancelled', async () => {
  const { manager, id, child, running, rest } = await scene();
  await rest();
  await manager.continue(id, 'Never mind.');
  await manager.cancel(id);
  expect(manager.queueStatus()).toMatchObject({ running: 0, queued: 0 });
  expect(manager.get(child.id)?.status).toBe('cancelled');
  expect(running()).toBe(0);
});

it('a leader whose children have ended gets a slot before queued sessions', async () => {
  const { manager, child, id, rest, running, orchestrate } = await scene();
  const [waiting] = await rest();
  const others = [await manager.create({ prompt: 'Other' }), await manager.create({ prompt: 'Another' })];
  const now = (): (string | undefined)[] => others.map((other) => manager.get(other.id)?.status);
  await manager.cancel(child.id);
  // The next session in the queue got the child's slot before the leader learned of the end.
  await manager.waitFor(others[0]?.id ?? '', { status: 'running' });
  expect(manager.get(id)).toMatchObject({ status: 'waiting_feedback', waitingFor: 'slot' });
  await manager.cancel(others[0]?.id ?? '');
  expect(await waiting).toMatchObject({
    exitCode: 4,
    text: expect.stringContaining(`${child.id}\tautonomous\tcancelled`),
  });
  expect([manager.get(id)?.status, now(), running()]).toEqual(['running', ['cancelled', 'queued'], 1]);
  // A leader that does not wait can work.
  expect(await orchestrate('third', 'list')).toMatchObject({ exitCode: 0 });
});

it('a tool call beside a waiting command is decided when the leader has a slot for it', async () => {
  const { manager, child, hooks, running, rest } = await scene();
  await rest();
  const decided = vi.fn();
  const call = { toolUseId: 'toolu_1', tool: 'Read', input: { file_path: '/etc/hosts' } };
  const asked = hooks.beforeTool(call).then(decided);
  for (let turn = 0; turn < 20; turn += 1) await settled();
  expect(decided).not.toHaveBeenCalled();
  expect(running()).toBe(1);
  await manager.cancel(child.id);
  await asked;
  expect(decided).toHaveBeenCalledWith({ allowed: true });
  expect(running()).toBe(1);
});

it('a repeated create command with the same request id does not create a second child', async () => {
  const { manager, id, child, orchestrate } = await scene();
  const answers = await Promise.all([1, 2, 3].map(() => orchestrate('first', 'create', 'Child')));
  expect(answers.map(({ text }) => text)).toEqual(Array(3).fill(`${child.id}\tautonomous\tqueued\n`));
  expect(manager.list({ parentId: id }).map((one: UnifiedSession) => one.id)).toEqual([child.id]);
  const other = await orchestrate('third', 'create', 'Child');
  expect(other.text).not.toContain(child.id);
});

it('a session that is not an orchestration session cannot use the orchestrate command', async () => {
  const { manager } = await scene();
  expect(manager.list({ mode: 'autonomous' }).every(({ parentId }) => parentId !== undefined)).toBe(true);
  const executor = new (class extends Leading {
    override readonly leads = false as never;
  })(ENDLESS);
  const alone = simulate(ENDLESS, { executors: everyMode(executor) }).manager;
  const { id } = await alone.create({ prompt: 'x' });
  await alone.waitFor(id, { status: 'running' });
  const answer = await executor.hooks.get(id)?.command('one', ['create', 'Child'], new AbortController().signal);
  expect(answer).toEqual({ exitCode: 1, text: 'Only an orchestration session leads others.' });
  expect(alone.list()).toHaveLength(1);
});

it('a child can be continued after its leader has ended, and recover() does not stop it', async () => {
  const { manager, id, child, rest } = await scene();
  await rest();
  await vi.waitUntil(() => manager.get(child.id)?.channelCoderSession, 30_000);
  await manager.cancel(id);
  expect(manager.get(child.id)?.status).toBe('cancelled');
  await manager.continue(child.id, 'All the same.');
  await manager.waitFor(child.id, { status: 'running' });
  await manager.recover();
  expect(manager.get(child.id)?.status).toBe('running');
  await expect(manager.create({ parentId: id, prompt: 'x' })).rejects.toMatchObject({ code: 'ILLEGAL_TRANSITION' });
});

it("children cannot exceed their leader's limits, even after the leader has completed", async () => {
  const spends = scriptedRun([{ text: '1' }, { text: '2' }, { text: '3' }, { text: 'never', afterMs: 60_000 }]);
  const leader = new Leading(() => scriptedRun([{ text: 'Led.' }]));
  const executors = { ...everyMode(new SimulatedExecutor(() => spends)), orchestration: leader };
  const { manager } = simulate(ENDLESS, { executors });
  const { id } = await manager.create({ mode: 'orchestration', prompt: 'Lead', limits: { tokens: 400 } });
  expect((await manager.waitFor(id)).metadata.tokens).toMatchObject({ input: 100, output: 20 });
  const child = await manager.create({ parentId: id, prompt: 'Spend' });
  expect(await manager.waitFor(child.id)).toMatchObject({
    status: 'cancelled',
    result: { error: `session ${id}, which led it, has spent its limits.tokens (400)` },
  });
  await expect(manager.create({ parentId: id, prompt: 'x' })).rejects.toMatchObject({
    code: 'CHILDREN_LIMIT',
    message: expect.stringContaining('limits.tokens'),
  });
});

it("a leader's worktree cannot be removed while a child works in it", async () => {
  const worktrees = new SessionWorktrees(tempFolder());
  class InWorktree extends Leading {
    override readonly worktrees = worktrees;
    override launch(request: RunRequest): ReturnType<Leading['launch']> {
      const onPlaced: RunRequest['onPlaced'] = (placement) =>
        request.onPlaced({ ...placement, environment: { worktree: '/tree', branch: 'tree' } });
      return super.launch({ ...request, onPlaced });
    }
  }
  const leader = new InWorktree(() => scriptedRun([{ text: 'Led.' }]));
  const executors = { ...everyMode(new SimulatedExecutor(ENDLESS)), orchestration: leader };
  const { manager } = simulate(ENDLESS, { executors });
  const { id } = await manager.create({ mode: 'orchestration', prompt: 'Lead' });
  await manager.waitFor(id);
  const child = await manager.create({ parentId: id, prompt: 'Work' });
  expect(child.environment.cwd).toBe('/tree');
  await expect(manager.removeWorktree(id, { force: true })).rejects.toMatchObject({
    code: 'ILLEGAL_TRANSITION',
    message: expect.stringContaining(`session ${child.id}`),
  });
  await manager.cancel(child.id);
  // Now the manager looks for the worktree, which this test never created.
  await expect(manager.removeWorktree(id)).rejects.toMatchObject({ code: 'WORKTREE_FAILED' });
});
