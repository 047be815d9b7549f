import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { SessionManagerOptions, UnifiedSession, UnifiedSessionManager } from 'autonomous-orchestration';
import { SimulatedExecutor, type SimulatedScript } from 'autonomous-orchestration/testing';
import { describe, expect, it, vi } from 'vitest';
import { SessionFolder } from '../../../../src/core/orchestration/contract/session-folder.js';
import * as disk from '../../../../src/core/orchestration/store/disk/left-sessions.js';
import { deferred } from '../../../../src/core/orchestration/util/deferred.js';
import * as trees from '../../../../src/core/orchestration/util/fs/remove-tree.js';
import { errorOf } from '../../../support/errors.js';
import { eventually } from '../../../support/eventually.js';
import { git, repository } from '../../../support/git.js';
import { InWorktrees } from '../../../support/in-worktrees.js';
import { World } from '../../../support/outliving.js';
import { DONE, ENDLESS, everyMode, nextEvent, simulate } from '../../../support/simulate.js';
import { removeFolder, tempFolder } from '../../../support/temp-folder.js';

vi.mock('../../../../src/core/orchestration/util/fs/remove-tree.js', { spy: true });
const removeTree = vi.mocked(trees.removeTree);
vi.mock('../../../../src/core/orchestration/store/disk/left-sessions.js', { spy: true });
const leftIds = vi.mocked(disk.leftIds);

/** A manager on a state folder, whose sessions have real worktrees. */
function scene(script: SimulatedScript = DONE, stateDir = tempFolder(), options: SessionManagerOptions = {}) {
  const executors = everyMode(new InWorktrees(stateDir, script));
  const { manager, events } = simulate(script, { stateDir, executors, ...options });
  const folders = (): string[] => readdirSync(join(stateDir, 'sessions'));
  const ended = async (given: Parameters<UnifiedSessionManager['create']>[0] = {}): Promise<UnifiedSession> =>
    manager.waitFor((await manager.create({ prompt: 'x', ...given })).id);
  return { stateDir, manager, events, folders, ended };
}

/** A session that ended in a worktree with a file that is not committed. */
async function withWork() {
  const work: SimulatedScript = (request) => {
    writeFileSync(join(request.session.environment.worktree ?? '', 'new.txt'), 'work');
    return DONE(request);
  };
  const cwd = repository();
  const all = scene(work);
  const { id, environment } = await all.ended({ cwd, worktree: 'feature' });
  return { ...all, cwd, id, path: environment.worktree ?? '' };
}

describe('remove()', () => {
  it('an ended session is forgotten with its record, its place in every list and all its files', async () => {
    const { manager, events, folders, ended } = scene();
    const kept = await ended({ taskId: 'task' });
    const session = await ended({ taskId: 'task', parentId: 'label' });
    expect(folders()).toHaveLength(2);
    expect(await manager.remove(session.id)).toEqual(session);
    expect(folders()).toEqual([kept.id]);
    expect(manager.get(session.id)).toBeUndefined();
    for (const filter of [undefined, { taskId: 'task' }, { status: 'completed' as const }])
      expect(manager.list(filter)).toEqual([kept]);
    expect(manager.list({ parentId: 'label' })).toEqual([]);
    const last = events.filter(({ sessionId, type }) => sessionId === session.id && type !== 'queue:changed').at(-1);
    expect(last).toMatchObject({ type: 'session:removed', session });
    for (const call of [manager.waitFor(session.id), manager.remove(session.id), manager.continue(session.id, 'more')])
      await errorOf(call, 'SESSION_NOT_FOUND');
    // New sessions come after the old ones in every list, although a place was freed.
    const next = await ended({ taskId: 'task' });
    expect(manager.list({ status: 'completed' }).map(({ id }) => id)).toEqual([kept.id, next.id]);
  });

  it('a removed session does not come back after a restart', async () => {
    const { stateDir, manager, ended } = scene();
    const { id } = await ended();
    await manager.remove(id);
    await manager.close();
    const next = scene(DONE, stateDir);
    const report = await next.manager.recover();
    expect(Object.values(report).flat()).toEqual([]);
    expect(next.manager.list()).toEqual([]);
  });

  it.each([
    ['runs', {}],
    ['waits in the queue', { maxConcurrent: 1 }],
  ])('a session that %s is not removed', async (_, options) => {
    const { manager } = simulate(ENDLESS, options);
    await manager.create({ prompt: 'x' });
    const { id } = await manager.create({ prompt: 'x' });
    const { message } = await errorOf(manager.remove(id), 'ILLEGAL_TRANSITION');
    expect(message).toContain('cancel() it first');
    await manager.cancel(id);
    await manager.remove(id);
    expect(manager.list()).toHaveLength(1);
  });

  it('an unknown session is not found, and a closed manager removes nothing', async () => {
    const { manager, ended, folders } = scene();
    await errorOf(manager.remove('nobody'), 'SESSION_NOT_FOUND');
    const { id } = await ended();
    await manager.close();
    await errorOf(manager.remove(id), 'MANAGER_CLOSED');
    expect(folders()).toEqual([id]);
  });

  it('a listener may remove a session in its terminal event', async () => {
    const { manager, events } = simulate(DONE);
    manager.on('session:completed', ({ sessionId }) => void manager.remove(sessionId));
    const gone = nextEvent(manager, 'session:removed');
    const { id } = await manager.create({ prompt: 'x' });
    expect(await manager.waitFor(id)).toMatchObject({ status: 'completed' });
    expect(await gone).toMatchObject({ sessionId: id });
    await manager.close();
    expect(events.filter(({ sessionId, type }) => sessionId === id && type !== 'queue:changed').at(-1)).toMatchObject({
      type: 'session:removed',
    });
    expect(manager.list()).toEqual([]);
  });

  it('a session whose folder somebody has deleted is forgotten', async () => {
    const { stateDir, manager, ended } = scene();
    const { id } = await ended();
    await removeFolder(new SessionFolder(stateDir, id).path);
    await manager.remove(id);
    expect(manager.list()).toEqual([]);
  });
});

