import { setImmediate as turn } from 'node:timers/promises';
import type {
  RunHandle,
  RunRequest,
  SessionEvent,
  UnifiedSession,
  UnifiedSessionManager,
} from 'autonomous-orchestration';
import { SimulatedExecutor, type SimulatedScript, scriptedRun } from 'autonomous-orchestration/testing';
import { describe, expect, it, vi } from 'vitest';
import { deferred } from '../../../../src/core/orchestration/util/deferred.js';
import { closeWithoutWaiting, fakeClock } from '../../../support/clock.js';
import { errorOf } from '../../../support/errors.js';
import { unfrozenParts } from '../../../support/frozen.js';
import { ASK_TO_PUSH, DONE, ENDLESS, heldBefore, nextEvent, PUSHES, simulate } from '../../../support/simulate.js';

type Manager = UnifiedSessionManager;

const pushing = (script: SimulatedScript = PUSHES, options = {}) =>
  simulate(script, { policy: ASK_TO_PUSH, ...options });

/** A session that waits for a person, and the id of its approval request. */
async function waiting(manager: Manager, options = {}): Promise<{ id: string; requestId: string }> {
  const { id } = await manager.create({ prompt: 'x', ...options });
  const { pendingApproval } = await manager.waitFor(id, { status: 'waiting_feedback' });
  return { id, requestId: pendingApproval?.requestId ?? '' };
}

async function running(manager: Manager, options = {}): Promise<string> {
  const { id } = await manager.create({ prompt: 'x', ...options });
  await manager.waitFor(id, { status: 'running' });
  return id;
}

const ofType = <Type extends SessionEvent['type']>(events: SessionEvent[], type: Type) =>
  events.filter((event): event is Extract<SessionEvent, { type: Type }> => event.type === type);
const approvals = (events: SessionEvent[]): unknown[] =>
  ofType(events, 'session:approval').map(({ state, by, note }) => [state, by, note]);
const answers = (events: SessionEvent[]): unknown[] =>
  ofType(events, 'session:approval').map(({ state, by }) => [state, by]);
const toolOf = ({ metadata }: UnifiedSession): unknown => metadata.toolsUsed[0]?.outcome;

/** The calls that are refused for a session without a run. */
const CALLS: [string, (manager: Manager, id: string) => Promise<unknown>, string][] = [
  ['pause', (manager, id) => manager.pause(id), 'paused'],
  ['resume', (manager, id) => manager.resume(id), 'resumed'],
  ['steer', (manager, id) => manager.steer(id, 'x'), 'steered'],
  ['approve', (manager, id) => manager.approve(id, 'x'), 'answered'],
  ['deny', (manager, id) => manager.deny(id, 'x'), 'answered'],
];

describe.each(CALLS)('%s()', (_, call, done) => {
  it('the call is refused with advice for a queued session', async () => {
    const { manager } = simulate(ENDLESS, { maxConcurrent: 1 });
    await running(manager);
    const { id } = await manager.create({ prompt: 'x' });
    const { message } = await errorOf(call(manager, id), 'ILLEGAL_TRANSITION');
    expect(message).toBe(`Session ${id} ('queued') cannot be ${done}: nothing of it runs; wait for its start.`);
  });

  it('the call is refused with advice for an ended session', async () => {
    const { manager } = simulate(DONE);
    const { id } = await manager.create({ prompt: 'x' });
    await manager.waitFor(id);
    const { message } = await errorOf(call(manager, id), 'ILLEGAL_TRANSITION');
    expect(message).toBe(`Session ${id} ('completed') cannot be ${done}: it has ended; use continue() instead.`);
  });

  it('the call is refused for an unknown session and by a closed manager', async () => {
    const { manager } = simulate(ENDLESS);
    await errorOf(call(manager, 'x'), 'SESSION_NOT_FOUND');
    const id = await running(manager);
    await manager.close();
    await errorOf(call(manager, id), 'MANAGER_CLOSED');
  });
});

