import { describe, expect, it } from 'vitest';
import type { SessionAction } from '../../../../src/core/orchestration/session/actions.js';
import type { UnifiedSession } from '../../../../src/core/orchestration/session/record.js';
import { reduceSession } from '../../../../src/core/orchestration/session/reducer.js';
import type { SessionStatus } from '../../../../src/core/orchestration/session/status.js';
import { isActive, isTerminal, STATUSES } from '../../../../src/core/orchestration/session/status.js';
import { LEGAL_FROM } from '../../../../src/core/orchestration/session/transitions.js';
import { OrchestrationError } from '../../../../src/core/orchestration/util/errors.js';
import { unfrozenParts } from '../../../support/frozen.js';
import {
  ASKED,
  afterActions,
  createdSession,
  guardRequest,
  pendingQuestion,
  runningSession,
  sessionIn,
  suspendedSession,
} from '../../../support/sessions.js';

type ActionType = Exclude<SessionAction['type'], 'created' | 'recovered'>;

const ACTIONS: { [Type in ActionType]: Extract<SessionAction, { type: Type }> } = {
  moved: { type: 'moved', queuePosition: 7 },
  queued: { type: 'queued', queuePosition: 7 },
  launching: { type: 'launching', at: 50 },
  placed: {
    type: 'placed',
    logFile: '/log',
    logOffset: 40,
    containerName: 'ao-1',
    environment: { worktree: '/tree', branch: 'b' },
  },
  spawned: { type: 'spawned', process: { pid: 4711, startedAt: '12' } },
  running: { type: 'running', at: 51, containerId: 'c2' },
  observed: { type: 'observed', at: 52, observations: [{ kind: 'message', text: 'hello', first: true }] },
  asked: { type: 'asked', at: 52, request: guardRequest('request-2') },
  answered: { type: 'answered', at: 52, request: guardRequest(ASKED), decision: 'allow', by: 'person' },
  'question-asked': { type: 'question-asked', at: 52, question: pendingQuestion('question-2') },
  'question-answered': {
    type: 'question-answered',
    at: 52,
    question: pendingQuestion('question-1'),
    by: 'person',
    answers: ['Yes'],
  },
  denied: {
    type: 'denied',
    at: 52,
    denial: { toolUseId: 't', tool: 'Bash', input: {}, reason: 'no', by: 'policy' },
  },
  steered: { type: 'steered', at: 52, message: 'look here' },
  paused: { type: 'paused', at: 52 },
  resumed: { type: 'resumed', at: 52, deadlines: [] },
  resting: { type: 'resting', at: 52, waitingFor: 'children' },
  woken: { type: 'woken', at: 52 },
  stopping: { type: 'stopping', stop: { status: 'cancelled', reason: 'cancelled', error: 'mine', feedback: 'more' } },
  exited: { type: 'exited', end: { exitCode: 137, oomKilled: true } },
  suspended: { type: 'suspended', at: 52, resumeAt: 99, exitCode: 1 },
  ended: { type: 'ended', at: 53, status: 'failed', result: { exitCode: 1, reason: 'error', error: 'why' } },
  'worktree-removed': { type: 'worktree-removed' },
  removed: { type: 'removed' },
  continued: { type: 'continued', at: 54, feedback: 'again' },
};