describe('the worktree of a removed session', () => {
  it('a session whose worktree has work stays with everything, unless removal is forced', async () => {
    const { manager, cwd, id, path, folders } = await withWork();
    const before = manager.get(id);
    await errorOf(manager.remove(id), 'WORKTREE_HAS_WORK');
    expect(manager.get(id)).toBe(before);
    expect([folders(), existsSync(join(path, 'new.txt'))]).toEqual([[id], true]);
    // A refused removal leaves a session that can be continued.
    await manager.continue(id, 'more');
    await manager.waitFor(id);
    await manager.remove(id, { force: true });
    expect([manager.list(), folders(), existsSync(path)]).toEqual([[], [], false]);
    expect(git(cwd, 'branch', '--list', 'feature')).toContain('feature');
  });

  it('a worktree without work is removed with its session, and the branch stays', async () => {
    const cwd = repository();
    const { stateDir, manager, ended } = scene();
    const { id, environment } = await ended({ cwd, worktree: 'feature' });
    await manager.remove(id);
    expect(existsSync(environment.worktree ?? '')).toBe(false);
    expect(git(cwd, 'branch', '--list', 'feature')).toContain('feature');
    expect(readdirSync(join(stateDir, 'worktrees'))).toEqual([]);
  });

  it('a worktree that was there before the session stays, whatever is in it', async () => {
    const cwd = repository();
    git(cwd, 'worktree', 'add', '--quiet', '-b', 'mine', `${cwd}-mine`);
    writeFileSync(join(`${cwd}-mine`, 'new.txt'), 'work');
    const { manager, ended } = scene();
    const { id } = await ended({ cwd, worktree: 'mine' });
    await manager.remove(id, { force: true });
    expect(existsSync(join(`${cwd}-mine`, 'new.txt'))).toBe(true);
  });

  it('a session is not removed while another session works in its worktree', async () => {
    const cwd = repository();
    const script: SimulatedScript = (request) => (request.spec.worktree ? DONE : ENDLESS)(request);
    const { manager, ended } = scene(script);
    const { id, environment } = await ended({ cwd, worktree: 'feature' });
    const other = await manager.create({ prompt: 'x', cwd: environment.worktree ?? '' });
    const { message } = await errorOf(manager.remove(id, { force: true }), 'ILLEGAL_TRANSITION');
    expect(message).toContain(other.id);
    await manager.cancel(other.id);
    await manager.remove(id);
    expect(manager.list()).toHaveLength(1);
  });

  it('a worktree that cannot be removed is WORKTREE_FAILED, and the session stays', async () => {
    const { manager, cwd, id } = await withWork();
    rmSync(cwd, { recursive: true });
    await errorOf(manager.remove(id, { force: true }), 'WORKTREE_FAILED');
    expect(manager.get(id)).toMatchObject({ status: 'completed' });
  });
});

