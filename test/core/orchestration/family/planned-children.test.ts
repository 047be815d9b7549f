import type { CreateSessionOptions, RunRequest } from 'autonomous-orchestration';
import { SimulatedExecutor } from 'autonomous-orchestration/testing';
import { expect, it } from 'vitest';
import { errorOf } from '../../../support/errors.js';
import { ENDLESS, everyMode, simulate } from '../../../support/simulate.js';

class Leading extends SimulatedExecutor {
  override readonly leads = true;
  readonly hooks = new Map<string, RunRequest['hooks']>();

  override launch(request: RunRequest): ReturnType<SimulatedExecutor['launch']> {
    this.hooks.set(request.spec.id, request.hooks);
    return super.launch(request);
  }
}

/** A leader that runs, and its agent's command. */
async function scene(options: Partial<CreateSessionOptions> = {}) {
  const executor = new Leading(ENDLESS);
  const executors = { ...everyMode(new SimulatedExecutor(ENDLESS)), orchestration: executor };
  const { manager } = simulate(ENDLESS, { executors, maxConcurrent: 3 });
  const { id } = await manager.create({ mode: 'orchestration', prompt: 'Lead', ...options });
  await manager.waitFor(id, { status: 'running' });
  let requests = 0;
  const orchestrate = async (...args: string[]) =>
    executor.hooks.get(id)?.command(`request${requests++}`, args, new AbortController().signal);
  const children = () => manager.list({ parentId: id });
  return { manager, id, orchestrate, children };
}

it('an agent lets a session that it leads wait for others that it leads', async () => {
  const { orchestrate, children } = await scene();
  await orchestrate('create', 'First');
  await orchestrate('create', 'Second');
  const [first, second] = children().map(({ id }) => id);
  const args = ['create', '--after', first ?? '', '--after-ended', second ?? '', '--priority', 'low', 'Third'];
  expect(await orchestrate(...args)).toMatchObject({ exitCode: 0 });
  expect(children()[2]).toMatchObject({
    status: 'queued',
    after: [
      { id: first, on: 'completed' },
      { id: second, on: 'ended' },
    ],
    priority: 'low',
  });
});

it('an agent can only wait for sessions that it leads, and not for its own', async () => {
  const { manager, id, orchestrate, children } = await scene();
  const stranger = await manager.create({ prompt: 'x' });
  for (const other of [stranger.id, id, 'nobody']) {
    const refused = await orchestrate('create', '--after', other, 'Child');
    expect(refused).toMatchObject({ exitCode: 1 });
    expect(refused?.text).toContain(`You lead no session "${other}"`);
  }
  expect(children()).toEqual([]);
});

it.each([
  ['low', 'normal', 1],
  ['low', 'high', 1],
  ['low', 'low', 0],
  [undefined, 'high', 1],
  [undefined, 'normal', 0],
  ['high', 'high', 0],
] as const)('an agent of priority %s that asks for %s gets the exit code %s', async (own, asked, exitCode) => {
  const { orchestrate, children } = await scene(own && { priority: own });
  expect(await orchestrate('create', '--priority', asked, 'Child')).toMatchObject({ exitCode });
  expect(children().map(({ priority }) => priority)).toEqual(exitCode === 0 ? [asked] : []);
});

it('a session has the priority of its leader unless another one is given', async () => {
  const { orchestrate, children } = await scene({ priority: 'low' });
  await orchestrate('create', 'Child');
  expect(children()[0]?.priority).toBe('low');
});

it('an unknown priority is wrong usage', async () => {
  const { orchestrate } = await scene();
  expect(await orchestrate('create', '--priority', 'urgent', 'Child')).toMatchObject({ exitCode: 2 });
});

it('a session that would wait for its leader, directly or through others, is refused', async () => {
  const { manager, id } = await scene();
  const follower = await manager.create({ prompt: 'x', after: [{ id, on: 'ended' }] });
  const other = await manager.create({ mode: 'orchestration', prompt: 'x' });
  await manager.create({ prompt: 'x', parentId: other.id, after: [{ id: follower.id }] });
  const before = manager.list().length;
  for (const dependency of [id, follower.id, other.id]) {
    const refused = manager.create({ prompt: 'x', parentId: id, after: [{ id: dependency }] });
    expect((await errorOf(refused, 'INVALID_OPTIONS')).message).toContain(`wait for session ${id}, which leads it`);
  }
  expect(manager.list()).toHaveLength(before);
  // A parent that leads nobody waits for nobody.
  const plan = await manager.create({ prompt: 'x', mode: 'planning' });
  const carriesOut = await manager.create({ prompt: 'x', parentId: plan.id, after: [{ id: plan.id }] });
  expect(carriesOut.status).toBe('queued');
});