/** Written out by hand: status → legal action → next status. All other actions are illegal. */
const NEXT: Record<SessionStatus, Partial<Record<ActionType, SessionStatus>>> = {
  queued: { moved: 'queued', queued: 'queued', launching: 'starting', ended: 'failed' },
  starting: {
    launching: 'starting',
    placed: 'starting',
    spawned: 'starting',
    running: 'running',
    observed: 'starting',
    denied: 'starting',
    steered: 'starting',
    stopping: 'starting',
    exited: 'starting',
    suspended: 'paused',
    ended: 'failed',
    continued: 'starting',
  },
  running: {
    observed: 'running',
    asked: 'waiting_feedback',
    'question-asked': 'waiting_feedback',
    'question-answered': 'running',
    denied: 'running',
    steered: 'running',
    paused: 'paused',
    resting: 'waiting_feedback',
    woken: 'running',
    stopping: 'running',
    exited: 'running',
    suspended: 'paused',
    ended: 'failed',
    continued: 'starting',
  },
  paused: {
    observed: 'paused',
    asked: 'paused',
    answered: 'paused',
    'question-asked': 'paused',
    'question-answered': 'paused',
    denied: 'paused',
    steered: 'paused',
    resumed: 'running',
    resting: 'paused',
    woken: 'paused',
    stopping: 'paused',
    exited: 'paused',
    suspended: 'paused',
    ended: 'failed',
    continued: 'starting',
  },
  waiting_feedback: {
    observed: 'waiting_feedback',
    asked: 'waiting_feedback',
    answered: 'running',
    'question-asked': 'waiting_feedback',
    'question-answered': 'waiting_feedback',
    denied: 'waiting_feedback',
    steered: 'waiting_feedback',
    paused: 'paused',
    resting: 'waiting_feedback',
    woken: 'waiting_feedback',
    stopping: 'waiting_feedback',
    exited: 'waiting_feedback',
    suspended: 'paused',
    ended: 'failed',
    continued: 'starting',
  },
  completed: { 'worktree-removed': 'completed', removed: 'completed', continued: 'starting' },
  failed: { 'worktree-removed': 'failed', removed: 'failed', continued: 'starting' },
  cancelled: { 'worktree-removed': 'cancelled', removed: 'cancelled', continued: 'starting' },
};

const NEED_RUN: ReadonlySet<ActionType> = new Set([
  'placed',
  'spawned',
  'running',
  'stopping',
  'exited',
  'suspended',
] satisfies ActionType[]);

const PAIRS = STATUSES.flatMap((status) =>
  (Object.keys(ACTIONS) as ActionType[]).map((type) => ({ status, type, next: NEXT[status][type] })),
);

describe('the table of legal transitions', () => {
  it.each(PAIRS.filter(({ next }) => next))(
    "a session in status $status changes to $next with '$type'",
    ({ status, type, next }) => {
      const needsLaunch = status === 'starting' && NEED_RUN.has(type);
      const before = needsLaunch ? afterActions(sessionIn(status), ACTIONS.launching) : sessionIn(status);
      const snapshot = structuredClone(before);
      const result = reduceSession(before, ACTIONS[type]);
      expect(result.status).toBe(next);
      expect(result).not.toBe(before);
      expect(before).toEqual(snapshot);
      expect(unfrozenParts(result)).toEqual([]);
      expect(LEGAL_FROM[type]).toContain(status);
    },
  );

  it.each(PAIRS.filter(({ next }) => !next))(
    "a session in status $status refuses '$type' and does not change",
    ({ status, type }) => {
      const before = sessionIn(status);
      const snapshot = structuredClone(before);
      const attempt = (): UnifiedSession => reduceSession(before, ACTIONS[type]);
      expect(attempt).toThrow(OrchestrationError);
      expect(attempt).toThrow(expect.objectContaining({ code: 'ILLEGAL_TRANSITION' }));
      expect(attempt).toThrow(`Session session is '${status}'`);
      expect(attempt).toThrow(`'${type}' is not possible`);
      expect(before).toEqual(snapshot);
      expect(LEGAL_FROM[type]).not.toContain(status);
    },
  );

  it.each([ACTIONS.placed, ACTIONS.spawned, ACTIONS.running, ACTIONS.stopping, ACTIONS.exited, ACTIONS.suspended])(
    "'$type' is refused before the run has been launched",
    (action) => {
      expect(() => reduceSession(sessionIn('starting'), action)).toThrow(
        expect.objectContaining({ code: 'ILLEGAL_TRANSITION' }),
      );
    },
  );

  it.each([ACTIONS.asked, ACTIONS.resumed, ACTIONS.stopping, ACTIONS.exited, ACTIONS.suspended])(
    "'$type' is refused for a session that waits for its usage limit, because it has no run",
    (action) => {
      expect(() => reduceSession(suspendedSession(), action)).toThrow("is 'paused' without a run");
    },
  );

  it.each(Object.values(ACTIONS))("'$type' is refused without a session", (action) => {
    expect(() => reduceSession(undefined, action)).toThrow(expect.objectContaining({ code: 'ILLEGAL_TRANSITION' }));
  });

  it.each(STATUSES)('a session in status %s cannot be created again', (status) => {
    const created: SessionAction = { type: 'created', at: 60, session: sessionIn(status) };
    expect(() => reduceSession(sessionIn(status), created)).toThrow(
      expect.objectContaining({ code: 'ILLEGAL_TRANSITION' }),
    );
  });

  it.each(STATUSES)(
    "'recovered' takes over a session in status %s unchanged, and is refused if the session is known",
    (status) => {
      const session = sessionIn(status);
      expect(reduceSession(undefined, { type: 'recovered', session })).toBe(session);
      expect(() => reduceSession(session, { type: 'recovered', session })).toThrow(
        expect.objectContaining({ code: 'ILLEGAL_TRANSITION' }),
      );
    },
  );

  it('each status is exactly one of queued, active and terminal', () => {
    expect(STATUSES.filter(isActive)).toEqual(['starting', 'running', 'paused', 'waiting_feedback']);
    expect(STATUSES.filter(isTerminal)).toEqual(['completed', 'failed', 'cancelled']);
    expect([...STATUSES].sort()).toEqual(Object.keys(NEXT).sort());
  });

  it('a second run cannot be launched while a run is open', () => {
    const launched = afterActions(createdSession(), { type: 'launching', at: 2 });
    expect(() => reduceSession(launched, { type: 'launching', at: 3 })).toThrow(
      expect.objectContaining({ code: 'ILLEGAL_TRANSITION' }),
    );
  });
});