describe('the family of a removed session', () => {
  class Leading extends SimulatedExecutor {
    override readonly leads = true;
  }

  /** A family whose sessions end when the test says so: those with the prompt `stay` run until they are cancelled. */
  function family() {
    const script: SimulatedScript = (request) =>
      ('text' in request.spec.prompt && request.spec.prompt.text === 'stay' ? ENDLESS : DONE)(request);
    const executors = { ...everyMode(new SimulatedExecutor(script)), orchestration: new Leading(script) };
    return simulate(script, { executors }).manager;
  }

  it('a session is not removed while a session below it has not ended, whether it leads it or not', async () => {
    const manager = family();
    for (const mode of ['orchestration', 'planning'] as const) {
      const { id } = await manager.create({ prompt: 'x', mode });
      await manager.waitFor(id);
      const child = await manager.create({ prompt: 'stay', parentId: id });
      const { message } = await errorOf(manager.remove(id), 'ILLEGAL_TRANSITION');
      expect(message).toContain(`session ${child.id} ('`);
      await manager.cancel(child.id);
      await manager.remove(id);
      // The child stays, and the id of its parent is only a label now.
      expect(manager.get(child.id)).toMatchObject({ parentId: id });
      expect(manager.list({ parentId: id })).toHaveLength(1);
    }
  });

  it('a session is not removed while the session that leads it has not ended, because its cost counts there', async () => {
    const manager = family();
    const leader = await manager.create({ prompt: 'stay', mode: 'orchestration' });
    const { id } = await manager.create({ prompt: 'x', parentId: leader.id });
    await manager.waitFor(id);
    const { message } = await errorOf(manager.remove(id), 'ILLEGAL_TRANSITION');
    expect(message).toContain(`session ${leader.id} ('`);
    await manager.cancel(leader.id);
    await manager.remove(id);
    expect(manager.list()).toHaveLength(1);
  });

  /** A leader that has ended, and its removal in the middle. */
  async function leaving() {
    const manager = family();
    const { id } = await manager.create({ prompt: 'x', mode: 'orchestration' });
    await manager.waitFor(id);
    const moment = deferred<void>();
    removeTree.mockImplementationOnce(async () => moment.promise);
    const removal = manager.remove(id);
    await vi.waitUntil(() => removeTree.mock.calls.some(([path]) => path.includes(id)), 30_000);
    return { manager, id, moment, removal };
  }

  it('a leader is not removed while a session below it is being created', async () => {
    const manager = family();
    const { id } = await manager.create({ prompt: 'x', mode: 'orchestration' });
    await manager.waitFor(id);
    const [created, removed] = await Promise.allSettled([
      manager.create({ prompt: 'x', parentId: id }),
      manager.remove(id),
    ]);
    expect(created.status).toBe('fulfilled');
    expect(removed).toMatchObject({ status: 'rejected', reason: { code: 'ILLEGAL_TRANSITION' } });
    expect(manager.list()).toHaveLength(2);
  });

  it('no session is created below a leader that is being removed', async () => {
    const { manager, id, moment, removal } = await leaving();
    await errorOf(manager.create({ prompt: 'x', parentId: id }), 'ILLEGAL_TRANSITION');
    moment.resolve();
    await removal;
    expect(manager.list()).toEqual([]);
  });

  it('no session is created with the options of a leader that was removed before its record was written', async () => {
    const { manager, id, moment, removal } = await leaving();
    const recovering = manager.recover();
    const created = manager.create({ prompt: 'x', parentId: id }).catch((error: unknown) => error);
    moment.resolve();
    await Promise.all([removal, recovering]);
    expect(await created).toMatchObject({ code: 'ILLEGAL_TRANSITION' });
    expect(manager.list()).toEqual([]);
  });
});

