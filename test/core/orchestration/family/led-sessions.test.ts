import { describe, expect, it, vi } from 'vitest';
import { LedSessions, type SessionCommands } from '../../../../src/core/orchestration/family/led-sessions.js';
import type { SessionTree } from '../../../../src/core/orchestration/family/session-tree.js';
import type { SlotLease } from '../../../../src/core/orchestration/run/slot-lease.js';
import type { CreateSessionOptions } from '../../../../src/core/orchestration/session/create-options.js';
import type { UnifiedSession } from '../../../../src/core/orchestration/session/record.js';
import type { SessionStatus } from '../../../../src/core/orchestration/session/status.js';
import { deferred } from '../../../../src/core/orchestration/util/deferred.js';
import { fakeClock } from '../../../support/clock.js';
import { errorOf } from '../../../support/errors.js';
import { afterActions, sessionIn } from '../../../support/sessions.js';

function scene(
  statuses: Record<string, SessionStatus>,
  { requestId = 'request', signal = new AbortController().signal, resting = false } = {},
) {
  const sessions = new Map(Object.entries(statuses).map(([id, status]) => [id, sessionIn(status, { id })]));
  const ends = new Map(Object.keys(statuses).map((id) => [id, deferred<UnifiedSession>()]));
  const waited: AbortSignal[] = [];
  const created: [CreateSessionOptions, string][] = [];
  const commands: SessionCommands = {
    recovered: async () => true,
    async create(options, id) {
      created.push([options, id]);
      return sessionIn('starting', { id });
    },
    continue: vi.fn(async (id: string) => sessionIn('starting', { id })),
    cancel: vi.fn(async (id: string) => sessionIn('cancelled', { id })),
    waitFor(id, options) {
      waited.push(options.signal);
      const aborted = new Promise<never>((_, reject) => {
        options.signal.addEventListener('abort', () => reject(new Error('aborted')));
      });
      return Promise.race([ends.get(id)?.promise ?? aborted, aborted]);
    },
  };
  const rested = vi.fn();
  const rest = {
    resting,
    async during<T>(work: () => Promise<T>): Promise<T> {
      rested();
      return work();
    },
  } as SlotLease;
  const family = { below: () => [...sessions.values()] } as Partial<SessionTree> as SessionTree;
  const led = new LedSessions({ leaderId: 'lead', tree: family, commands, lease: rest, requestId, signal });
  const end = (id: string, status: SessionStatus = 'completed'): void => {
    const session = sessionIn(status, { id });
    sessions.set(id, session);
    ends.get(id)?.resolve(session);
  };
  const replace = (session: UnifiedSession): void => void sessions.set(session.id, session);
  return { led, commands, created, rested, waited, end, replace };
}

const statusesOf = (sessions: readonly UnifiedSession[]): string[] => sessions.map(({ status }) => status);
const LONG = { any: false, timeoutMs: 60_000 };

describe('a wait for sessions that have already ended', () => {
  it.each([true, false])(
    'a wait for ended sessions wakes the leader only if it was resting when it was adopted: %s',
    async (resting) => {
      const { led, rested } = scene({ a: 'completed' }, { resting });
      expect(statusesOf(await led.wait(['a'], LONG))).toEqual(['completed']);
      expect(rested).toHaveBeenCalledTimes(resting ? 1 : 0);
    },
  );
});

describe('a session that a leader creates', () => {
  it('a created session is a child of its leader', async () => {
    const { led, created } = scene({});
    await led.create({ prompt: 'x', mode: 'planning' });
    expect(created[0]?.[0]).toEqual({ prompt: 'x', mode: 'planning', parentId: 'lead' });
  });

  it('a repeated request creates a session with the same id, another request one with another id', async () => {
    const idOf = async (requestId: string): Promise<string | undefined> => {
      const { led, created } = scene({}, { requestId });
      await led.create({ prompt: 'x' });
      return created[0]?.[1];
    };
    expect(await idOf('one')).toBe(await idOf('one'));
    const ids = await Promise.all(Array.from({ length: 200 }, (_, at) => idOf(`request ${at}`)));
    expect(new Set(ids).size).toBe(200);
    // The same form as every session id, because ids are part of file and container names.
    for (const id of ids) expect(id).toMatch(/^[0-9a-z]{12}$/);
  });
});

