import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type KeepEnded, OrchestrationError, type SessionMode, type UnifiedSession } from 'autonomous-orchestration';
import { SimulatedExecutor, type SimulatedScript } from 'autonomous-orchestration/testing';
import { describe, expect, it, vi } from 'vitest';
import { SessionFolder } from '../../../../src/core/orchestration/contract/session-folder.js';
import { SessionTree } from '../../../../src/core/orchestration/family/session-tree.js';
import { SessionRetention } from '../../../../src/core/orchestration/manager/retention.js';
import type { SessionStatus } from '../../../../src/core/orchestration/session/status.js';
import { SessionRegistry } from '../../../../src/core/orchestration/store/registry.js';
import type { SessionStore } from '../../../../src/core/orchestration/store/store.js';
import { repository } from '../../../support/git.js';
import { InWorktrees } from '../../../support/in-worktrees.js';
import { sessionIn } from '../../../support/sessions.js';
import { DONE, ENDLESS, everyMode, simulate } from '../../../support/simulate.js';
import { tempFolder } from '../../../support/temp-folder.js';

const A_DAY_MS = 86_400_000;

interface Given {
  status?: SessionStatus;
  endedAt?: number;
  parentId?: string;
  mode?: SessionMode;
}

/** A retention over records in memory. Sessions of the mode `orchestration` lead. */
function scene(keep: KeepEnded, sessions: Record<string, Given>) {
  const registry = new SessionRegistry();
  const put = (id: string, { status = 'completed', endedAt = 0, parentId, mode = 'autonomous' }: Given = {}): void => {
    const record = sessionIn(status, { id, mode, ...(parentId !== undefined && { parentId }) });
    registry.set(record.endedAt === undefined ? record : { ...record, endedAt });
  };
  for (const [id, given] of Object.entries(sessions)) put(id, given);
  const tree = new SessionTree(registry, {
    get: (id) => {
      const executor = { leads: registry.get(id)?.mode === 'orchestration' };
      return { spec: { id, limits: {} } as never, executor };
    },
  });
  const clock = { time: 0, now: () => clock.time };
  const asked: string[] = [];
  const refusals = new Map<string, OrchestrationError>();
  const remove = vi.fn(async (id: string, force: boolean): Promise<UnifiedSession> => {
    expect(force).toBe(false);
    asked.push(id);
    const refusal = refusals.get(id);
    if (refusal) throw refusal;
    const session = registry.require(id);
    registry.delete(id);
    return session;
  });
  const retention = new SessionRetention({
    ...keep,
    store: { registry } as SessionStore,
    tree,
    removal: { remove },
    clock,
  });
  const left = async (): Promise<string[]> => {
    await retention.run();
    return registry.list().map(({ id }) => id);
  };
  return { registry, put, clock, asked, refusals, remove, retention, left };
}