describe('calls at the same time as remove()', () => {
  it('two calls of remove() at once both get the last record, and one event comes', async () => {
    const { manager, events, ended } = scene();
    const session = await ended();
    expect(await Promise.all([manager.remove(session.id), manager.remove(session.id)])).toEqual([session, session]);
    expect(events.filter(({ type }) => type === 'session:removed')).toHaveLength(1);
  });

  it('a call in the event session:removed joins, and resolves when the files are gone', async () => {
    const { manager, folders, ended } = scene();
    const session = await ended();
    const gone = nextEvent(manager, 'session:removed').then(async () => [await manager.remove(session.id), folders()]);
    await manager.remove(session.id);
    expect(await gone).toEqual([session, []]);
    await errorOf(manager.remove(session.id), 'SESSION_NOT_FOUND');
  });

  it('a call with force succeeds although the call before it is refused', async () => {
    const { manager, id } = await withWork();
    const [plain, forced] = await Promise.allSettled([manager.remove(id), manager.remove(id, { force: true })]);
    expect(plain).toMatchObject({ status: 'rejected', reason: { code: 'WORKTREE_HAS_WORK' } });
    expect(forced).toMatchObject({ status: 'fulfilled', value: { id } });
    expect(manager.list()).toEqual([]);
  });

  it('a session that is being removed cannot be continued, and a session that was continued is not removed', async () => {
    const { manager, ended } = scene();
    const [one, two] = [await ended(), await ended()];
    const moment = deferred<void>();
    removeTree.mockImplementationOnce(async () => moment.promise); // The removal is in the middle.
    const removal = manager.remove(one.id);
    await vi.waitUntil(() => removeTree.mock.calls.some(([path]) => path.includes(one.id)), 30_000);
    const { message } = await errorOf(manager.continue(one.id, 'more'), 'ILLEGAL_TRANSITION');
    expect(message).toContain('it is being removed');
    moment.resolve();
    await removal;

    const continued = manager.continue(two.id, 'more');
    await errorOf(manager.remove(two.id), 'ILLEGAL_TRANSITION');
    await continued;
    expect(await manager.waitFor(two.id)).toMatchObject({ runs: [{}, { feedback: 'more' }] });
  });

  it('recover() and remove() at once neither bring the session back nor report it', async () => {
    const { manager, ended } = scene();
    const sessions = await Promise.all([ended(), ended(), ended()]);
    const [report] = await Promise.all([manager.recover(), ...sessions.map(({ id }) => manager.remove(id))]);
    expect(Object.values(report).flat()).toEqual([]);
    const removals = (await Promise.all([ended(), ended()])).map(({ id }) => manager.remove(id));
    expect(Object.values(await manager.recover()).flat()).toEqual([]);
    await Promise.all(removals);
    expect(manager.list()).toEqual([]);
  });

  it('a session that is removed while recover() reads the folders is not reported', async () => {
    const { stateDir, manager, ended } = scene();
    const { id } = await ended();
    const moment = deferred<void>();
    removeTree.mockImplementationOnce(async () => moment.promise);
    const removal = manager.remove(id);
    await vi.waitUntil(() => removeTree.mock.calls.some(([path]) => path.includes(id)), 30_000);
    // The names of the folders are read, and then the session goes.
    leftIds.mockImplementationOnce(async () => {
      const ids = await disk.leftIds(stateDir);
      moment.resolve();
      await removal;
      return ids;
    });
    expect(Object.values(await manager.recover()).flat()).toEqual([]);
    expect(manager.list()).toEqual([]);
  });

  it('close() waits for a removal that is under way', async () => {
    const { manager, folders, ended } = scene();
    const { id } = await ended();
    const moment = deferred<void>();
    removeTree.mockImplementationOnce(async () => moment.promise);
    const order: string[] = [];
    const removal = manager.remove(id).then(() => order.push('removed'));
    await vi.waitUntil(() => removeTree.mock.calls.some(([path]) => path.includes(id)), 30_000);
    const closing = manager.close().then(() => order.push('closed'));
    moment.resolve();
    await Promise.all([removal, closing]);
    expect([order, folders()]).toEqual([['removed', 'closed'], []]);
  });
});