describe('a session from its creation to its end', () => {
  it('a queued session has a queue position until it starts', () => {
    const queued = createdSession({ queuePosition: 2 });
    expect(queued).toMatchObject({ status: 'queued', queuePosition: 2, runs: [] });
    const moved = afterActions(queued, { type: 'moved', queuePosition: 1 });
    expect(moved.queuePosition).toBe(1);
    const starting = afterActions(moved, { type: 'launching', at: 10 });
    expect(starting).not.toHaveProperty('queuePosition');
    expect(starting.runs).toEqual([{ number: 1, requestedAt: 1, launchedAt: 10 }]);
  });

  it('a session that got a slot at once starts without a queue position', () => {
    const session = createdSession();
    expect(session.status).toBe('starting');
    expect(session).not.toHaveProperty('queuePosition');
  });

  it('a session keeps its log file, environment and container', () => {
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
      {
        number: 1,
        requestedAt: 1,
        launchedAt: 50,
        containerName: 'ao-1',
        logOffset: 40,
        startedAt: 51,
        containerId: 'c2',
      },
    ]);
    expect(session.startedAt).toBe(51);
  });

  it('a run keeps its process id, stop reason and exit for a process that takes it over', () => {
    const before = afterActions(createdSession(), ACTIONS.launching, ACTIONS.placed);
    const session = afterActions(before, ACTIONS.spawned, ACTIONS.running, ACTIONS.stopping, ACTIONS.exited);
    expect(session.runs[0]).toMatchObject({
      process: { pid: 4711, startedAt: '12' },
      stop: { status: 'cancelled', error: 'mine', feedback: 'more' },
      exit: { exitCode: 137, oomKilled: true },
    });
    expect(session.runs[0]).not.toHaveProperty('endedAt');
    const error = { status: 'failed', reason: 'guard_bypassed', error: 'why' } as const;
    expect(afterActions(session, { type: 'stopping', stop: error }).runs[0]?.stop).toEqual(error);
  });

  it('a session that ends closes its run with the exit code', () => {
    const ended = afterActions(runningSession(), ACTIONS.ended);
    expect(ended).toMatchObject({ endedAt: 53, result: { exitCode: 1, reason: 'error', error: 'why' } });
    expect(ended.runs).toEqual([
      { number: 1, requestedAt: 1, launchedAt: 2, startedAt: 3, containerId: 'c1', endedAt: 53, exitCode: 1 },
    ]);
  });

  it('a session that is cancelled in the queue has no run and no start time', () => {
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

  it("the reducer copies an action's objects and does not freeze them", () => {
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

describe('a session whose worktree was removed', () => {
  it('a session whose worktree was removed keeps its branch', () => {
    const ended = afterActions(createdSession(), ACTIONS.launching, ACTIONS.placed, ACTIONS.running, ACTIONS.ended);
    const { environment } = afterActions(ended, ACTIONS['worktree-removed']);
    expect(environment).toEqual({ docker: true, dockerImage: 'image', cwd: '/work', branch: 'b' });
  });
});

describe('a continued session', () => {
  it('a continued session keeps its first start, drops its end and gets a run with the feedback', () => {
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
    expect(continued.runs[1]).toEqual({ number: 2, feedback: 'more', requestedAt: 20 });
    const running = afterActions(continued, { type: 'launching', at: 21 }, { type: 'running', at: 22 });
    expect(running.runs[1]).toEqual({ number: 2, feedback: 'more', requestedAt: 20, launchedAt: 21, startedAt: 22 });
    expect(running.startedAt).toBe(3);
  });

  it('continuing a running session closes the run that was stopped', () => {
    const continued = afterActions(runningSession(), { type: 'continued', at: 20, feedback: 'more', exitCode: 143 });
    expect(continued.runs[0]).toMatchObject({ number: 1, endedAt: 20, exitCode: 143 });
    expect(continued.runs[1]).toEqual({ number: 2, feedback: 'more', requestedAt: 20 });
  });
});

describe('a session with open questions', () => {
  const ask = (id: string): SessionAction => ({ type: 'asked', at: 5, request: guardRequest(id) });
  const answer = (id: string): SessionAction => ({
    type: 'answered',
    at: 6,
    request: guardRequest(id),
    decision: 'deny',
    by: 'person',
  });
  const idsOf = (session: UnifiedSession): unknown[] => [
    session.status,
    session.pendingApproval?.requestId,
    session.pendingApprovals?.map(({ requestId }) => requestId),
  ];

  it('a session waits until its last question is answered, and shows the oldest first', () => {
    const two = afterActions(runningSession(), ask('a'), ask('b'));
    expect(idsOf(two)).toEqual(['waiting_feedback', 'a', ['a', 'b']]);
    expect(two.pendingApproval).toBe(two.pendingApprovals?.[0]);
    const one = afterActions(two, answer('a'));
    expect(idsOf(one)).toEqual(['waiting_feedback', 'b', ['b']]);
    const none = afterActions(one, answer('b'));
    expect(none.status).toBe('running');
    expect(none).not.toHaveProperty('pendingApproval');
    expect(none).not.toHaveProperty('pendingApprovals');
  });

  it('an answer to an unknown question does not change a waiting session', () => {
    const waiting = sessionIn('waiting_feedback');
    expect(idsOf(afterActions(waiting, answer('other')))).toEqual(idsOf(waiting));
  });

  it('a paused session keeps its questions, and waits again when it is resumed, with new deadlines', () => {
    const paused = afterActions(runningSession(), ask('a'), { type: 'paused', at: 7 }, ask('b'), ask('c'));
    expect(idsOf(paused)).toEqual(['paused', 'a', ['a', 'b', 'c']]);
    const answered = afterActions(paused, answer('b'));
    expect(idsOf(answered)).toEqual(['paused', 'a', ['a', 'c']]);
    const resumed = afterActions(answered, { type: 'resumed', at: 9, deadlines: [['c', 777]] });
    expect(idsOf(resumed)).toEqual(['waiting_feedback', 'a', ['a', 'c']]);
    expect(resumed.pendingApprovals?.map(({ deadline }) => deadline)).toEqual([600_005, 777]);
    expect(unfrozenParts(resumed)).toEqual([]);
  });

  it.each([ACTIONS.ended, ACTIONS.continued, ACTIONS.suspended])(
    "a waiting session has no open questions after '$type'",
    (action) => {
      const next = afterActions(sessionIn('waiting_feedback'), action);
      expect(next).not.toHaveProperty('pendingApproval');
      expect(next).not.toHaveProperty('pendingApprovals');
    },
  );
});

describe('a session at its usage limit', () => {
  it('a session at its usage limit is paused without an open run, and knows when it resumes', () => {
    const suspended = suspendedSession();
    expect(suspended).toMatchObject({ status: 'paused', resumeAt: 60_008 });
    expect(suspended.runs[0]).toMatchObject({ number: 1, endedAt: 8, exitCode: 1 });
    expect(suspended).not.toHaveProperty('endedAt');
    expect(suspended).not.toHaveProperty('result');
  });

  it('a session at its usage limit continues with a new run', () => {
    const continued = afterActions(suspendedSession(), { type: 'continued', at: 60_008, feedback: 'go on' });
    expect(continued).toMatchObject({ status: 'starting', runs: [{ endedAt: 8, exitCode: 1 }, { feedback: 'go on' }] });
    expect(continued).not.toHaveProperty('resumeAt');
    const running = afterActions(continued, { type: 'launching', at: 60_009 }, { type: 'running', at: 60_010 });
    expect(running.runs[1]).toEqual({
      number: 2,
      feedback: 'go on',
      requestedAt: 60_008,
      launchedAt: 60_009,
      startedAt: 60_010,
    });
  });

  it('a session at its usage limit can be ended, which does not change its closed run', () => {
    const ended = afterActions(suspendedSession(), ACTIONS.ended);
    expect(ended).toMatchObject({ status: 'failed', endedAt: 53, runs: [{ endedAt: 8, exitCode: 1 }] });
    expect(ended).not.toHaveProperty('resumeAt');
  });
});

describe('the waits of a run', () => {
  it('a wait for children and then for a slot is recorded as one wait; the latest fifty waits are kept', () => {
    let session = runningSession();
    for (let round = 0; round < 60; round++) {
      const at = 100 + round * 10;
      session = afterActions(
        session,
        { type: 'resting', at, waitingFor: 'children' },
        { type: 'resting', at: at + 3, waitingFor: 'slot' },
      );
      expect(session.runs[0]?.waitingAt).toBe(at);
      session = afterActions(session, { type: 'woken', at: at + 5 });
    }
    const [run] = session.runs;
    expect(run).not.toHaveProperty('waitingAt');
    expect(run?.waits).toHaveLength(50);
    expect(run?.waits?.at(0)).toEqual({ waitingAt: 200, workingAt: 205 });
    expect(run?.waits?.at(-1)).toEqual({ waitingAt: 690, workingAt: 695 });
  });
});

describe('the pauses of a run', () => {
  it('a run that ended while frozen does not pass its pause to the next run', () => {
    const cancelled = afterActions(
      runningSession(),
      { type: 'paused', at: 100 },
      {
        type: 'ended',
        at: 110,
        status: 'cancelled',
        result: { reason: 'cancelled' },
      },
    );
    const again = afterActions(
      cancelled,
      { type: 'continued', at: 200, feedback: 'x' },
      { type: 'launching', at: 201 },
      { type: 'running', at: 202 },
      { type: 'paused', at: 300 },
      { type: 'resumed', at: 310, deadlines: [] },
    );
    expect(again.runs).toMatchObject([{ pausedAt: 100, endedAt: 110 }, { pausedMs: 10 }]);
    expect(again.runs[0]).not.toHaveProperty('pauses');
  });

  it('the latest fifty pauses of a run are kept, with the sum of all pauses', () => {
    let session = runningSession();
    for (let round = 0; round < 60; round++) {
      const at = 100 + round * 10;
      session = afterActions(session, { type: 'paused', at }, { type: 'resumed', at: at + 4, deadlines: [] });
    }
    const [run] = session.runs;
    expect(run).not.toHaveProperty('pausedAt');
    expect(run?.pausedMs).toBe(240);
    expect(run?.pauses).toHaveLength(50);
    expect(run?.pauses?.at(0)).toEqual({ pausedAt: 200, resumedAt: 204 });
    expect(run?.pauses?.at(-1)).toEqual({ pausedAt: 690, resumedAt: 694 });
  });
});
