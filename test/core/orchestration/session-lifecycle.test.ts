import { describe, expect, it } from 'vitest';
import { OrchestrationError } from '../../../src/core/orchestration/errors.js';
import {
  isActive,
  isTerminal,
  LEGAL_FROM,
  reduceSession,
  type SessionAction,
} from '../../../src/core/orchestration/session-lifecycle.js';
import type { SessionStatus, UnifiedSession } from '../../../src/core/orchestration/types.js';
import { unfrozenParts } from '../../support/frozen.js';
import { afterActions, createdSession, runningSession, sessionIn } from '../../support/sessions.js';

type ActionType = Exclude<SessionAction['type'], 'created'>;

const ACTIONS: { [Type in ActionType]: Extract<SessionAction, { type: Type }> } = {
  moved: { type: 'moved', queuePosition: 7 },
  launching: { type: 'launching', at: 50 },
  placed: { type: 'placed', logFile: '/log', containerName: 'ao-1', environment: { worktree: '/tree', branch: 'b' } },
  running: { type: 'running', at: 51, containerId: 'c2' },
  observed: { type: 'observed', at: 52, observations: [{ kind: 'message', text: 'hello', first: true }] },
  ended: { type: 'ended', at: 53, status: 'failed', result: { exitCode: 1, reason: 'error', error: 'why' } },
  continued: { type: 'continued', at: 54, feedback: 'again' },
};

/** Written out by hand: status → legal action → next status. What is not here is illegal. */
const NEXT: Record<SessionStatus, Partial<Record<ActionType, SessionStatus>>> = {
  queued: { moved: 'queued', launching: 'starting', ended: 'failed' },
  starting: {
    launching: 'starting',
    placed: 'starting',
    running: 'running',
    observed: 'starting',
    ended: 'failed',
    continued: 'starting',
  },
  running: { observed: 'running', ended: 'failed', continued: 'starting' },
  paused: { observed: 'paused', ended: 'failed', continued: 'starting' },
  waiting_feedback: { observed: 'waiting_feedback', ended: 'failed', continued: 'starting' },
  completed: { continued: 'starting' },
  failed: { continued: 'starting' },
  cancelled: { continued: 'starting' },
};

const STATUSES = Object.keys(NEXT) as SessionStatus[];
const PAIRS = STATUSES.flatMap((status) =>
  (Object.keys(ACTIONS) as ActionType[]).map((type) => ({ status, type, next: NEXT[status][type] })),
);

describe('the table of legal transitions', () => {
  it.each(PAIRS.filter(({ next }) => next))("$status + '$type' leads to $next", ({ status, type, next }) => {
    const needsRun = type === 'placed' || type === 'running';
    const before = needsRun ? afterActions(sessionIn(status), ACTIONS.launching) : sessionIn(status);
    const snapshot = structuredClone(before);
    const result = reduceSession(before, ACTIONS[type]);
    expect(result.status).toBe(next);
    expect(result).not.toBe(before);
    expect(before).toEqual(snapshot);
    expect(unfrozenParts(result)).toEqual([]);
    expect(LEGAL_FROM[type]).toContain(status);
  });

  it.each(PAIRS.filter(({ next }) => !next))("$status refuses '$type' and stays as it is", ({ status, type }) => {
    const before = sessionIn(status);
    const snapshot = structuredClone(before);
    const attempt = (): UnifiedSession => reduceSession(before, ACTIONS[type]);
    expect(attempt).toThrow(OrchestrationError);
    expect(attempt).toThrow(expect.objectContaining({ code: 'ILLEGAL_TRANSITION' }));
    expect(attempt).toThrow(`Session session is '${status}'`);
    expect(attempt).toThrow(`'${type}' is not possible`);
    expect(before).toEqual(snapshot);
    expect(LEGAL_FROM[type]).not.toContain(status);
  });

  it.each([ACTIONS.placed, ACTIONS.running])("'$type' needs a run that was launched", (action) => {
    expect(() => reduceSession(sessionIn('starting'), action)).toThrow(
      expect.objectContaining({ code: 'ILLEGAL_TRANSITION' }),
    );
  });

  it.each(Object.values(ACTIONS))("'$type' needs a session", (action) => {
    expect(() => reduceSession(undefined, action)).toThrow(expect.objectContaining({ code: 'ILLEGAL_TRANSITION' }));
  });

  it.each(STATUSES)('a session that is %s cannot be created again', (status) => {
    const created: SessionAction = { type: 'created', at: 60, session: sessionIn(status) };
    expect(() => reduceSession(sessionIn(status), created)).toThrow(
      expect.objectContaining({ code: 'ILLEGAL_TRANSITION' }),
    );
  });

  it('gives each status exactly one of queued, active and terminal', () => {
    expect(STATUSES.filter(isActive)).toEqual(['starting', 'running', 'paused', 'waiting_feedback']);
    expect(STATUSES.filter(isTerminal)).toEqual(['completed', 'failed', 'cancelled']);
  });

  it('refuses to launch a second run while one is open', () => {
    const launched = afterActions(createdSession(), { type: 'launching', at: 2 });
    expect(() => reduceSession(launched, { type: 'launching', at: 3 })).toThrow(
      expect.objectContaining({ code: 'ILLEGAL_TRANSITION' }),
    );
  });
});