describe('a process that dies in the middle of remove()', () => {
  /** Removes a session in a worktree, and copies the state folder before each step that changes a folder. */
  async function cuts() {
    const cwd = repository();
    const { stateDir, manager, ended } = scene();
    const { id, environment } = await ended({ cwd, worktree: 'feature' });
    const other = await ended();
    // The end of a session is on disk a moment after its event.
    const isOnDisk = (one: string): boolean =>
      readFileSync(new SessionFolder(stateDir, one).record, 'utf8').includes('"completed"');
    await eventually(() => expect([id, other.id].every(isOnDisk)).toBe(true));
    const copies: { state: string; worktree: boolean }[] = [];
    const cut = (): void => {
      const state = tempFolder();
      cpSync(stateDir, state, { recursive: true, filter: (path) => !/lock\.\d+|\.sock$/.test(path) });
      copies.push({ state, worktree: existsSync(environment.worktree ?? '') });
    };
    const { removeTree: real } = await vi.importActual<typeof trees>(
      '../../../../src/core/orchestration/util/fs/remove-tree.js',
    );
    cut();
    removeTree.mockImplementation(async (path) => {
      cut();
      if (existsSync(path)) {
        // In the middle of the deletion, some files are gone.
        for (const name of ['spec.json', 'stream.log']) rmSync(join(path, name), { force: true });
        cut();
      }
      await real(path);
      cut();
    });
    await manager.remove(id).finally(() => removeTree.mockImplementation(real));
    await manager.close();
    return { id, other, copies };
  }

  it('the next process has the whole session or nothing of it, at every point, and removes the rest', async () => {
    const { id, other, copies } = await cuts();
    const outcomes: string[] = [];
    for (const { state, worktree } of copies) {
      const next = scene(DONE, state);
      const report = await next.manager.recover();
      const isThere = report.known.includes(id);
      outcomes.push(`${isThere ? 'session' : 'nothing'} ${worktree ? 'with' : 'without'} worktree`);
      expect(report).toMatchObject({ skipped: [], rebuilt: [], lost: [], folders: [], closed: [] });
      expect(report.known).toEqual(isThere ? [id, other.id] : [other.id]);
      expect(next.folders().sort()).toEqual([...report.known].sort());
      if (isThere) {
        // It can be removed again, also if its worktree is gone already.
        await next.manager.remove(id);
        expect(next.folders()).toEqual([other.id]);
      }
      await next.manager.close();
    }
    expect([...new Set(outcomes)]).toEqual([
      'session with worktree',
      'session without worktree',
      'nothing without worktree',
    ]);
  });
});

describe('what stands in the way of remove()', () => {
  it('a session stays if its folder cannot get another name', async () => {
    const { stateDir, manager, ended, folders } = scene();
    const session = await ended();
    const { forgotten } = new SessionFolder(stateDir, session.id);
    mkdirSync(join(forgotten, 'in the way'), { recursive: true });
    removeTree.mockImplementationOnce(async () => {});
    await errorOf(manager.remove(session.id), 'STATE_NOT_WRITABLE');
    expect(manager.get(session.id)).toEqual(session);
    expect(folders()).toContain(session.id);
    await manager.continue(session.id, 'more');
    await manager.waitFor(session.id);
    await manager.remove(session.id);
    expect(folders()).toEqual([]);
  });

  it('files that cannot be deleted are deleted by a later sweep, and the session is forgotten meanwhile', async () => {
    const { stateDir, manager, ended, folders } = scene();
    const { id } = await ended();
    const busy = Promise.reject(new Error('busy'));
    busy.catch(() => {});
    removeTree.mockImplementationOnce(async () => {}).mockImplementationOnce(() => busy);
    await manager.remove(id);
    expect([manager.list(), folders()]).toEqual([[], [`${id}.forgotten`]]);
    await manager.recover(); // It sweeps.
    expect(folders()).toEqual([]);
    expect(existsSync(stateDir)).toBe(true);
  });

  it('a session whose container may still run stays until an engine answers', async () => {
    const world = new World();
    const host = world.host();
    const { id } = await host.running();
    world.isAway = true;
    const run = world.runOf(id);
    run.exit({ reason: 'DOCKER_UNAVAILABLE', error: 'No engine answers.' });
    await host.manager.waitFor(id);
    world.runs.set(run.name, run); // It was not removed, because no engine has answered.
    await errorOf(host.manager.remove(id), 'DOCKER_UNAVAILABLE');
    expect(host.manager.get(id)).toMatchObject({ status: 'failed' });
    world.isAway = false;
    await host.manager.remove(id);
    expect([host.manager.list(), world.discarded]).toEqual([[], [run.name]]);
  });

  it('a session whose run has ended is removed without asking an engine', async () => {
    const world = new World();
    const host = world.host();
    const { id } = await host.running();
    world.runOf(id).complete();
    await host.manager.waitFor(id);
    world.isAway = true;
    await host.manager.remove(id);
    expect(host.manager.list()).toEqual([]);
  });

  it('a container that was left is removed by the sweep although its session is forgotten', async () => {
    const world = new World();
    const host = world.host();
    const { id } = await host.running();
    const run = world.runOf(id);
    run.complete();
    await host.manager.waitFor(id);
    world.runs.set(run.name, run);
    await host.manager.remove(id);
    expect(await host.recover()).toMatchObject({ containers: [run.name] });
  });
});
