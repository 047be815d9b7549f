import { describe, expect, it } from 'vitest';
import type { SessionStatus } from '../../../../src/core/orchestration/session/status.js';
import { SessionWaiters } from '../../../../src/core/orchestration/store/waiters.js';
import { errorOf } from '../../../support/errors.js';
import { sessionIn } from '../../../support/sessions.js';

const RUNNING = sessionIn('running');

describe('SessionWaiters', () => {
  it.each(['completed', 'failed', 'cancelled'] as const)(
    'wait() resolves with the record when the session is %s',
    async (status) => {
      const waiters = new SessionWaiters();
      const waiting = waiters.wait(RUNNING, {});
      const ended = sessionIn(status);
      waiters.notify(ended);
      expect(await waiting).toBe(ended);
    },
  );

  it('wait() resolves at once if the session has ended or already has the status', async () => {
    const waiters = new SessionWaiters();
    const ended = sessionIn('failed');
    expect(await waiters.wait(ended, {})).toBe(ended);
    expect(await waiters.wait(RUNNING, { status: 'running' })).toBe(RUNNING);
  });

  it.each([
    ['one status', 'running'],
    ['one of several', ['paused', 'running']],
  ] as [string, SessionStatus | SessionStatus[]][])(
    'wait() resolves when the session reaches %s',
    async (_, status) => {
      const waiters = new SessionWaiters();
      const waiting = waiters.wait(sessionIn('queued'), { status });
      waiters.notify(sessionIn('starting'));
      waiters.notify(RUNNING);
      expect((await waiting).status).toBe('running');
    },
  );

  it('wait() rejects with the final status if the session ends without reaching the wanted status', async () => {
    const waiters = new SessionWaiters();
    const waiting = waiters.wait(RUNNING, { status: ['paused', 'completed'] });
    waiters.notify(sessionIn('failed'));
    const { message } = await errorOf(waiting, 'ILLEGAL_TRANSITION');
    expect(message).toBe("Session session ended as 'failed' without reaching paused or completed.");
    await errorOf(waiters.wait(sessionIn('failed'), { status: 'running' }), 'ILLEGAL_TRANSITION');
  });

  it('wait() ignores other sessions', async () => {
    const waiters = new SessionWaiters();
    const waiting = waiters.wait(RUNNING, {});
    waiters.notify(sessionIn('failed', { id: 'other' }));
    waiters.notify(sessionIn('completed'));
    expect((await waiting).status).toBe('completed');
  });

  it('several wait() calls for one session settle independently', async () => {
    const waiters = new SessionWaiters();
    const all = [{}, { status: 'failed' as const }, { status: 'paused' as const }].map((options) =>
      waiters.wait(RUNNING, options).then(
        ({ status }) => status,
        (error: { code: string }) => error.code,
      ),
    );
    waiters.notify(sessionIn('failed'));
    expect(await Promise.all(all)).toEqual(['failed', 'failed', 'ILLEGAL_TRANSITION']);
  });

  it('wait() rejects with the reason of an aborted signal', async () => {
    const waiters = new SessionWaiters();
    const abort = new AbortController();
    const waiting = waiters.wait(RUNNING, { signal: abort.signal });
    const reason = new Error('enough');
    abort.abort(reason);
    await expect(waiting).rejects.toBe(reason);
    await expect(waiters.wait(RUNNING, { signal: abort.signal })).rejects.toBe(reason);
  });

  it('wait() removes its listener from the signal when the session ends', async () => {
    const waiters = new SessionWaiters();
    const listeners: string[] = [];
    const { signal } = new AbortController();
    signal.addEventListener = (type: string) => void listeners.push(`+${type}`);
    signal.removeEventListener = (type: string) => void listeners.push(`-${type}`);
    const waiting = waiters.wait(RUNNING, { signal });
    waiters.notify(sessionIn('completed'));
    await waiting;
    expect(listeners).toEqual(['+abort', '-abort']);
  });

  it('all wait() calls reject when the manager closes', async () => {
    const waiters = new SessionWaiters();
    const waiting = [RUNNING, sessionIn('queued', { id: 'other' })].map((session) => waiters.wait(session, {}));
    const closed = new Error('closed');
    waiters.rejectAll(closed);
    expect(await Promise.allSettled(waiting)).toEqual([
      { status: 'rejected', reason: closed },
      { status: 'rejected', reason: closed },
    ]);
  });
});