describe('which ended sessions are removed', () => {
  it('the sessions that ended last are kept, whatever the order in which they were created', async () => {
    const { left, asked } = scene({ count: 2 }, { a: { endedAt: 40 }, b: { endedAt: 10 }, c: { endedAt: 30 }, d: {} });
    expect(await left()).toEqual(['a', 'c']);
    expect(asked).toEqual(['d', 'b']);
  });

  it('sessions that have not ended do not count and stay', async () => {
    const { left } = scene(
      { count: 1 },
      { a: { endedAt: 1 }, b: { endedAt: 2 }, c: { status: 'running' }, d: { status: 'queued' } },
    );
    expect(await left()).toEqual(['b', 'c', 'd']);
  });

  it('sessions that ended more than the given number of days ago are removed', async () => {
    const { left, clock } = scene({ days: 2 }, { a: { endedAt: 0 }, b: { endedAt: 1 }, c: { status: 'running' } });
    clock.time = 2 * A_DAY_MS;
    expect(await left()).toEqual(['a', 'b', 'c']);
    clock.time += 1;
    expect(await left()).toEqual(['b', 'c']);
    clock.time += 1;
    expect(await left()).toEqual(['c']);
  });

  it('with both limits, a session has to be within both', async () => {
    const { left, clock } = scene({ count: 2, days: 1 }, { a: { endedAt: 5 }, b: { endedAt: 6 }, c: { endedAt: 9 } });
    clock.time = A_DAY_MS + 7;
    expect(await left()).toEqual(['c']);
  });

  it.each<[string, Record<string, Given>]>([
    ['a session with a child that has not ended', { a: {}, child: { status: 'running', parentId: 'a' } }],
    ['a session whose parent has not ended', { parent: { status: 'running' }, a: { parentId: 'parent' } }],
    [
      'a session whose leader has not ended',
      { leader: { status: 'paused', mode: 'orchestration' }, a: { parentId: 'leader' } },
    ],
  ])('%s stays', async (_, sessions) => {
    const { left } = scene({ count: 1 }, { ...sessions, newest: { endedAt: 99 } });
    expect(await left()).toEqual([...Object.keys(sessions), 'newest']);
  });

  it('a session that another one led goes only with its leader, because its cost counts there', async () => {
    const { left, put, asked } = scene(
      { count: 1 },
      {
        child: { endedAt: 1, parentId: 'leader' },
        grandchild: { endedAt: 2, parentId: 'child' },
        leader: { endedAt: 3, mode: 'orchestration' },
      },
    );
    expect(await left()).toEqual(['child', 'leader']);
    put('newest', { endedAt: 4 });
    expect(await left()).toEqual(['newest']);
    expect(asked).toEqual(['grandchild', 'leader', 'child']);
  });

  it('a session that was continued while others were removed stays', async () => {
    const { left, put, remove } = scene({ count: 1 }, { a: { endedAt: 1 }, b: { endedAt: 2 }, c: { endedAt: 3 } });
    remove.mockImplementationOnce(async () => {
      put('b', { status: 'running' });
      return sessionIn('completed');
    });
    expect(await left()).toContain('b');
  });

  it('a session that cannot be removed is not tried again before an hour is over', async () => {
    const { left, clock, asked, refusals } = scene({ count: 1 }, { a: { endedAt: 1 }, b: { endedAt: 2 } });
    refusals.set('a', new OrchestrationError('WORKTREE_HAS_WORK', 'work'));
    expect(await left()).toEqual(['a', 'b']);
    clock.time = 3_599_999;
    expect(await left()).toEqual(['a', 'b']);
    expect(asked).toEqual(['a']);
    clock.time = 3_600_000;
    refusals.clear();
    expect(await left()).toEqual(['b']);
  });

  it('nothing is tried any more when the manager is closed', async () => {
    const { left, asked, refusals } = scene({ count: 1 }, { a: { endedAt: 1 }, b: { endedAt: 2 }, c: { endedAt: 3 } });
    refusals.set('a', new OrchestrationError('MANAGER_CLOSED', 'closed'));
    await left();
    expect(asked).toEqual(['a']);
  });

  it('a session that ends during a pass is looked at in the same call', async () => {
    const { registry, put, remove, retention } = scene({ count: 1 }, { a: { endedAt: 1 }, b: { endedAt: 2 } });
    remove.mockImplementationOnce(async (id) => {
      put('c', { endedAt: 3 });
      retention.ended();
      const session = registry.require(id);
      registry.delete(id);
      return session;
    });
    await retention.run();
    expect(registry.list().map(({ id }) => id)).toEqual(['c']);
  });

  it('thousands of sessions are removed one by one, and other work goes on between them', async () => {
    const count = 3_000;
    const sessions = Object.fromEntries(Array.from({ length: count }, (_, at) => [`s${at}`, { endedAt: at }]));
    const { left, asked } = scene({ count: 1 }, sessions);
    const turns: number[] = [];
    const look = (): void => {
      turns.push(asked.length);
      if (asked.length < count - 1) setImmediate(look);
    };
    setImmediate(look);
    expect(await left()).toEqual([`s${count - 1}`]);
    const most = Math.max(...turns.map((seen, at) => seen - (turns[at - 1] ?? 0)));
    expect(most).toBeLessThanOrEqual(1);
  });
});

