import { mkdirSync, readFileSync, rmdirSync } from 'node:fs';
import { join } from 'node:path';
import { setImmediate as turn } from 'node:timers/promises';
import { describe, expect, it, vi } from 'vitest';
import { SessionFolder } from '../../../../../src/core/orchestration/contract/session-folder.js';
import { resolveCreateOptions, resolveManagerOptions } from '../../../../../src/core/orchestration/options/resolve.js';
import type { SessionAction } from '../../../../../src/core/orchestration/session/actions.js';
import type { UnifiedSession } from '../../../../../src/core/orchestration/session/record.js';
import { reduceSession } from '../../../../../src/core/orchestration/session/reducer.js';
import { SessionJournal } from '../../../../../src/core/orchestration/store/disk/session-journal.js';
import type { StoredRecord } from '../../../../../src/core/orchestration/store/disk/stored-record.js';
import type { StoredSpec } from '../../../../../src/core/orchestration/store/disk/stored-spec.js';
import { deferred } from '../../../../../src/core/orchestration/util/deferred.js';
import type { OrchestrationError } from '../../../../../src/core/orchestration/util/errors.js';
import * as atomicFile from '../../../../../src/core/orchestration/util/fs/atomic-file.js';
import { errorOf } from '../../../../support/errors.js';
import { afterActions, createdSession, guardRequest, sessionIn } from '../../../../support/sessions.js';
import { tempFolder } from '../../../../support/temp-folder.js';

vi.mock('../../../../../src/core/orchestration/util/fs/atomic-file.js', { spy: true });
const writes = vi.mocked(atomicFile.writeAtomically);

const ID = 'abcdefghijkl';
const LAUNCHED: SessionAction = { type: 'launching', at: 2 };
const RUNNING: SessionAction = { type: 'running', at: 3 };

/** A journal, and a session that changes as the store would change it. */
async function scene(id = ID, stateDir = tempFolder()) {
  const manager = resolveManagerOptions({ stateDir });
  const errors: [string, OrchestrationError][] = [];
  const journal = new SessionJournal(manager);
  journal.onFailure((...error) => void errors.push(error));
  const folder = new SessionFolder(stateDir, id);
  await folder.create();
  let session = createdSession({ id });
  const begin = (one = session) =>
    journal.begin(folder, resolveCreateOptions(one.id, { prompt: 'x', docker: { env: { A: '1' } } }, manager), one);
  const change = (...actions: SessionAction[]): UnifiedSession => {
    for (const action of actions) {
      session = reduceSession(session, action);
      journal.note(session, action);
    }
    return session;
  };
  const onDisk = (): StoredRecord => JSON.parse(readFileSync(folder.record, 'utf8'));
  /** A path that keeps the record from being written if it is a folder. */
  const obstacle = join(folder.path, '.session.json.part');
  return { journal, folder, begin, change, onDisk, errors, obstacle, stateDir, manager };
}