describe('a tool call that needs the approval of a person', () => {
  it('a tool call that needs approval waits, and runs when a person approves it', async () => {
    const { manager, events } = pushing();
    const asking = nextEvent(manager, 'session:approval');
    const { id, requestId } = await waiting(manager);
    const session = manager.get(id);
    expect(session?.pendingApprovals).toEqual([session?.pendingApproval]);
    expect(session?.pendingApproval).toMatchObject({ tool: 'Bash', input: { command: 'git push' } });
    expect(unfrozenParts(session)).toEqual([]);
    expect(await asking).toMatchObject({ state: 'asked', request: session?.pendingApproval });

    const approved = await manager.approve(id, requestId, 'fine');
    expect(approved.status).toBe('running');
    expect(approved).not.toHaveProperty('pendingApproval');
    const ended = await manager.waitFor(id);
    expect([ended.status, toolOf(ended)]).toEqual(['completed', 'ok']);
    expect(approvals(events)).toEqual([
      ['asked', undefined, undefined],
      ['approved', 'person', 'fine'],
    ]);
    expect(ofType(events, 'session:denied')).toEqual([]);
  });

  it('a denied tool call does not run, and the agent receives the reason and continues', async () => {
    const { manager, events } = pushing();
    const { id, requestId } = await waiting(manager);
    await manager.deny(id, requestId, 'Use a branch.');
    const ended = await manager.waitFor(id);
    expect([ended.status, toolOf(ended)]).toEqual(['completed', 'denied']);
    const [denied] = ofType(events, 'session:denied');
    expect(denied?.denial).toMatchObject({
      tool: 'Bash',
      by: 'person',
      reason: expect.stringMatching(/Use a branch\.$/),
    });
    expect(ofType(events, 'session:tool-result')[0]?.output).toBe(denied?.denial.reason);
    expect(ended.metadata.errors).toMatchObject([{ severity: 'warning', code: 'denied' }]);
    expect(approvals(events).at(-1)).toEqual(['denied', 'person', 'Use a branch.']);
  });

  it('a tool call that needs approval is denied when nobody answers in time', async () => {
    const { manager, events } = pushing(PUSHES, { policy: { ...ASK_TO_PUSH, approvalTimeoutMs: 1 } });
    const { id } = await manager.create({ prompt: 'x' });
    const ended = await manager.waitFor(id);
    expect([ended.status, toolOf(ended)]).toEqual(['completed', 'denied']);
    expect(answers(events)).toEqual([
      ['asked', undefined],
      ['denied', 'timeout'],
    ]);
    expect(ofType(events, 'session:denied')).toMatchObject([{ denial: { by: 'timeout' } }]);
  });

  it('cancel() denies the waiting tool call, ends the session and frees its slot', async () => {
    const { manager, events } = pushing(PUSHES, { maxConcurrent: 1 });
    const { id } = await waiting(manager);
    const next = await manager.create({ prompt: 'x' });
    expect(manager.queueStatus()).toMatchObject({ running: 1, queued: 1 });
    const cancelled = await manager.cancel(id, 'enough');
    expect(cancelled).toMatchObject({ status: 'cancelled', result: { error: 'enough' } });
    expect(cancelled).not.toHaveProperty('pendingApproval');
    expect(approvals(events.filter(({ sessionId }) => sessionId === id))).toEqual([
      ['asked', undefined, undefined],
      ['denied', 'end', 'enough'],
    ]);
    await manager.waitFor(next.id, { status: 'waiting_feedback' });
  });

  it('continue() denies the waiting tool call and starts another run', async () => {
    const { manager, events } = pushing();
    const { id } = await waiting(manager);
    await manager.continue(id, 'Without pushing.');
    expect(answers(events)).toEqual([
      ['asked', undefined],
      ['denied', 'end'],
    ]);
    const { pendingApproval, runs } = await manager.waitFor(id, { status: 'waiting_feedback' });
    expect(runs.map(({ feedback }) => feedback)).toEqual([undefined, 'Without pushing.']);
    await manager.approve(id, pendingApproval?.requestId ?? '');
    expect(await manager.waitFor(id)).toMatchObject({ status: 'completed' });
  });

  it('an approval request can be answered only once', async () => {
    const { manager, events } = pushing(() =>
      scriptedRun([
        { tool: 'Bash', input: { command: 'git push' } },
        { text: 'never', afterMs: 60_000 },
      ]),
    );
    const { id, requestId } = await waiting(manager);
    const { message } = await errorOf(manager.approve(id, 'other'), 'REQUEST_NOT_FOUND');
    expect(message).toContain(`waiting: '${requestId}'`);
    const both = await Promise.allSettled([manager.approve(id, requestId), manager.deny(id, requestId)]);
    expect(both).toMatchObject([
      { status: 'fulfilled' },
      { status: 'rejected', reason: { code: 'REQUEST_NOT_FOUND' } },
    ]);
    expect(answers(events)).toEqual([
      ['asked', undefined],
      ['approved', 'person'],
    ]);
  });

  it('an answer with a note that is too long or not a string is refused', async () => {
    const { manager } = pushing();
    const { id, requestId } = await waiting(manager);
    await errorOf(manager.deny(id, requestId, 'x'.repeat(2_001)), 'INVALID_OPTIONS');
    await errorOf(manager.approve(id, requestId, 7 as never), 'INVALID_OPTIONS');
    expect(manager.get(id)?.pendingApproval?.requestId).toBe(requestId);
  });

  it('while a tool call waits for approval, the limits of its session do not count time', async () => {
    fakeClock();
    const { manager } = pushing(() =>
      scriptedRun([
        { tool: 'Bash', input: { command: 'git push' } },
        { text: 'Pushed.' },
        { text: 'never', afterMs: 3_600_000 },
      ]),
    );
    const { id, requestId } = await waiting(manager, { limits: { durationMs: 1_000, idleMs: 900 } });
    vi.advanceTimersByTime(500_000);
    expect(manager.get(id)?.status).toBe('waiting_feedback');
    const said = nextEvent(manager, 'session:message');
    await manager.approve(id, requestId);
    await said;
    vi.advanceTimersByTime(899);
    expect(manager.get(id)?.status).toBe('running');
    vi.advanceTimersByTime(1);
    expect(await manager.waitFor(id)).toMatchObject({ status: 'failed', result: { reason: 'idle' } });
  });

  it("a tool call is denied by the session's own policy in addition to the manager's policy", async () => {
    const { manager } = pushing();
    const rules = [{ tool: 'Bash', decision: 'deny', reason: 'Read only.' }] as const;
    const { id } = await manager.create({ prompt: 'x', policy: { rules } });
    expect(toolOf(await manager.waitFor(id))).toBe('denied');
    await errorOf(manager.create({ prompt: 'x', policy: { dangerous: 'allow' } }), 'INVALID_OPTIONS');
  });
});

