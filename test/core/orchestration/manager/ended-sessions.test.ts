import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import type { SessionManagerOptions, UnifiedSession, UnifiedSessionManager } from 'autonomous-orchestration';
import { openSessions } from 'autonomous-orchestration';
import { SimulatedExecutor, type SimulatedScript, scriptedRun } from 'autonomous-orchestration/testing';
import { beforeEach, describe, expect, it, vi } from 'vitest';
import { z } from 'zod';
import { SessionFolder } from '../../../../src/core/orchestration/contract/session-folder.js';
import { MailboxFiles } from '../../../../src/core/orchestration/mailbox/mailbox-files.js';
import { RECORDS, recordsOf } from '../../../../src/core/orchestration/session/records-source.js';
import * as disk from '../../../../src/core/orchestration/store/disk/left-sessions.js';
import { deferred } from '../../../../src/core/orchestration/util/deferred.js';
import * as own from '../../../../src/core/orchestration/util/fs/own-file.js';
import { errorOf } from '../../../support/errors.js';
import { eventually } from '../../../support/eventually.js';
import { git, repository } from '../../../support/git.js';
import { InWorktrees } from '../../../support/in-worktrees.js';
import { DONE, ENDLESS, everyMode, simulate } from '../../../support/simulate.js';
import { tempFolder } from '../../../support/temp-folder.js';

const most = vi.hoisted(() => ({ value: 0 }));
vi.mock('../../../../src/core/orchestration/manager/most-in-memory.js', () => ({
  get MOST_ENDED_IN_MEMORY() {
    return most.value;
  },
}));
vi.mock('../../../../src/core/orchestration/store/disk/left-sessions.js', { spy: true });
vi.mock('../../../../src/core/orchestration/util/fs/own-file.js', { spy: true });
const read = vi.mocked(disk.readEndedRecord);

beforeEach(() => {
  most.value = 0;
  vi.clearAllMocks();
});

class Leading extends SimulatedExecutor {
  override readonly leads = true;
}

function scene(script: SimulatedScript = DONE, options: SessionManagerOptions = {}) {
  const stateDir = options.stateDir ?? tempFolder();
  const simulated = new SimulatedExecutor(script);
  const executors = { ...everyMode(simulated), orchestration: new Leading(script) };
  const { manager, events } = simulate(script, { executors, ...options, stateDir });
  const ended = async (given: Parameters<UnifiedSessionManager['create']>[0] = {}): Promise<UnifiedSession> => {
    const session = await manager.waitFor((await manager.create({ prompt: 'x', ...given })).id);
    await away(manager, session.id);
    return session;
  };
  return { stateDir, manager, events, ended };
}

function inMemory(manager: UnifiedSessionManager, id: string): boolean {
  const outline = manager[RECORDS]()
    ?.outlines()
    .find((session) => session.id === id);
  return outline !== undefined && 'metadata' in outline;
}

/** Resolves when the record of a session is on the disk only. */
const away = (manager: UnifiedSessionManager, id: string): Promise<void> =>
  eventually(() => expect(inMemory(manager, id)).toBe(false));