describe('a new session in the journal', () => {
  it('a new session is on disk with its specification when begin() resolves', async () => {
    const { begin, onDisk, folder } = await scene();
    await begin();
    expect(onDisk()).toMatchObject({ version: 1, ticket: 1, session: { id: ID, status: 'starting' } });
    const spec = JSON.parse(readFileSync(folder.spec, 'utf8')) as StoredSpec;
    expect(spec).toMatchObject({ version: 1, spec: { id: ID, prompt: { text: 'x' } }, ownEnv: ['A'] });
  });

  it("a new session's specification is written before its record", async () => {
    const { begin, folder } = await scene();
    writes.mockClear();
    await begin();
    expect(writes.mock.calls.map(([path]) => path)).toEqual([folder.spec, folder.record]);
  });

  it('begin() rejects if the disk refuses, and the journal does not keep the session', async () => {
    const { begin, obstacle, journal, change, errors } = await scene();
    mkdirSync(obstacle);
    const { message, cause } = await errorOf(begin(), 'STATE_NOT_WRITABLE');
    expect(message).toMatch(/^Option 'stateDir': .*abcdefghijkl"? cannot be used \(.*EISDIR/);
    expect(cause).toMatchObject({ code: 'EISDIR' });
    change(LAUNCHED);
    await journal.settled();
    expect(errors).toEqual([]);
  });
});

describe('a change of a session in the journal', () => {
  const run: SessionAction[] = [LAUNCHED, RUNNING];
  const TABLE: [SessionAction['type'], UnifiedSession, SessionAction, boolean][] = [
    ['launching', sessionIn('starting'), LAUNCHED, true],
    ['placed', afterActions(createdSession(), LAUNCHED), { type: 'placed', logFile: '/l', logOffset: 5 }, true],
    [
      'spawned',
      afterActions(createdSession(), LAUNCHED),
      { type: 'spawned', process: { pid: 1, startedAt: '' } },
      true,
    ],
    ['running', afterActions(createdSession(), LAUNCHED), RUNNING, true],
    ['paused', sessionIn('running'), { type: 'paused', at: 9 }, true],
    ['resumed', sessionIn('paused'), { type: 'resumed', at: 9, deadlines: [] }, true],
    ['stopping', sessionIn('running'), { type: 'stopping', stop: { status: 'failed', reason: 'r', error: 'e' } }, true],
    ['exited', sessionIn('running'), { type: 'exited', end: { exitCode: 3 } }, true],
    ['suspended', sessionIn('running'), { type: 'suspended', at: 9, resumeAt: 10 }, true],
    ['ended', sessionIn('running'), { type: 'ended', at: 9, status: 'failed', result: { reason: 'error' } }, true],
    ['continued', sessionIn('completed'), { type: 'continued', at: 9, feedback: 'more' }, true],
    ['moved', sessionIn('queued'), { type: 'moved', queuePosition: 1 }, false],
    [
      'observed',
      sessionIn('running'),
      { type: 'observed', at: 9, observations: [{ kind: 'message', text: 'x', first: true }] },
      false,
    ],
    ['asked', sessionIn('running'), { type: 'asked', at: 9, request: guardRequest('1') }, false],
    [
      'denied',
      sessionIn('running'),
      { type: 'denied', at: 9, denial: { toolUseId: 't', tool: 'Bash', input: {}, reason: 'r', by: 'policy' } },
      false,
    ],
    ['steered', sessionIn('running'), { type: 'steered', at: 9, message: 'm' }, false],
  ];

  it.each(TABLE)("a change '%s' is written to disk, or not if the log has it", async (_, before, action, isWritten) => {
    const { journal, folder, onDisk } = await scene();
    const session = { ...before, id: ID };
    journal.restore(folder, session, 3);
    writes.mockClear();
    const next = reduceSession(session, action);
    journal.note(next, action);
    await journal.saved(ID);
    expect(writes).toHaveBeenCalledTimes(isWritten ? 1 : 0);
    if (isWritten) expect(onDisk().session.status).toBe(next.status);
  });

  it('a change of an unknown session is ignored', async () => {
    const { journal, change } = await scene();
    writes.mockClear();
    change(...run);
    await journal.saved(ID);
    await journal.settled();
    expect(writes).not.toHaveBeenCalled();
  });

  it('nothing is written for a removed session', async () => {
    const { journal, begin, change, onDisk } = await scene();
    await begin();
    change(LAUNCHED, RUNNING, { type: 'ended', at: 4, status: 'completed', result: { reason: 'success' } });
    await journal.saved(ID);
    const before = onDisk();
    writes.mockClear();
    change({ type: 'removed' }, { type: 'worktree-removed' });
    await journal.saved(ID);
    expect([onDisk(), writes.mock.calls]).toEqual([before, []]);
  });

  it('all changes of one turn are written once', async () => {
    const { begin, change, journal, onDisk } = await scene();
    await begin();
    writes.mockClear();
    change(...run, { type: 'paused', at: 4 }, { type: 'resumed', at: 5, deadlines: [] });
    await journal.saved(ID);
    expect(writes).toHaveBeenCalledTimes(1);
    expect(onDisk().session).toMatchObject({ status: 'running', runs: [{ launchedAt: 2, startedAt: 3 }] });
  });

  it('a change during a write is written afterwards, and saved() waits for it', async () => {
    const { begin, change, journal, onDisk } = await scene();
    await begin();
    writes.mockClear();
    const [writing, gate] = [deferred<void>(), deferred<void>()];
    writes.mockImplementationOnce(() => {
      writing.resolve();
      return gate.promise;
    });
    change(LAUNCHED);
    await writing.promise;
    change(RUNNING);
    const saved = vi.fn();
    void journal.saved(ID).then(saved);
    await turn();
    expect(saved).not.toHaveBeenCalled();
    gate.resolve();
    await journal.saved(ID);
    expect(onDisk().session.status).toBe('running');
    expect(writes).toHaveBeenCalledTimes(2);
  });

  it('a change of an open run is written with the metadata from before the run', async () => {
    const { begin, change, journal, onDisk } = await scene();
    await begin();
    change(...run, {
      type: 'observed',
      at: 4,
      observations: [{ kind: 'message', text: 'x', first: true }],
    });
    change({ type: 'exited', end: { exitCode: 0 } });
    await journal.saved(ID);
    expect(onDisk().session.metadata.messages).toBe(0);
    change({ type: 'ended', at: 9, status: 'completed', result: { reason: 'success' } });
    await journal.saved(ID);
    expect(onDisk().session.metadata.messages).toBe(1);
    change({ type: 'continued', at: 10, feedback: 'more' }, { type: 'launching', at: 11 });
    change({ type: 'observed', at: 12, observations: [{ kind: 'message', text: 'y', first: true }] });
    change({ type: 'exited', end: { exitCode: 0 } });
    await journal.saved(ID);
    expect(onDisk().session.metadata.messages).toBe(1);
  });

  it('a change right after saved() is called does not make saved() reject', async () => {
    const { begin, change, journal } = await scene();
    await begin();
    const saved = journal.saved(ID);
    change(LAUNCHED);
    await expect(saved).resolves.toBeUndefined();
    await journal.settled();
  });
});

describe('a disk that refuses writes', () => {
  it('each failed write is reported once, and the next change is written again', async () => {
    const { begin, change, journal, onDisk, errors, obstacle } = await scene();
    await begin();
    mkdirSync(obstacle);
    change(LAUNCHED);
    const { message } = await errorOf(journal.saved(ID), 'STATE_NOT_WRITABLE');
    expect(message).toContain('EISDIR');
    expect(errors).toMatchObject([[ID, { code: 'STATE_NOT_WRITABLE' }]]);
    await errorOf(journal.saved(ID), 'STATE_NOT_WRITABLE');
    expect(onDisk().session.runs).toEqual([]);

    change({ type: 'placed', logFile: '/l', logOffset: 5 });
    await journal.settled();
    expect(errors).toHaveLength(2);
    rmdirSync(obstacle);
    change(RUNNING);
    await journal.saved(ID);
    expect(onDisk().session).toMatchObject({ status: 'running', runs: [{ logOffset: 5, startedAt: 3 }] });
    expect(errors).toHaveLength(2);
  });

  it('settled() resolves even if the disk refuses', async () => {
    const { begin, change, journal, obstacle } = await scene();
    await begin();
    mkdirSync(obstacle);
    change(LAUNCHED);
    await expect(journal.settled()).resolves.toBeUndefined();
  });
});

describe('queue tickets', () => {
  it('a continued session gets a new ticket, behind newer sessions', async () => {
    const stateDir = tempFolder();
    const { journal, begin, change, manager } = await scene('aaaaaaaaaaaa', stateDir);
    await begin();
    const second = createdSession({ id: 'bbbbbbbbbbbb' });
    const folder = new SessionFolder(stateDir, second.id);
    await folder.create();
    await journal.begin(folder, resolveCreateOptions(second.id, { prompt: 'x' }, manager), second);
    change(LAUNCHED, { type: 'ended', at: 3, status: 'failed', result: { reason: 'error' } });
    change({ type: 'continued', at: 4, feedback: 'more', queuePosition: 1 });
    await journal.settled();
    const ticketOf = (id: string): number =>
      JSON.parse(readFileSync(new SessionFolder(stateDir, id).record, 'utf8')).ticket;
    expect([ticketOf('aaaaaaaaaaaa'), ticketOf('bbbbbbbbbbbb')]).toEqual([3, 2]);
  });

  it('new tickets continue after those of an earlier manager, whose tickets stay', async () => {
    const { journal, folder, begin, change, onDisk } = await scene();
    const stateDir = tempFolder();
    for (const [id, ticket] of [
      ['cccccccccccc', 40],
      ['dddddddddddd', 7],
    ] as const)
      journal.restore(new SessionFolder(stateDir, id), createdSession({ id }), ticket);
    await begin();
    expect(onDisk().ticket).toBe(41);
    journal.restore(folder, createdSession({ id: ID }), 12);
    change(LAUNCHED);
    await journal.saved(ID);
    expect(onDisk().ticket).toBe(12);
  });
});