describe('a manager with keepEnded', () => {
  const removedBy = (manager: ReturnType<typeof simulate>['manager'], id: string): Promise<void> =>
    vi.waitUntil(() => manager.get(id) === undefined, 30_000).then(() => {});

  it('a manager removes the oldest ended session with its files after each end, and tells it', async () => {
    const stateDir = tempFolder();
    const { manager, events } = simulate(DONE, { stateDir, keepEnded: { count: 2 } });
    const ids: string[] = [];
    for (let index = 0; index < 4; index++) {
      const { id } = await manager.create({ prompt: 'x' });
      await manager.waitFor(id);
      ids.push(id);
    }
    const [first = '', second = '', ...kept] = ids;
    await removedBy(manager, first);
    await removedBy(manager, second);
    await manager.close(); // The files may go a moment after the record.
    expect(manager.list().map(({ id }) => id)).toEqual(kept);
    expect(readdirSync(join(stateDir, 'sessions')).sort()).toEqual([...kept].sort());
    const told = events.flatMap(({ type, sessionId }) => (type === 'session:removed' ? [sessionId] : []));
    expect(told).toEqual([first, second]);
  });

  it('without the option, all sessions are kept', async () => {
    const { manager, events } = simulate(DONE);
    for (let index = 0; index < 3; index++) await manager.waitFor((await manager.create({ prompt: 'x' })).id);
    await manager.recover();
    await manager.close();
    expect(manager.list()).toHaveLength(3);
    expect(events.map(({ type }) => type)).not.toContain('session:removed');
  });

  it('sessions of earlier processes that ended too long ago are removed after recover()', async () => {
    const stateDir = tempFolder();
    const before = simulate(DONE, { stateDir }).manager;
    const [old, young] = [await before.create({ prompt: 'x' }), await before.create({ prompt: 'x' })];
    await Promise.all([before.waitFor(old.id), before.waitFor(young.id)]);
    await before.close();
    const { record } = new SessionFolder(stateDir, old.id);
    const stored = JSON.parse(readFileSync(record, 'utf8'));
    stored.session.endedAt -= 31 * A_DAY_MS;
    writeFileSync(record, JSON.stringify(stored));

    const { manager } = simulate(DONE, { stateDir, keepEnded: { days: 30 } });
    expect((await manager.recover()).known).toEqual(expect.arrayContaining([old.id, young.id]));
    await removedBy(manager, old.id);
    expect(manager.list().map(({ id }) => id)).toEqual([young.id]);
  });

  it('a session whose worktree has work stays, and one without work goes with its worktree', async () => {
    const stateDir = tempFolder();
    const cwd = repository();
    const script: SimulatedScript = (request) => {
      const { worktree, branch } = request.session.environment;
      if (branch === 'work') writeFileSync(join(worktree ?? '', 'new.txt'), 'work');
      return DONE(request);
    };
    const executors = everyMode(new InWorktrees(stateDir, script));
    const { manager } = simulate(script, { stateDir, executors, keepEnded: { count: 1 } });
    const ended = async (worktree: string): Promise<UnifiedSession> =>
      manager.waitFor((await manager.create({ prompt: 'x', cwd, worktree })).id);
    const [work, clean, newest] = [await ended('work'), await ended('clean'), await ended('newest')];
    await removedBy(manager, clean.id);
    expect(manager.list().map(({ id }) => id)).toEqual([work.id, newest.id]);
    expect(existsSync(join(work.environment.worktree ?? '', 'new.txt'))).toBe(true);
    expect(existsSync(clean.environment.worktree ?? '')).toBe(false);
  });

  it('a leader that runs keeps its children that have ended', async () => {
    class Leading extends SimulatedExecutor {
      override readonly leads = true;
    }
    const executors = { ...everyMode(new SimulatedExecutor(DONE)), orchestration: new Leading(ENDLESS) };
    const { manager } = simulate(DONE, { executors, keepEnded: { count: 1 } });
    const leader = await manager.create({ prompt: 'x', mode: 'orchestration' });
    const ended = async (options: { parentId?: string } = {}): Promise<string> =>
      (await manager.waitFor((await manager.create({ prompt: 'x', ...options })).id)).id;
    const child = await ended({ parentId: leader.id });
    const [alone, newest] = [await ended(), await ended()];
    await removedBy(manager, alone);
    expect(manager.list().map(({ id }) => id)).toEqual([leader.id, child, newest]);
  });
});
