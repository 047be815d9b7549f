import { describe, expect, it, vi } from 'vitest';
import type { UnifiedSession } from '../../../../src/core/orchestration/session/record.js';
import type { SessionMode, SessionStatus } from '../../../../src/core/orchestration/session/status.js';
import { SessionRegistry } from '../../../../src/core/orchestration/store/registry.js';
import { errorOf } from '../../../support/errors.js';
import { sessionIn } from '../../../support/sessions.js';

function registryOf(
  ...sessions: [id: string, SessionStatus, taskId?: string, parentId?: string, mode?: SessionMode][]
): {
  registry: SessionRegistry;
  ids: (filter?: Parameters<SessionRegistry['list']>[0]) => string[];
} {
  const registry = new SessionRegistry();
  for (const [id, status, taskId, parentId, mode] of sessions) {
    registry.set(
      sessionIn(status, {
        id,
        ...(taskId !== undefined && { taskId }),
        ...(parentId !== undefined && { parentId }),
        ...(mode !== undefined && { mode }),
      }),
    );
  }
  return { registry, ids: (filter) => registry.list(filter).map(({ id }) => id) };
}

describe('SessionRegistry', () => {
  it('get() and require() return the latest record of a session', () => {
    const { registry } = registryOf(['a', 'queued']);
    const running = sessionIn('running', { id: 'a' });
    registry.set(running);
    expect(registry.get('a')).toBe(running);
    expect(registry.require('a')).toBe(running);
    expect(registry.get('b')).toBeUndefined();
    expect(registry.list()).toEqual([running]);
  });

  it('require() of an unknown id throws SESSION_NOT_FOUND with the id', async () => {
    const { message } = await errorOf(() => new SessionRegistry().require('no such'), 'SESSION_NOT_FOUND');
    expect(message).toContain('"no such"');
  });

  it('list() filters by task, parent, mode and status, combined with "and"', () => {
    const { ids } = registryOf(
      ['a', 'running', 'task', 'parent'],
      ['b', 'queued', 'task'],
      ['c', 'running', 'other', 'parent', 'planning'],
      ['d', 'failed'],
    );
    expect(ids()).toEqual(['a', 'b', 'c', 'd']);
    expect(ids({})).toEqual(['a', 'b', 'c', 'd']);
    expect(ids({ taskId: 'task' })).toEqual(['a', 'b']);
    expect(ids({ parentId: 'parent' })).toEqual(['a', 'c']);
    expect(ids({ mode: 'planning' })).toEqual(['c']);
    expect(ids({ status: 'running' })).toEqual(['a', 'c']);
    expect(ids({ status: ['failed', 'queued'] })).toEqual(['b', 'd']);
    expect(ids({ status: [] })).toEqual([]);
    expect(ids({ taskId: 'task', status: 'running' })).toEqual(['a']);
    expect(ids({ taskId: 'task', parentId: 'parent' })).toEqual(['a']);
    expect(ids({ parentId: 'parent', mode: 'planning', status: 'running', taskId: 'other' })).toEqual(['c']);
    expect(ids({ parentId: 'parent', taskId: 'none' })).toEqual([]);
    expect(ids({ taskId: '__proto__' })).toEqual([]);
  });

  it('list() keeps the order of creation when sessions change', () => {
    const { registry, ids } = registryOf(['a', 'queued'], ['b', 'queued'], ['c', 'queued']);
    for (const id of ['c', 'a', 'b']) registry.set(sessionIn('running', { id }));
    registry.set(sessionIn('failed', { id: 'b' }));
    registry.set(sessionIn('running', { id: 'b' }));
    expect(ids({ status: 'running' })).toEqual(['a', 'b', 'c']);
    expect(ids()).toEqual(['a', 'b', 'c']);
  });

  it('list() finds a session only under its current status', () => {
    const { registry, ids } = registryOf(['a', 'queued']);
    registry.set(sessionIn('running', { id: 'a' }));
    expect(ids({ status: 'queued' })).toEqual([]);
    expect(ids({ status: ['running', 'queued'] })).toEqual(['a']);
  });

  it('a deleted session is in no list, and new sessions still come last', () => {
    const { registry, ids } = registryOf(
      ['a', 'failed', 'task', 'parent'],
      ['b', 'failed', 'task', 'parent'],
      ['c', 'failed'],
    );
    registry.delete('a');
    registry.delete('unknown');
    expect(registry.get('a')).toBeUndefined();
    expect(ids()).toEqual(['b', 'c']);
    for (const filter of [{ taskId: 'task' }, { parentId: 'parent' }]) expect(ids(filter)).toEqual(['b']);
    registry.set(sessionIn('failed', { id: 'd' }));
    registry.set(sessionIn('running', { id: 'c' }));
    registry.set(sessionIn('failed', { id: 'c' }));
    expect(ids({ status: 'failed' })).toEqual(['b', 'c', 'd']);
    registry.delete('b');
    for (const filter of [{ taskId: 'task' }, { parentId: 'parent' }]) expect(ids(filter)).toEqual([]);
  });

  it('list() returns a new array, so that changing it does not change the registry', () => {
    const { registry, ids } = registryOf(['a', 'queued']);
    registry.list().pop();
    expect(ids()).toEqual(['a']);
  });

  it('a record that has left memory is read when it is asked for, and stays in all lists at its place', () => {
    const { registry, ids } = registryOf(['a', 'failed', 'task', 'parent'], ['b', 'queued'], ['c', 'failed', 'task']);
    const records = new Map(registry.list().map((session) => [session.id, session]));
    const reads: string[] = [];
    registry.readRecords((id) => {
      reads.push(id);
      return records.get(id) as UnifiedSession;
    });
    for (const id of ['a', 'b', 'c', 'unknown']) registry.leaveMemory(id);
    expect(['a', 'b', 'c'].map((id) => registry.isInMemory(id))).toEqual([false, true, false]);
    expect(registry.outlines({ taskId: 'task' }).map(({ id, status }) => [id, status])).toEqual([
      ['a', 'failed'],
      ['c', 'failed'],
    ]);
    expect(registry.outline('a')).not.toHaveProperty('metadata');
    expect(reads).toEqual([]);
    expect(registry.get('a')).toBe(records.get('a'));
    expect(registry.require('c')).toBe(records.get('c'));
    expect(reads).toEqual(['a', 'c']);
    for (const filter of [{}, { mode: 'autonomous' as const }]) expect(ids(filter)).toEqual(['a', 'b', 'c']);
    expect(ids({ status: 'failed' })).toEqual(['a', 'c']);
    expect(ids({ parentId: 'parent' })).toEqual(['a']);
    registry.set(sessionIn('running', { id: 'a', taskId: 'task', parentId: 'parent' }));
    expect(ids({ status: 'running' })).toEqual(['a']);
    expect(ids({ status: 'failed' })).toEqual(['c']);
    registry.delete('c');
    expect(ids()).toEqual(['a', 'b']);
  });

  it('a record that cannot be read is in no list, and require() says why', async () => {
    const { registry, ids } = registryOf(['a', 'failed'], ['b', 'failed']);
    registry.leaveMemory('a');
    const warning = vi.spyOn(process, 'emitWarning').mockImplementation(() => {});
    registry.readRecords(() => {
      throw new Error('the disk is gone');
    });
    expect(ids()).toEqual(['b']);
    expect(registry.get('a')).toBeUndefined();
    expect(warning.mock.calls).toEqual([[expect.stringContaining('the disk is gone'), 'SessionRecordUnreadable']]);
    warning.mockRestore();
    const { message } = await errorOf(() => registry.require('a'), 'SESSION_NOT_FOUND');
    expect(message).toContain('the disk is gone');
  });

  it('ended() gives the ended sessions in the order of their ends, also after they have changed', () => {
    const registry = new SessionRegistry();
    const put = (id: string, endedAt: number): void => registry.set({ ...sessionIn('failed', { id }), endedAt });
    const ended = (): string[] => [...registry.ended()].map(({ id }) => id);
    put('a', 5);
    put('b', 3);
    put('c', 5);
    registry.set(sessionIn('running', { id: 'd' }));
    expect(ended()).toEqual(['b', 'a', 'c']);
    expect(registry.endedCount).toBe(3);
    registry.set(sessionIn('running', { id: 'a' }));
    put('d', 1);
    put('b', 9);
    registry.leaveMemory('c');
    expect(ended()).toEqual(['d', 'c', 'b']);
    registry.delete('c');
    expect(ended()).toEqual(['d', 'b']);
    expect([...registry.open()].map(({ id }) => id)).toEqual(['a']);
  });
});