describe('a session that has left memory', () => {
  it('leaves beyond the number, those first that ended first, and all are listed as before', async () => {
    most.value = 2;
    const { manager } = scene();
    const ended: UnifiedSession[] = [];
    for (let count = 0; count < 4; count++) {
      ended.push(await manager.waitFor((await manager.create({ prompt: 'x', taskId: `t${count % 2}` })).id));
    }
    await eventually(() => expect(ended.map(({ id }) => inMemory(manager, id))).toEqual([false, false, true, true]));
    expect(manager.list()).toEqual(ended);
    expect(ended.map(({ id }) => manager.get(id))).toEqual(ended);
    expect(manager.list({ taskId: 't1', status: 'completed' })).toEqual([ended[1], ended[3]]);
    expect(Object.isFrozen(manager.get(ended[0]?.id ?? '')?.metadata.recentMessages)).toBe(true);
  });

  it('is read only when its record is asked for', async () => {
    const { manager, ended } = scene();
    const { id } = await ended();
    read.mockClear();
    await manager.create({ prompt: 'y' });
    manager.list({ status: ['queued', 'starting', 'running'] });
    manager.queueStatus();
    expect(read).not.toHaveBeenCalled();
    manager.get(id);
    expect(read).toHaveBeenCalledOnce();
  });

  it('waitFor() resolves, cancel() gives it back, and what needs a run is refused as in memory', async () => {
    const { manager, ended } = scene();
    const session = await ended();
    expect(await manager.waitFor(session.id)).toEqual(session);
    expect(await manager.cancel(session.id)).toEqual(session);
    const { message } = await errorOf(manager.steer(session.id, 'x'), 'ILLEGAL_TRANSITION');
    expect(message).toContain('use continue()');
    await errorOf(manager.waitFor(session.id, { status: 'failed' }), 'ILLEGAL_TRANSITION');
  });

  it('is continued with its options, and keeps its conversation and earlier runs', async () => {
    const requests: { feedback: string | undefined; prompt: unknown; turns: unknown }[] = [];
    const script: SimulatedScript = (request) => {
      const { feedback, spec } = request;
      requests.push({ feedback, prompt: spec.prompt, turns: spec.claude.maxTurns });
      return DONE(request);
    };
    const { manager, stateDir, ended } = scene(script);
    const session = await ended({ prompt: 'first', maxTurns: 7 });
    await manager.continue(session.id, 'more');
    const next = await manager.waitFor(session.id);
    expect(next).toMatchObject({ conversationId: session.conversationId, runs: [{}, { feedback: 'more' }] });
    expect(requests[1]).toEqual({ feedback: 'more', prompt: { text: 'first' }, turns: 7 });
    await away(manager, session.id);
    expect(manager.get(session.id)).toEqual(next);
    expect(JSON.parse(readFileSync(new SessionFolder(stateDir, session.id).record, 'utf8')).session).toEqual(next);
  });

  it('keeps what its files do not have: its variables, its rules that are functions, and its output schema', async () => {
    const seen: unknown[] = [];
    const script: SimulatedScript = ({ spec, conversationId }) => {
      const rule = spec.policy.layers.at(-1)?.rules[0];
      seen.push({
        env: spec.docker === false ? undefined : spec.docker.env,
        matches: typeof rule?.matches,
      });
      return scriptedRun([{ text: 'x' }], { conversationId });
    };
    const { manager, stateDir, ended } = scene(script);
    const { id } = await ended({
      docker: { image: 'x', env: { SECRET: 'its own value' } },
      policy: { rules: [{ tool: 'Bash', decision: 'deny', matches: () => true }] },
      output: z.object({ a: z.number() }),
      outputRetries: 0,
    });
    expect(readFileSync(new SessionFolder(stateDir, id).spec, 'utf8')).not.toContain('its own value');
    await manager.continue(id, 'more');
    await manager.waitFor(id);
    expect(seen[1]).toEqual({ env: { SECRET: 'its own value' }, matches: 'function' });
    expect(seen[0]).toEqual(seen[1]);
  });

  it('is removed with all its files, and stays if its worktree has work', async () => {
    const stateDir = tempFolder();
    const work: SimulatedScript = (request) => {
      const { worktree } = request.session.environment;
      if (worktree !== undefined) writeFileSync(join(worktree, 'new.txt'), 'work');
      return DONE(request);
    };
    const { manager, events, ended } = scene(work, { stateDir, executors: everyMode(new InWorktrees(stateDir, work)) });
    const cwd = repository();
    const [plain, withWork] = [await ended({ cwd }), await ended({ cwd, worktree: 'feature' })];
    expect(await manager.remove(plain.id)).toEqual(plain);
    expect(existsSync(new SessionFolder(stateDir, plain.id).path)).toBe(false);
    expect(manager.get(plain.id)).toBeUndefined();
    expect(events.filter(({ type }) => type === 'session:removed')).toMatchObject([{ session: { id: plain.id } }]);
    await errorOf(manager.remove(withWork.id), 'WORKTREE_HAS_WORK');
    await errorOf(manager.removeWorktree(withWork.id), 'WORKTREE_HAS_WORK');
    expect(await manager.removeWorktree(withWork.id, { force: true })).not.toHaveProperty('environment.worktree');
    await away(manager, withWork.id);
    expect(manager.get(withWork.id)).not.toHaveProperty('environment.worktree');
    expect(git(cwd, 'branch', '--list', 'feature')).toContain('feature');
    await manager.remove(withWork.id);
    expect(manager.list()).toEqual([]);
  });

  it('lets those start that come after it, and fails those that it did not complete for', async () => {
    const script: SimulatedScript = (request) =>
      'text' in request.spec.prompt && request.spec.prompt.text === 'bad' ? { steps: [], exitCode: 3 } : DONE(request);
    const { manager, ended } = scene(script);
    const [good, bad] = [await ended(), await ended({ prompt: 'bad' })];
    const well = await manager.create({ prompt: 'x', after: [{ id: good.id }, { id: bad.id, on: 'ended' }] });
    expect(await manager.waitFor(well.id)).toMatchObject({ status: 'completed' });
    const badly = await manager.create({ prompt: 'x', after: [{ id: bad.id }] });
    expect(await manager.waitFor(badly.id)).toMatchObject({
      status: 'failed',
      result: { reason: 'dependency_failed' },
    });
  });

  it('a leader gets further children, whose limits still count those that have ended', async () => {
    const { manager, ended } = scene();
    const leader = await ended({ mode: 'orchestration', limits: { children: 2 } });
    const child = await ended({ parentId: leader.id });
    await ended({ parentId: leader.id });
    expect(manager.list({ parentId: leader.id })).toHaveLength(2);
    await errorOf(manager.create({ prompt: 'x', parentId: leader.id }), 'CHILDREN_LIMIT');
    await manager.remove(child.id);
    await ended({ parentId: leader.id });
  });

  it('a family stays in memory until all of it have ended, and comes back as a whole', async () => {
    const script: SimulatedScript = (request) =>
      (request.feedback ?? ('text' in request.spec.prompt && request.spec.prompt.text)) === 'stay'
        ? ENDLESS(request)
        : DONE(request);
    const { manager, ended } = scene(script, { releaseSlotWhileWaiting: false });
    const leader = await ended({ mode: 'orchestration' });
    const child = await ended({ parentId: leader.id });
    const stranger = await ended();
    await manager.continue(leader.id, 'stay');
    await manager.waitFor(leader.id, { status: 'running' });
    expect([leader, child, stranger].map(({ id }) => inMemory(manager, id))).toEqual([true, true, false]);
    await ended();
    expect(inMemory(manager, child.id)).toBe(true);
    await errorOf(manager.remove(child.id), 'ILLEGAL_TRANSITION');
    await manager.cancel(leader.id);
    for (const { id } of [leader, child]) await away(manager, id);
  });

  it('is removed in its turn by keepEnded', async () => {
    const { manager, stateDir, ended } = scene(DONE, { keepEnded: { count: 2 } });
    const first = await manager.waitFor((await manager.create({ prompt: 'x' })).id);
    await ended();
    await ended();
    const folder = join(stateDir, 'sessions');
    await eventually(() => expect(readdirSync(folder)).toHaveLength(2));
    expect(manager.get(first.id)).toBeUndefined();
  });

  it('another process gets its record, and each change once', async () => {
    const { manager, stateDir, ended } = scene();
    const sessions = [await ended({ prompt: 'a' }), await ended({ prompt: 'b' })];
    await using client = await openSessions({ stateDir });
    expect(client.list()).toEqual(sessions);
    const { id } = sessions[0] as UnifiedSession;
    await client.continue(id, 'more');
    expect((await client.waitFor(id)).runs).toHaveLength(2);
    expect(client.get(id)).toEqual(manager.get(id));
    await client.remove(id);
    expect(client.list()).toEqual(manager.list());
  });

  it('is continued only when its guard folder is removed, because the run makes that folder anew', async () => {
    const script: SimulatedScript = (request) => {
      const { guard } = new SessionFolder(stateDir, request.session.id);
      if (request.feedback === undefined) mkdirSync(guard);
      else begun(existsSync(guard));
      return DONE(request);
    };
    const { manager, stateDir } = scene(script);
    const begun = vi.fn();
    const [removing, goOn] = [deferred<void>(), deferred<void>()];
    const { remove } = MailboxFiles.prototype;
    const spy = vi.spyOn(MailboxFiles.prototype, 'remove').mockImplementation(async function (this: MailboxFiles) {
      removing.resolve();
      await goOn.promise;
      await remove.call(this);
    });
    const { id } = await manager.waitFor((await manager.create({ prompt: 'x' })).id);
    await removing.promise;
    const continued = manager.continue(id, 'more');
    await new Promise(setImmediate);
    expect(manager.get(id)).toMatchObject({ status: 'completed', runs: [{}] });
    goOn.resolve();
    await continued;
    await manager.waitFor(id);
    expect(begun.mock.calls).toEqual([[false]]);
    spy.mockRestore();
  });

  it('a snapshot gives its record as it was, whatever happens before its turn', async () => {
    const { manager, ended } = scene();
    const sessions = [await ended(), await ended(), await ended()];
    const [first, second, third] = sessions.map(({ id }) => id) as [string, string, string];
    const snapshot = recordsOf(manager).snapshot()[Symbol.iterator]();
    expect(snapshot.next().value).toEqual(sessions[0]);
    await manager.continue(second, 'more');
    await manager.remove(third);
    await manager.remove(first);
    expect([snapshot.next().value, snapshot.next().value, snapshot.next().done]).toEqual([...sessions.slice(1), true]);
  });
});