describe('a session from its creation to its end', () => {
  it('waits with its position and loses it when it starts', () => {
    const queued = createdSession({ queuePosition: 2 });
    expect(queued).toMatchObject({ status: 'queued', queuePosition: 2, runs: [] });
    const moved = afterActions(queued, { type: 'moved', queuePosition: 1 });
    expect(moved.queuePosition).toBe(1);
    const starting = afterActions(moved, { type: 'launching', at: 10 });
    expect(starting).not.toHaveProperty('queuePosition');
    expect(starting.runs).toEqual([{ number: 1, launchedAt: 10 }]);
  });

  it('starts without a position where it got a slot at once', () => {
    const session = createdSession();
    expect(session.status).toBe('starting');
    expect(session).not.toHaveProperty('queuePosition');
  });

  it('keeps what is known of its place', () => {
    const session = afterActions(createdSession(), ACTIONS.launching, ACTIONS.placed, ACTIONS.running);
    expect(session.logFile).toBe('/log');
    expect(session.environment).toEqual({
      docker: true,
      dockerImage: 'image',
      cwd: '/work',
      worktree: '/tree',
      branch: 'b',
    });
    expect(session.runs).toEqual([
      { number: 1, launchedAt: 50, containerName: 'ao-1', startedAt: 51, containerId: 'c2' },
    ]);
    expect(session.startedAt).toBe(51);
  });

  it('closes its run with the exit code when it ends', () => {
    const ended = afterActions(runningSession(), ACTIONS.ended);
    expect(ended).toMatchObject({ endedAt: 53, result: { exitCode: 1, reason: 'error', error: 'why' } });
    expect(ended.runs).toEqual([
      { number: 1, launchedAt: 2, startedAt: 3, containerId: 'c1', endedAt: 53, exitCode: 1 },
    ]);
  });

  it('has no run and no start where it is cancelled in the queue', () => {
    const cancelled = afterActions(createdSession({ queuePosition: 1 }), {
      type: 'ended',
      at: 5,
      status: 'cancelled',
      result: { reason: 'cancelled' },
    });
    expect(cancelled).toMatchObject({ status: 'cancelled', endedAt: 5, runs: [] });
    expect(cancelled).not.toHaveProperty('queuePosition');
    expect(cancelled).not.toHaveProperty('startedAt');
  });

  it('does not take over objects that the action still owns', () => {
    const result = { exitCode: 0, reason: 'success' };
    const ended = afterActions(runningSession(), { type: 'ended', at: 4, status: 'completed', result });
    result.reason = 'changed';
    expect(ended.result?.reason).toBe('success');
    const tokens = { input: 1, output: 2, cacheRead: 3, cacheCreation: 4 };
    const observation = { kind: 'result', subtype: 'success', isError: false, tokens } as const;
    afterActions(runningSession(), { type: 'observed', at: 4, observations: [observation] });
    expect(Object.isFrozen(tokens)).toBe(false);
  });
});

describe('a continued session', () => {
  it('keeps the first start, drops the end and adds a run with the feedback', () => {
    const continued = afterActions(sessionIn('completed'), {
      type: 'continued',
      at: 20,
      feedback: 'more',
      queuePosition: 3,
    });
    expect(continued).toMatchObject({ status: 'queued', queuePosition: 3, startedAt: 3 });
    expect(continued).not.toHaveProperty('endedAt');
    expect(continued).not.toHaveProperty('result');
    expect(continued.runs).toHaveLength(2);
    expect(continued.runs[1]).toEqual({ number: 2, feedback: 'more' });
    const running = afterActions(continued, { type: 'launching', at: 21 }, { type: 'running', at: 22 });
    expect(running.runs[1]).toEqual({ number: 2, feedback: 'more', launchedAt: 21, startedAt: 22 });
    expect(running.startedAt).toBe(3);
  });

  it('closes the run that was stopped for it', () => {
    const continued = afterActions(runningSession(), { type: 'continued', at: 20, feedback: 'more', exitCode: 143 });
    expect(continued.runs[0]).toMatchObject({ number: 1, endedAt: 20, exitCode: 143 });
    expect(continued.runs[1]).toEqual({ number: 2, feedback: 'more' });
  });
});
