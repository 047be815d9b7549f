import { readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { atWork, childrenOf, containersOfAll, go, leading, outputsOf, UNTIL_GO } from './families.js';
import { Host, type HostTask } from './hosts.js';
import {
  bash,
  docker,
  endedGone,
  git,
  type ModelTurn,
  nextEvent,
  repository,
  stateFolder,
  tempFolder,
  testManager,
} from './support.js';

const ENDLESS = [bash('sleep 300')];

describe('a leader that ends before its child sessions', () => {
  const TWO_LEVELS = {
    Lead: [bash('orchestrate create --mode orchestration Middle; orchestrate wait'), { text: 'L' }],
    Middle: [bash('orchestrate create Leaf; orchestrate wait'), { text: 'M' }],
    Leaf: ENDLESS,
  };

  it('cancelling a leader also cancels its children and grandchildren and frees their slots', async () => {
    const { manager } = await testManager({ maxConcurrent: 1 });
    const parent = await manager.create(await leading(TWO_LEVELS, { limits: { depth: 2 } }));
    const waits = ({ type, sessionId }: { type: string; sessionId: string }): boolean =>
      type === 'session:waiting' && sessionId !== parent.id;
    await nextEvent(manager, waits);
    await atWork(manager, 1);
    expect(manager.list().map(({ status }) => status)).toEqual(['waiting_feedback', 'waiting_feedback', 'running']);
    expect(await manager.cancel(parent.id, 'Enough.')).toMatchObject({
      status: 'cancelled',
      result: { error: 'Enough.' },
    });
    expect(manager.list().map(({ status }) => status)).toEqual(['cancelled', 'cancelled', 'cancelled']);
    const [middle] = childrenOf(manager, parent);
    expect(middle?.result?.error).toContain(parent.id);
    expect(await containersOfAll(manager.list())).toEqual([]);
    expect(manager.queueStatus()).toMatchObject({ running: 0, queued: 0 });
    const next = await manager.create({ ...(await leading({})), mode: 'autonomous', prompt: 'Next' });
    expect(next.status).toBe('starting');
    await manager.waitFor(next.id);
  });

  it('a leader whose container is killed fails, and its child sessions are cancelled', async () => {
    const { manager } = await testManager({ maxConcurrent: 2 });
    const lead = [bash('orchestrate create "Child a"; orchestrate create "Child b"; orchestrate create "Child c"')];
    const parts = { Lead: [...lead, bash('orchestrate wait'), { text: 'L' }], Child: ENDLESS };
    const parent = await manager.create(await leading(parts));
    await nextEvent(manager, ({ type }) => type === 'session:waiting');
    await atWork(manager, 2);
    await docker('kill', `ao-${parent.id}-1`);
    expect(await manager.waitFor(parent.id)).toMatchObject({ status: 'failed', result: { reason: 'killed' } });
    const ends = await Promise.all(childrenOf(manager, parent).map(({ id }) => manager.waitFor(id)));
    expect(ends.map(({ status }) => status)).toEqual(['cancelled', 'cancelled', 'cancelled']);
    await endedGone(manager);
    expect(await containersOfAll(manager.list())).toEqual([]);
    expect(manager.queueStatus()).toMatchObject({ running: 0, queued: 0 });
    // It can lead no session until somebody continues it.
    await expect(manager.create({ parentId: parent.id, prompt: 'x' })).rejects.toMatchObject({
      code: 'ILLEGAL_TRANSITION',
    });
  });

  it('the cost of child sessions counts for the leader, whose limit ends the whole family', async () => {
    const { manager } = await testManager();
    // Neither child reaches the limit that it inherits; both together do.
    const spends = { ...bash('echo spent'), usage: { input_tokens: 10, output_tokens: 15_000 } };
    const parts = {
      Lead: [bash('orchestrate create "Child a"; orchestrate create "Child b"; orchestrate wait'), { text: 'L' }],
      Child: [spends, ...ENDLESS],
    };
    const parent = await manager.create(await leading(parts, { limits: { costUsd: 0.4 } }));
    const ended = await manager.waitFor(parent.id);
    expect(ended).toMatchObject({ status: 'failed', result: { reason: 'max_cost' } });
    expect(ended.metadata.costUsd ?? 0).toBeLessThan(0.1);
    const ends = await Promise.all(childrenOf(manager, parent).map(({ id }) => manager.waitFor(id)));
    expect(ends.map(({ status }) => status)).toEqual(['cancelled', 'cancelled']);
    await endedGone(manager);
    expect(await containersOfAll(manager.list())).toEqual([]);
  });

  it('a leader that completes does not end its child session', async () => {
    const { manager } = await testManager();
    const parts = {
      Lead: [bash('orchestrate create Child'), { text: 'Good luck.' }],
      Child: [UNTIL_GO, { text: 'C' }],
    };
    const options = await leading(parts);
    const parent = await manager.create(options);
    expect(await manager.waitFor(parent.id)).toMatchObject({ status: 'completed' });
    const [child] = childrenOf(manager, parent);
    expect(['starting', 'running']).toContain(child?.status);
    await go(options.cwd);
    expect(await manager.waitFor(child?.id ?? '')).toMatchObject({ status: 'completed', result: { text: 'C' } });
  });
});

describe('a family of sessions whose process was killed', () => {
  /** The script is in a file, because variables are not stored for sessions that have not started. */
  async function family(parts: Record<string, ModelTurn[]>, dieAt?: string): Promise<HostTask & { cwd: string }> {
    const cwd = await tempFolder();
    await writeFile(join(cwd, '.model-script.json'), JSON.stringify(parts));
    return {
      cwd,
      stateDir: await stateFolder(),
      manager: { maxConcurrent: 2 },
      session: { mode: 'orchestration', prompt: 'Lead', cwd },
      ...(dieAt !== undefined && { dieAt }),
    };
  }

  /** Names of the containers of all sessions that a process has recorded. */
  const containersIn = async ({ stateDir }: HostTask): Promise<string[]> =>
    containersOfAll((await readdir(join(stateDir, 'sessions'))).map((id) => ({ id })));

  it('a family continues under another manager: the leader holds no slot, no child is created twice', async () => {
    const create = 'for name in a b c; do orchestrate create "Child $name" || exit 1; done';
    const one = await family({
      Lead: [bash(create), bash('orchestrate wait'), { text: 'All done.' }],
      Child: [UNTIL_GO, { text: 'Child done.' }],
    });
    const host = new Host(one);
    const id = await host.when('session:waiting');
    await expect.poll(() => containersIn(one), { timeout: 60_000, interval: 50 }).toHaveLength(3);
    await host.kill();

    const { manager, events } = await testManager({ stateDir: one.stateDir, maxConcurrent: 2 });
    const outputs = outputsOf(manager);
    const report = await manager.recover();
    const children = childrenOf(manager, { id });
    expect(children).toHaveLength(3);
    const [a, b, c] = children.map((child) => child.id);
    expect([...report.adopted].sort()).toEqual([id, a, b].sort());
    expect(report).toMatchObject({ requeued: [c], lost: [], closed: [] });
    expect(manager.get(id)).toMatchObject({ status: 'waiting_feedback', waitingFor: 'children' });
    expect(manager.queueStatus()).toMatchObject({ running: 2, queued: 1 });
    await go(one.cwd);
    expect(await manager.waitFor(id)).toMatchObject({ status: 'completed', result: { text: 'All done.' } });
    expect(childrenOf(manager, { id }).map(({ status }) => status)).toEqual(Array(3).fill('completed'));
    expect(
      outputs({ id })
        .at(-1)
        ?.match(/completed\tChild done\./g),
    ).toHaveLength(3);
    await endedGone(manager);
    expect(manager.queueStatus()).toMatchObject({ running: 0, queued: 0 });
    expect(events.some(({ type }) => type === 'session:failed')).toBe(false);
    expect(await containersOfAll(manager.list())).toEqual([]);
  });

  it.each(['child-created', 'child-started'])('no child is created twice if the process dies at: %s', async (dieAt) => {
    const one = await family(
      {
        Lead: [bash('orchestrate create Child'), bash('orchestrate wait'), { text: 'All done.' }],
        Child: [bash('echo run >> /workspace/starts.txt'), { text: 'Child done.' }],
      },
      dieAt,
    );
    await new Host(one).exited;
    const { manager } = await testManager({ stateDir: one.stateDir, maxConcurrent: 2 });
    const outputs = outputsOf(manager);
    await manager.recover();
    const [parent] = manager.list({ mode: 'orchestration' });
    expect(await manager.waitFor(parent?.id ?? '')).toMatchObject({ status: 'completed' });
    const children = childrenOf(manager, parent ?? { id: '' });
    expect(children.map(({ status }) => status)).toEqual(['completed']);
    expect(manager.list()).toHaveLength(2);
    const [created = ''] = outputs(parent ?? { id: '' });
    expect(created).toContain(children[0]?.id);
    await endedGone(manager);
    expect(await containersOfAll(manager.list())).toEqual([]);
  });

  it('child sessions are ended if their leader ended while no manager ran', async () => {
    const one = await family({
      Lead: [bash('orchestrate create Child'), bash('orchestrate wait'), { text: 'L' }],
      Child: ENDLESS,
    });
    const host = new Host(one);
    const id = await host.when('session:waiting');
    await expect.poll(() => containersIn(one), { timeout: 60_000, interval: 50 }).toHaveLength(2);
    await host.kill();
    await docker('kill', `ao-${id}-1`);
    const { manager } = await testManager({ stateDir: one.stateDir });
    const report = await manager.recover();
    expect(report.closed).toContain(id);
    expect(manager.get(id)).toMatchObject({ status: 'failed', result: { reason: 'killed' } });
    const [child] = childrenOf(manager, { id });
    expect(await manager.waitFor(child?.id ?? '')).toMatchObject({ status: 'cancelled' });
    await endedGone(manager);
    expect(await containersOfAll(manager.list())).toEqual([]);
  });
});

it('the child session of a leader in a worktree works in that worktree', async () => {
  const { manager } = await testManager({ policy: { dangerous: 'allow' } });
  const cwd = await repository();
  const parts = {
    Lead: [bash('orchestrate create Child; orchestrate wait'), { text: 'L' }],
    Child: [bash('echo here > file.txt'), { text: 'C' }],
  };
  const options = await leading(parts, { cwd, worktree: 'lead' });
  const user = { ...(typeof options.docker === 'object' && options.docker), user: '0:0' };
  const parent = await manager.create({ ...options, docker: user });
  const { environment } = await manager.waitFor(parent.id);
  const [child] = childrenOf(manager, parent);
  expect(child).toMatchObject({ status: 'completed', environment: { cwd: environment.worktree } });
  expect(await git(environment.worktree ?? '', 'status', '--short')).toBe('?? file.txt');
  expect(await git(cwd, 'status', '--short')).toBe('');
});