describe('a record that cannot be read any more', () => {
  it('a new session that waits for one that has failed fails as well', async () => {
    const { manager, stateDir, ended } = scene(() => ({ steps: [], exitCode: 1 }));
    const { id, status } = await ended();
    expect(status).toBe('failed');
    const warning = vi.spyOn(process, 'emitWarning').mockImplementation(() => {});
    rmSync(new SessionFolder(stateDir, id).record);
    const created = await manager.create({ prompt: 'x', after: [{ id }] });
    expect(created).toMatchObject({ status: 'failed', result: { reason: 'dependency_failed' } });
    warning.mockRestore();
  });

  it.each<[string, (path: string) => void]>([
    ['is missing', (path) => rmSync(path)],
    ['is damaged', (path) => truncateSync(path, 100)],
    [
      'is of another session',
      (path) => writeFileSync(path, readFileSync(path, 'utf8').replace(/"id":"[^"]*"/, '"id":"x"')),
    ],
  ])('%s: the session is left out with a warning, and every call says which file it is', async (_, spoil) => {
    const { manager, stateDir, ended } = scene();
    const [broken, whole] = [await ended({ taskId: 't' }), await ended({ taskId: 't' })];
    const { record } = new SessionFolder(stateDir, broken.id);
    const text = readFileSync(record, 'utf8');
    const warning = vi.spyOn(process, 'emitWarning').mockImplementation(() => {});
    spoil(record);
    expect(manager.get(broken.id)).toBeUndefined();
    expect(manager.list()).toEqual([whole]);
    expect(manager.list({ taskId: 't' })).toEqual([whole]);
    expect(warning.mock.calls.flat().join()).toContain(record);
    for (const call of [manager.waitFor(broken.id), manager.continue(broken.id, 'x'), manager.remove(broken.id)]) {
      expect((await errorOf(call, 'SESSION_NOT_FOUND')).message).toContain(record);
    }
    warning.mockRestore();
    writeFileSync(record, text);
    expect(manager.get(broken.id)).toEqual(broken);
  });

  it('is taken off the list by remove() if its folder is gone, and clients do not have it any more', async () => {
    const { manager, stateDir, ended } = scene();
    const [gone, stays] = [await ended(), await ended()];
    await using client = await openSessions({ stateDir });
    expect(client.list()).toHaveLength(2);
    const removed: string[] = [];
    client.on('session:removed', ({ sessionId }) => removed.push(sessionId));
    rmSync(new SessionFolder(stateDir, gone.id).path, { recursive: true });
    const warning = vi.spyOn(process, 'emitWarning').mockImplementation(() => {});
    for (let count = 0; count < 3; count++) expect(manager.list()).toEqual([stays]);
    expect(warning.mock.calls).toHaveLength(1);
    await using late = await openSessions({ stateDir });
    expect((await errorOf(manager.remove(gone.id), 'SESSION_NOT_FOUND')).message).toContain('is gone');
    expect((await errorOf(manager.remove(gone.id), 'SESSION_NOT_FOUND')).message).toContain('There is no session');
    expect(recordsOf(manager).outlines()).toMatchObject([{ id: stays.id }]);
    await eventually(() => expect(removed).toEqual([gone.id]));
    warning.mockRestore();
    const { id } = await late.continue(stays.id, 'more');
    const next = await late.waitFor(id);
    for (const each of [client, late]) await eventually(() => expect(each.list()).toEqual([next]));
  });

  it('stays, with all of its family, if the system refuses to read it now', async () => {
    const { manager, ended } = scene();
    const leader = await ended({ mode: 'orchestration' });
    const child = await ended({ parentId: leader.id });
    const readOwnFile = vi.mocked(own.readOwnFile);
    const { readOwnFile: readIt } = await vi.importActual<typeof own>(
      '../../../../src/core/orchestration/util/fs/own-file.js',
    );
    readOwnFile.mockImplementation(async (path, options) => {
      if (path.includes(child.id)) throw Object.assign(new Error('EMFILE: too many open files'), { code: 'EMFILE' });
      return readIt(path, options);
    });
    for (const call of [manager.remove(child.id), manager.continue(leader.id, 'more')]) {
      expect((await errorOf(call, 'STATE_NOT_WRITABLE')).message).toContain('EMFILE: too many open files');
    }
    readOwnFile.mockReset();
    readOwnFile.mockImplementation(readIt);
    expect(manager.list()).toEqual([leader, child]);
    await manager.continue(leader.id, 'more');
    await manager.waitFor(leader.id);
    expect(await manager.remove(child.id)).toEqual(child);
  });

  it('only a few are read at once, however many calls there are', async () => {
    const { manager, ended } = scene();
    const ids: string[] = [];
    for (let count = 0; count < 20; count++) ids.push((await ended()).id);
    const { leftSession } = await vi.importActual<typeof disk>(
      '../../../../src/core/orchestration/store/disk/left-sessions.js',
    );
    let [reading, mostReading] = [0, 0];
    vi.mocked(disk.leftSession).mockImplementation(async (...given) => {
      mostReading = Math.max(mostReading, ++reading);
      return leftSession(...given).finally(() => reading--);
    });
    await Promise.all(ids.map((id) => manager.remove(id)));
    vi.mocked(disk.leftSession).mockReset();
    vi.mocked(disk.leftSession).mockImplementation(leftSession);
    expect(mostReading).toBe(8);
    expect(manager.list()).toEqual([]);
  });

  it('stays in memory if its record is not on the disk', async () => {
    most.value = 1;
    const { manager, stateDir, ended: _ } = scene();
    const { id } = await manager.waitFor((await manager.create({ prompt: 'x' })).id);
    rmSync(new SessionFolder(stateDir, id).record);
    most.value = 0;
    const other = await manager.waitFor((await manager.create({ prompt: 'x' })).id);
    await away(manager, other.id);
    expect(manager.get(id)).toMatchObject({ status: 'completed' });
  });
});

describe('ended sessions of an earlier process', () => {
  /** A manager that is closed when these sessions have left its memory, and its successor. */
  async function restarted(change: (stateDir: string, ids: string[]) => void = () => {}) {
    const before = scene();
    const sessions = [await before.ended({ taskId: 't' }), await before.ended(), await before.ended()];
    await before.manager.close();
    change(
      before.stateDir,
      sessions.map(({ id }) => id),
    );
    const leftSessions = vi.mocked(disk.leftSessions);
    leftSessions.mockClear();
    const { manager, events, ended } = scene(DONE, { stateDir: before.stateDir });
    const report = await manager.recover();
    expect([...report.known].sort()).toEqual(sessions.map(({ id }) => id).sort());
    const readIds = leftSessions.mock.calls.flatMap(([, ids]) => ids).sort();
    return { stateDir: before.stateDir, sessions, manager, events, ended, readIds };
  }

  it('are taken over without a look at their records, and are as they were', async () => {
    const { manager, sessions, events, readIds } = await restarted();
    expect(readIds).toEqual([]);
    expect(manager.list()).toEqual(sessions);
    expect(manager.list({ taskId: 't' })).toEqual(sessions.slice(0, 1));
    expect(events).toEqual([]);
    const [first] = sessions;
    await manager.continue(first?.id ?? '', 'more');
    expect(await manager.waitFor(first?.id ?? '')).toMatchObject({ status: 'completed', runs: [{}, { number: 2 }] });
  });

  it.each<[string, (stateDir: string, ids: string[]) => void, number]>([
    ['there is no index', (stateDir) => rmSync(join(stateDir, 'ended.jsonl')), 3],
    [
      'the index is damaged',
      (stateDir) => writeFileSync(join(stateDir, 'ended.jsonl'), '{"outline":{}}\nx\n[]\nnull\n'),
      3,
    ],
    [
      'a record has been written since',
      (stateDir, [id = '']) => {
        const { record } = new SessionFolder(stateDir, id);
        writeFileSync(record, readFileSync(record));
      },
      1,
    ],
    ['a record has another time', (stateDir, [id = '']) => utimesSync(new SessionFolder(stateDir, id).record, 1, 1), 1],
  ])('are read where the index does not count: %s', async (_, change, reads) => {
    const { manager, sessions, readIds } = await restarted(change);
    expect(readIds).toHaveLength(reads);
    expect(manager.list()).toEqual(sessions);
  });

  it('leave no guard folder behind, although no index names them and no sweep looks at them', async () => {
    const guards: string[] = [];
    const { sessions, manager } = await restarted((stateDir, ids) => {
      rmSync(join(stateDir, 'ended.jsonl'));
      guards.push(...ids.map((id) => new SessionFolder(stateDir, id).guard));
      for (const guard of guards) mkdirSync(join(guard, 'requests'), { recursive: true });
    });
    await eventually(() => expect(guards.filter((guard) => existsSync(guard))).toEqual([]));
    expect(manager.list()).toEqual(sessions);
  });

  it('are removed without their variables, and continue() says why these cannot be had', async () => {
    const before = scene();
    const docker = { image: 'x', env: { SECRET: 'its own value' } };
    const [first, second] = [await before.ended({ docker }), await before.ended({ docker })];
    await before.manager.close();
    const { manager } = scene(DONE, { stateDir: before.stateDir });
    const env = vi.fn((): Record<string, string> => {
      throw new Error('the vault is locked');
    });
    await manager.recover({ env });
    expect(await manager.remove(first.id)).toEqual(first);
    expect(env).not.toHaveBeenCalled();
    await expect(manager.continue(second.id, 'more')).rejects.toThrow('the vault is locked');
    env.mockReturnValue({ SECRET: 'its own value' });
    await manager.continue(second.id, 'more');
    expect(await manager.waitFor(second.id)).toMatchObject({ status: 'completed' });
    expect(env).toHaveBeenLastCalledWith(expect.objectContaining({ id: second.id }), ['SECRET']);
  });

  it('a session that was reopened is neither lost nor there twice, although the index still names it', async () => {
    const script: SimulatedScript = (request) => (request.feedback === 'stay' ? ENDLESS(request) : DONE(request));
    const before = scene(script);
    const { id } = await before.ended();
    await before.manager.continue(id, 'stay');
    await before.manager.waitFor(id, { status: 'running' });
    await before.manager.close();
    const { manager } = scene(DONE, { stateDir: before.stateDir });
    const report = await manager.recover();
    expect(report.known).toEqual([]);
    expect(manager.list().map((session) => session.id)).toEqual([id]);
    expect((await manager.waitFor(id)).runs).toHaveLength(2);
  });

  it('the record of a session in the index that is gone is not invented', async () => {
    const before = scene();
    const [first, second] = [await before.ended(), await before.ended()];
    await before.manager.close();
    rmSync(new SessionFolder(before.stateDir, first.id).path, { recursive: true });
    const { manager } = scene(DONE, { stateDir: before.stateDir });
    expect((await manager.recover()).known).toEqual([second.id]);
    expect(manager.list()).toEqual([second]);
  });
});