describe('access to sessions by id', () => {
  it.each(['lead', 'stranger', '', '__proto__', '../a'])(
    'a leader does not find session %j, which it does not lead',
    async (id) => {
      const { led, commands } = scene({ a: 'running' });
      const calls: (() => unknown)[] = [
        () => led.get(id),
        () => led.wait(['a', id], LONG),
        () => led.continue(id, 'x'),
        () => led.cancel(id, 'x'),
      ];
      for (const call of calls) await errorOf(async () => call(), 'SESSION_NOT_FOUND');
      expect(commands.continue).not.toHaveBeenCalled();
      expect(commands.cancel).not.toHaveBeenCalled();
    },
  );

  it('a command that an earlier process may have carried out does not continue the session again', async () => {
    const ended = { type: 'ended', at: 70, status: 'completed', result: { reason: 'success' } } as const;
    const continued = { type: 'continued', at: 60, feedback: 'More.', commandId: 'one' } as const;
    const again = afterActions(sessionIn('completed', { id: 'a' }), continued);
    const stop = { status: 'cancelled', reason: 'cancelled', error: 'x', feedback: 'More.', commandId: 'one' } as const;
    for (const session of [
      again,
      afterActions(again, ended),
      afterActions(sessionIn('running', { id: 'a' }), { type: 'stopping', stop }),
    ]) {
      const { led, commands, replace } = scene({ a: 'running' }, { requestId: 'one' });
      replace(session);
      expect(await led.continue('a', 'More.')).toMatchObject({ id: 'a', status: session.status });
      expect(commands.continue).not.toHaveBeenCalled();
    }
  });

  it('a second command with the same feedback continues the session', async () => {
    const { led, commands, replace } = scene({ a: 'running' }, { requestId: 'two' });
    const continued = { type: 'continued', at: 60, feedback: 'More.', commandId: 'one' } as const;
    replace(afterActions(sessionIn('completed', { id: 'a' }), continued, { type: 'launching', at: 61 }));
    await led.continue('a', 'More.');
    expect(commands.continue).toHaveBeenCalledWith('a', 'More.', {}, 'two');
  });

  it('a leader can continue and cancel its own sessions', async () => {
    const { led, commands } = scene({ a: 'running' });
    await led.continue('a', 'More.');
    await led.cancel('a', 'Enough.');
    expect(commands.continue).toHaveBeenCalledWith('a', 'More.', {}, 'request');
    expect(commands.cancel).toHaveBeenCalledWith('a', 'Enough.');
  });
});

describe('waiting for led sessions', () => {
  it.each([
    ['all have ended', { a: 'completed', b: 'failed' }, false],
    ['one has ended, and one is enough', { a: 'running', b: 'failed' }, true],
    ['no session is named', {}, false],
  ] as [string, Record<string, SessionStatus>, boolean][])('a wait ends at once if %s', async (_, statuses, any) => {
    const { led, rested } = scene(statuses);
    expect(statusesOf(await led.wait(Object.keys(statuses), { any, timeoutMs: 60_000 }))).toEqual(
      Object.values(statuses),
    );
    expect(rested).not.toHaveBeenCalled();
  });

  it('a wait for all sessions ends with the last one, and the leader rests until then', async () => {
    const { led, rested, end } = scene({ a: 'running', b: 'queued' });
    const over = vi.fn();
    const waiting = led.wait(['a', 'b'], LONG).finally(over);
    expect(rested).toHaveBeenCalledOnce();
    end('b', 'failed');
    await Promise.resolve();
    expect(over).not.toHaveBeenCalled();
    end('a');
    expect(statusesOf(await waiting)).toEqual(['completed', 'failed']);
  });

  it('a wait for any session ends with the first one, and stops waiting for the others', async () => {
    const { led, end, waited } = scene({ a: 'running', b: 'running' });
    const waiting = led.wait(['a', 'b'], { any: true, timeoutMs: 60_000 });
    end('b');
    expect(statusesOf(await waiting)).toEqual(['running', 'completed']);
    expect(waited.map(({ aborted }) => aborted)).toEqual([true, true]);
  });

  it('a wait ends at its timeout with the sessions as they are', async () => {
    fakeClock();
    const { led, waited } = scene({ a: 'running' });
    const waiting = led.wait(['a'], { any: false, timeoutMs: 5_000 });
    vi.advanceTimersByTime(4_999);
    expect(waited[0]?.aborted).toBe(false);
    vi.advanceTimersByTime(1);
    expect(statusesOf(await waiting)).toEqual(['running']);
    expect(vi.getTimerCount()).toBe(0);
  });

  it('a wait ends when its request is withdrawn', async () => {
    const withdrawn = new AbortController();
    const { led } = scene({ a: 'running' }, { signal: withdrawn.signal });
    const waiting = led.wait(['a'], LONG);
    withdrawn.abort();
    expect(statusesOf(await waiting)).toEqual(['running']);
  });

  it("a wait fails if the manager's waitFor() fails", async () => {
    const { led, commands } = scene({ a: 'running' });
    commands.waitFor = () => Promise.reject(new Error('closed'));
    await expect(led.wait(['a'], LONG)).rejects.toThrow('closed');
  });
});