describe('pause and resume', () => {
  /** A run whose second message comes when the gate opens. */
  function gated() {
    const gate = deferred<void>();
    const script: SimulatedScript = () =>
      heldBefore('"two"', gate.promise, scriptedRun([{ text: 'one' }, { text: 'two' }]));
    return { gate, ...simulate(script) };
  }

  it('pause() freezes a run in the middle of its work, and resume() lets it continue', async () => {
    const { manager, events, gate } = gated();
    const id = await running(manager);
    await vi.waitUntil(() => manager.get(id)?.metadata.lastMessage === 'one', 30_000);
    expect(await manager.pause(id)).toMatchObject({ status: 'paused' });
    expect(manager.get(id)).not.toHaveProperty('resumeAt');
    gate.resolve();
    for (let turns = 0; turns < 50; turns += 1) await turn();
    expect(manager.get(id)?.metadata.lastMessage).toBe('one');
    expect(await manager.resume(id)).toMatchObject({ status: 'running' });
    expect(await manager.waitFor(id)).toMatchObject({ status: 'completed', result: { text: 'two' } });
    expect(events.map(({ type }) => type).filter((type) => /paused|resumed|message/.test(type))).toEqual([
      'session:message',
      'session:paused',
      'session:resumed',
      'session:message',
    ]);
  });

  it('pause() of a paused session and resume() of a running session change nothing', async () => {
    const { manager, events } = simulate(ENDLESS);
    const id = await running(manager);
    expect(await manager.resume(id)).toMatchObject({ status: 'running' });
    const paused = await manager.pause(id);
    expect(await manager.pause(id)).toEqual(paused);
    await manager.resume(id);
    await manager.resume(id);
    expect(ofType(events, 'session:paused')).toHaveLength(1);
    expect(ofType(events, 'session:resumed')).toHaveLength(1);
  });

  it('pause() and resume() take effect one after the other, in the order of the calls', async () => {
    const { manager, events } = simulate(ENDLESS);
    const { id } = await manager.create({ prompt: 'x' });
    await Promise.all([
      manager.pause(id),
      manager.resume(id),
      manager.pause(id),
      manager.resume(id),
      manager.pause(id),
    ]);
    expect(manager.get(id)?.status).toBe('paused');
    const order = events.map(({ type }) => type).filter((type) => /started|paused|resumed/.test(type));
    expect(order).toEqual([
      'session:started',
      'session:paused',
      'session:resumed',
      'session:paused',
      'session:resumed',
      'session:paused',
    ]);
  });

  it('a paused session keeps its slot, so no other session starts', async () => {
    const { manager } = simulate(ENDLESS, { maxConcurrent: 1 });
    const id = await running(manager);
    await manager.pause(id);
    const next = await manager.create({ prompt: 'x' });
    expect(next).toMatchObject({ status: 'queued', queuePosition: 1 });
    expect(manager.queueStatus()).toMatchObject({ running: 1, queued: 1 });
    expect(await manager.cancel(id)).toMatchObject({ status: 'cancelled' });
    await manager.waitFor(next.id, { status: 'running' });
  });

  it('a paused session can be continued with feedback', async () => {
    const { manager } = simulate(({ feedback, conversationId }) =>
      feedback === undefined ? ENDLESS({} as RunRequest) : scriptedRun([{ text: feedback }], { conversationId }),
    );
    const id = await running(manager);
    await vi.waitUntil(() => manager.get(id)?.channelCoderSession, 30_000);
    await manager.pause(id);
    await manager.continue(id, 'other way');
    expect(await manager.waitFor(id)).toMatchObject({ status: 'completed', result: { text: 'other way' } });
  });

  it('a pause moves the deadline of a waiting approval by the length of the pause', async () => {
    fakeClock();
    const { manager } = pushing();
    const { id, requestId } = await waiting(manager);
    const before = manager.get(id)?.pendingApproval?.deadline ?? 0;
    await manager.pause(id);
    expect(manager.get(id)).toMatchObject({ status: 'paused', pendingApproval: { requestId, deadline: before } });
    vi.advanceTimersByTime(3_600_000);
    expect(await manager.resume(id)).toMatchObject({
      status: 'waiting_feedback',
      pendingApproval: { requestId, deadline: before + 3_600_000 },
    });
    vi.advanceTimersByTime(600_000);
    expect(toolOf(await manager.waitFor(id))).toBe('denied');
  });

  it('a person can answer an approval request while the session is paused', async () => {
    const { manager } = pushing();
    const { id, requestId } = await waiting(manager);
    await manager.pause(id);
    const answered = await manager.approve(id, requestId);
    expect(answered.status).toBe('paused');
    expect(answered).not.toHaveProperty('pendingApproval');
    expect(await manager.resume(id)).toMatchObject({ status: 'running' });
    expect(await manager.waitFor(id)).toMatchObject({ status: 'completed' });
  });

  it('the limits of a paused session do not count time', async () => {
    fakeClock();
    const { manager } = simulate(ENDLESS);
    const id = await running(manager, { limits: { durationMs: 1_000 } });
    vi.advanceTimersByTime(600);
    await manager.pause(id);
    vi.advanceTimersByTime(3_600_000);
    expect(manager.get(id)?.status).toBe('paused');
    await manager.resume(id);
    vi.advanceTimersByTime(399);
    expect(manager.get(id)?.status).toBe('running');
    vi.advanceTimersByTime(1);
    expect(await manager.waitFor(id)).toMatchObject({ status: 'failed', result: { reason: 'timeout' } });
  });

  it('pause() is refused and changes nothing if the executor cannot pause', async () => {
    class Unstoppable extends SimulatedExecutor {
      override async launch(request: RunRequest): Promise<RunHandle> {
        const { pausing: _, ...handle } = await super.launch(request);
        return handle;
      }
    }
    const { manager } = simulate(DONE, { executors: { autonomous: new Unstoppable(ENDLESS) } });
    const id = await running(manager);
    const { message } = await errorOf(manager.pause(id), 'ILLEGAL_TRANSITION');
    expect(message).toContain('its executor has no means for that');
    expect(manager.get(id)?.status).toBe('running');
  });

  it('pause() rejects with the error of the engine and can be tried again', async () => {
    const pause = vi.fn().mockRejectedValueOnce(new Error('the engine says no')).mockResolvedValue(undefined);
    class Moody extends SimulatedExecutor {
      override async launch(request: RunRequest): Promise<RunHandle> {
        return { ...(await super.launch(request)), pausing: { paused: false, pause, resume: async () => {} } };
      }
    }
    const { manager } = simulate(DONE, { executors: { autonomous: new Moody(ENDLESS) } });
    const id = await running(manager);
    await expect(manager.pause(id)).rejects.toThrow('the engine says no');
    expect(manager.get(id)?.status).toBe('running');
    expect(await manager.pause(id)).toMatchObject({ status: 'paused' });
  });

  it('pause() is refused if the run ends first', async () => {
    const { manager } = simulate(ENDLESS);
    const { id } = await manager.create({ prompt: 'x' });
    const refused = errorOf(manager.pause(id), 'ILLEGAL_TRANSITION');
    await manager.cancel(id);
    expect((await refused).message).toContain('cannot be paused or resumed: its run ends');
  });

  it('pause() does not touch the run if the manager is closed during the call', async () => {
    const pause = vi.fn(async () => {});
    const launched = deferred<void>();
    class Slow extends SimulatedExecutor {
      override async launch(request: RunRequest): Promise<RunHandle> {
        const handle = await super.launch(request);
        launched.resolve();
        const pausing = { paused: false, pause, resume: async () => {} };
        return { ...handle, started: new Promise(() => {}), pausing };
      }
    }
    const { manager } = simulate(DONE, { executors: { autonomous: new Slow(ENDLESS) } });
    const { id } = await manager.create({ prompt: 'x' });
    await launched.promise;
    await turn();
    const paused = manager.pause(id).catch((error: unknown) => error);
    await closeWithoutWaiting(manager);
    expect(await paused).toMatchObject({ code: 'MANAGER_CLOSED' });
    expect(pause).not.toHaveBeenCalled();
  });
});

describe('steer', () => {
  const says = (text: string): { text: string } => ({ text });
  /** Works on one tool call until it is approved, so that messages can wait. */
  const busy: SimulatedScript = () => scriptedRun([{ tool: 'Bash', input: { command: 'git push' } }, says('Done.')]);

  it('steer() delivers a message when the tool call of the agent ends, and then resolves', async () => {
    const { manager, events } = pushing(busy);
    const { id, requestId } = await waiting(manager);
    const heard = vi.fn();
    const steering = manager.steer(id, 'Look at the tests.').then(heard);
    for (let turns = 0; turns < 20; turns += 1) await turn();
    expect(heard).not.toHaveBeenCalled();
    await manager.approve(id, requestId);
    await steering;
    expect(ofType(events, 'session:steered').map(({ message }) => message)).toEqual(['Look at the tests.']);
    const { metadata } = await manager.waitFor(id);
    expect(metadata.recentMessages.map(({ text }) => text)).toEqual(['Understood: Look at the tests.', 'Done.']);
  });

  it('steer() delivers each message once, in the order of the calls', async () => {
    const { manager, events } = pushing(busy);
    const { id, requestId } = await waiting(manager);
    const texts = ['a', 'b', 'c', 'd', 'e'];
    const steering = Promise.all(texts.map((text) => manager.steer(id, text)));
    await manager.approve(id, requestId);
    await steering;
    const { metadata } = await manager.waitFor(id);
    expect(ofType(events, 'session:steered').map(({ message }) => message)).toEqual(texts);
    expect(metadata.recentMessages.map(({ text }) => text)).toEqual([
      ...texts.map((text) => `Understood: ${text}`),
      'Done.',
    ]);
  });

  it('steer() reaches an agent that is about to stop', async () => {
    const gate = deferred<void>();
    const script: SimulatedScript = () => heldBefore('"result"', gate.promise, scriptedRun([says('Done.')]));
    const { manager } = simulate(script);
    const id = await running(manager);
    await vi.waitUntil(() => manager.get(id)?.channelCoderSession, 30_000);
    const steering = manager.steer(id, 'One more thing.');
    gate.resolve();
    await steering;
    expect((await manager.waitFor(id)).metadata.lastMessage).toBe('Understood: One more thing.');
  });

  it.each<[string, (manager: Manager, id: string) => Promise<unknown>]>([
    ['is cancelled', (manager, id) => manager.cancel(id)],
    ['is continued', (manager, id) => manager.continue(id, 'more')],
  ])('steer() is refused and delivers nothing if the run %s first', async (_, end) => {
    const { manager, events } = pushing(busy);
    const { id } = await waiting(manager);
    const [refused] = await Promise.all([
      errorOf(manager.steer(id, 'too late'), 'ILLEGAL_TRANSITION'),
      end(manager, id),
    ]);
    expect(refused.message).toBe(
      `Session ${id} cannot be steered any more: the run ended before the agent heard the message. Use continue() with it.`,
    );
    expect(ofType(events, 'session:steered')).toEqual([]);
  });

  it('steer() is refused if the manager is closed first', async () => {
    const { manager } = simulate(ENDLESS);
    const id = await running(manager);
    const refused = errorOf(manager.steer(id, 'too late'), 'MANAGER_CLOSED');
    await manager.close();
    expect((await refused).message).toContain('before the agent heard the message');
  });

  it('steer() is refused if the launch fails', async () => {
    class Failing extends SimulatedExecutor {
      override launch(): Promise<RunHandle> {
        return Promise.reject(new Error('no'));
      }
    }
    const { manager } = simulate(DONE, { executors: { autonomous: new Failing(DONE) } });
    const { id } = await manager.create({ prompt: 'x' });
    await errorOf(manager.steer(id, 'too late'), 'ILLEGAL_TRANSITION');
  });

  it('steer() is refused if the executor cannot deliver messages', async () => {
    class Deaf extends SimulatedExecutor {
      override async launch(request: RunRequest): Promise<RunHandle> {
        return { ...(await super.launch(request)), hooked: false };
      }
    }
    const { manager } = simulate(DONE, { executors: { autonomous: new Deaf(ENDLESS) } });
    const id = await running(manager);
    const { message } = await errorOf(manager.steer(id, 'x'), 'ILLEGAL_TRANSITION');
    expect(message).toContain('its executor has no means for that');
  });

  it.each(['', '  \n', 'x'.repeat(8_001), 7])('steer() refuses the message %j', async (message) => {
    const { manager } = simulate(ENDLESS);
    const id = await running(manager);
    await errorOf(manager.steer(id, message as string), 'INVALID_OPTIONS');
  });

  it('a message of steer() is not given to another Claude Code that the agent started', async () => {
    let hooks: RunRequest['hooks'] | undefined;
    const { manager } = simulate((request) => {
      hooks = request.hooks;
      return ENDLESS(request);
    });
    const id = await running(manager);
    await vi.waitUntil(() => manager.get(id)?.channelCoderSession, 30_000);
    const steering = manager.steer(id, 'for you');
    expect(await hooks?.takeMessages('22222222-2222-4333-8444-555555555555', 'answer-1')).toBeUndefined();
    const messages = await hooks?.takeMessages(manager.get(id)?.channelCoderSession ?? '', 'answer-2');
    expect(messages?.texts).toEqual(['for you']);
    messages?.given();
    await steering;
  });
});
