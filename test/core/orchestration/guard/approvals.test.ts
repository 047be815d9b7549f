import { beforeEach, describe, expect, it, vi } from 'vitest';
import { Approvals } from '../../../../src/core/orchestration/guard/approvals.js';
import { PersonRequests } from '../../../../src/core/orchestration/guard/person-requests.js';
import type { GuardRequest } from '../../../../src/core/orchestration/session/metadata.js';
import type { ToolCall } from '../../../../src/core/orchestration/session/policy.js';
import type { SessionRun } from '../../../../src/core/orchestration/session/run.js';
import { fakeClock } from '../../../support/clock.js';
import { errorOf } from '../../../support/errors.js';
import { FakeRecord } from '../../../support/fake-record.js';
import { unfrozenParts } from '../../../support/frozen.js';

const CALL: ToolCall = { toolUseId: 'toolu-1', tool: 'Bash', input: { command: 'git push', options: { deep: [1] } } };
const MINUTE = 60_000;

function scene(timeoutMs = MINUTE, run: SessionRun = { number: 1 }) {
  const record = new FakeRecord({ run });
  const { actions } = record;
  const requests = new PersonRequests(record, timeoutMs);
  const approvals = new Approvals(record, requests);
  const asked = (index = -1): GuardRequest => {
    const requests = actions.flatMap((action) => (action.type === 'asked' ? [action.request] : []));
    const request = requests.at(index);
    if (!request) throw new Error('nothing was asked');
    return request;
  };
  const answers = (): unknown[] =>
    actions.flatMap((action) => (action.type === 'answered' ? [[action.request.requestId, action.by]] : []));
  return { approvals, requests, actions, asked, answers };
}

beforeEach(() => fakeClock(5_000));

describe('an approval', () => {
  it('an approval request contains the whole call, frozen, and a deadline', () => {
    const { approvals, requests, actions, asked } = scene();
    const danger = Object.freeze({ level: 'critical', rule: 'r', reason: 'why' } as const);
    const input = { command: 'git push', options: { deep: [1] } };
    expect(requests.waiting).toBe(false);
    void approvals.ask({ ...CALL, input, danger });
    expect(requests.waiting).toBe(true);
    expect(actions.map(({ type }) => type)).toEqual(['asked']);
    expect(asked()).toEqual({
      requestId: expect.stringMatching(/^[0-9a-f]{32}$/),
      toolUseId: 'toolu-1',
      tool: 'Bash',
      input,
      danger,
      askedAt: 5_000,
      deadline: 65_000,
    });
    expect(unfrozenParts(asked().input)).toEqual([]);
    input.options.deep.push(2);
    expect(asked().input).toMatchObject({ options: { deep: [1] } });
    expect(Object.isFrozen(input)).toBe(false);
  });

  it.each([
    ['allow', undefined],
    ['deny', undefined],
    ['deny', 'not today'],
  ] as const)('a person can answer an approval request: %s, %j', async (decision, note) => {
    const { approvals, requests, actions, asked } = scene();
    const answer = approvals.ask(CALL);
    vi.advanceTimersByTime(10);
    approvals.answer(asked().requestId, decision, note);
    const expected = { decision, by: 'person', ...(note !== undefined && { note }) };
    expect(await answer).toEqual(expected);
    expect(actions.at(-1)).toEqual({ type: 'answered', at: 5_010, request: asked(), ...expected });
    expect(requests.waiting).toBe(false);
    expect(vi.getTimerCount()).toBe(0);
  });

  it('an answer is on record before the call continues', async () => {
    const { approvals, asked, answers } = scene();
    const seen = approvals.ask(CALL).then(() => answers());
    approvals.answer(asked().requestId, 'allow', undefined);
    expect(await seen).toHaveLength(1);
  });

  it('an approval request is denied when its time is over, and not before', async () => {
    const { approvals, actions, answers } = scene();
    const answer = approvals.ask(CALL);
    vi.advanceTimersByTime(MINUTE - 1);
    expect(answers()).toEqual([]);
    vi.advanceTimersByTime(1);
    expect(await answer).toEqual({ decision: 'deny', by: 'timeout', note: 'Nobody answered within 60 s.' });
    expect(actions.at(-1)).toMatchObject({ type: 'answered', decision: 'deny', by: 'timeout' });
  });

  it('a second answer is refused with an error that lists the waiting requests', async () => {
    const { approvals, asked, answers } = scene();
    void approvals.ask(CALL);
    void approvals.ask({ ...CALL, toolUseId: 'toolu-2' });
    const [first, second] = [asked(0).requestId, asked(1).requestId];
    approvals.answer(first, 'allow', undefined);
    const { message } = await errorOf(() => approvals.answer(first, 'deny', undefined), 'REQUEST_NOT_FOUND');
    expect(message).toContain(`"${first}"`);
    expect(message).toContain(`waiting: '${second}'`);
    approvals.answer(second, 'deny', undefined);
    const again = await errorOf(() => approvals.answer('no such', 'deny', undefined), 'REQUEST_NOT_FOUND');
    expect(again.message).toContain('waiting: none');
    vi.advanceTimersByTime(10 * MINUTE);
    expect(answers()).toEqual([
      [first, 'person'],
      [second, 'person'],
    ]);
  });

  it('each approval request has its own id, even if the same call asks twice', () => {
    const { approvals, asked } = scene();
    void approvals.ask(CALL);
    void approvals.ask(CALL);
    expect(asked(0).requestId).not.toBe(asked(1).requestId);
  });
});

describe('the end of the run', () => {
  it('end() denies waiting and later requests and leaves no timer', async () => {
    const { approvals, requests, actions, answers } = scene();
    const waiting = [approvals.ask(CALL), approvals.ask({ ...CALL, toolUseId: 'toolu-2' })];
    requests.end('It was cancelled.');
    const end = { decision: 'deny', by: 'end', note: 'It was cancelled.' };
    expect(await Promise.all(waiting)).toEqual([end, end]);
    expect(answers()).toHaveLength(2);
    expect(vi.getTimerCount()).toBe(0);
    const before = actions.length;
    expect(await approvals.ask(CALL)).toEqual(end);
    expect(actions).toHaveLength(before);
    expect(requests.waiting).toBe(false);
  });

  it('a second end() does not replace the reason of the first', async () => {
    const { approvals, requests } = scene();
    requests.end('first');
    requests.end('second');
    expect(await approvals.ask(CALL)).toMatchObject({ note: 'first' });
  });
});

describe('detach', () => {
  it('after detach(), no request is answered and no timer is left', () => {
    const { approvals, requests, actions } = scene();
    void approvals.ask(CALL);
    void approvals.ask({ ...CALL, toolUseId: 'toolu-2' });
    expect(vi.getTimerCount()).toBe(2);
    requests.detach();
    expect(vi.getTimerCount()).toBe(0);
    vi.advanceTimersByTime(10 * MINUTE);
    expect(actions.map(({ type }) => type)).toEqual(['asked', 'asked']);
  });
});

describe('while the run is paused', () => {
  it('a pause stops the time of waiting requests, and resume() returns their new deadlines', async () => {
    const { approvals, requests, asked, answers } = scene();
    const answer = approvals.ask(CALL);
    vi.advanceTimersByTime(20_000);
    void approvals.ask({ ...CALL, toolUseId: 'toolu-2' });
    requests.pause();
    vi.advanceTimersByTime(10 * MINUTE);
    expect(answers()).toEqual([]);
    const now = Date.now();
    const deadlines = requests.resume();
    expect([...deadlines]).toEqual([
      [asked(0).requestId, now + 40_000],
      [asked(1).requestId, now + 60_000],
    ]);
    vi.advanceTimersByTime(39_999);
    expect(answers()).toEqual([]);
    vi.advanceTimersByTime(1);
    expect(await answer).toMatchObject({ by: 'timeout' });
    expect(Date.now()).toBe(deadlines.get(asked(0).requestId));
  });

  it('a person can answer while the run is paused', async () => {
    const { approvals, requests, asked } = scene();
    const answer = approvals.ask(CALL);
    requests.pause();
    approvals.answer(asked().requestId, 'allow', undefined);
    expect(await answer).toMatchObject({ decision: 'allow' });
    expect([...requests.resume()]).toEqual([]);
  });

  it('a request that is made during a pause has its whole time after the pause', () => {
    const { approvals, requests, asked, answers } = scene();
    requests.pause();
    void approvals.ask(CALL);
    vi.advanceTimersByTime(5 * MINUTE);
    const [deadline] = requests.resume().values();
    expect(deadline).toBe(Date.now() + MINUTE);
    expect(deadline).not.toBe(asked().deadline);
    vi.advanceTimersByTime(MINUTE - 1);
    expect(answers()).toEqual([]);
    vi.advanceTimersByTime(1);
    expect(answers()).toHaveLength(1);
  });
});

describe('an approval that an earlier process was asked for', () => {
  it('the same call has the same request id in another process', () => {
    const [first, second] = [scene(), scene()];
    void first.approvals.ask(CALL);
    void second.approvals.ask({ ...CALL, input: structuredClone(CALL.input) });
    expect(second.asked().requestId).toBe(first.asked().requestId);
  });

  it.each<[string, Partial<ToolCall>]>([
    ['another call', { toolUseId: 'toolu-2' }],
    ['another tool', { tool: 'Write' }],
    ['another input', { input: { command: 'git push --force' } }],
  ])('the request id is different for %s', (_, change) => {
    const [first, second] = [scene(), scene()];
    void first.approvals.ask(CALL);
    void second.approvals.ask({ ...CALL, ...change });
    expect(second.asked().requestId).not.toBe(first.asked().requestId);
  });

  it('two simultaneous requests for the same call are answered separately', async () => {
    const { approvals, asked, answers } = scene();
    const both = [approvals.ask(CALL), approvals.ask(CALL)];
    expect(asked(0).requestId).not.toBe(asked(1).requestId);
    approvals.answer(asked(1).requestId, 'deny', undefined);
    approvals.answer(asked(0).requestId, 'allow', undefined);
    expect((await Promise.all(both)).map(({ decision }) => decision)).toEqual(['allow', 'deny']);
    expect(answers()).toHaveLength(2);
  });

  it('a request that was asked earlier has only the time that is left', async () => {
    const { approvals, asked, answers } = scene();
    vi.advanceTimersByTime(100_000);
    const answer = approvals.ask(CALL, Date.now() - 45_000);
    expect(asked()).toMatchObject({ askedAt: Date.now() - 45_000, deadline: Date.now() + 15_000 });
    vi.advanceTimersByTime(14_999);
    expect(answers()).toEqual([]);
    vi.advanceTimersByTime(1);
    expect(await answer).toMatchObject({ decision: 'deny', by: 'timeout' });
  });

  it('the deadline of an earlier request is extended by the time for which the run was paused', async () => {
    vi.advanceTimersByTime(10 * MINUTE);
    const askedAt = Date.now() - 10 * MINUTE;
    const { approvals, requests, asked, answers } = scene(MINUTE, {
      number: 1,
      pauses: [{ pausedAt: askedAt, resumedAt: askedAt + 9.5 * MINUTE }],
    });
    requests.pause(); // The run is still paused.
    const answer = approvals.ask(CALL, askedAt);
    expect(asked()).toMatchObject({ askedAt, deadline: Date.now() + 30_000 });
    vi.advanceTimersByTime(5 * MINUTE);
    expect(answers()).toEqual([]);
    expect([...requests.resume().values()]).toEqual([Date.now() + 30_000]);
    vi.advanceTimersByTime(29_999);
    expect(answers()).toEqual([]);
    vi.advanceTimersByTime(1);
    expect(await answer).toMatchObject({ by: 'timeout' });
  });

  it('an earlier request without time left is put on record as asked and then denied', async () => {
    const { approvals, actions } = scene();
    vi.advanceTimersByTime(100_000);
    const answer = approvals.ask(CALL, Date.now() - MINUTE - 1);
    vi.advanceTimersByTime(1);
    expect(await answer).toMatchObject({ decision: 'deny', by: 'timeout' });
    expect(actions.map(({ type }) => type)).toEqual(['asked', 'answered']);
  });

  it('a request that seems to be asked in the future has no more than the whole time', async () => {
    const { approvals, answers } = scene();
    const answer = approvals.ask(CALL, Date.now() + 24 * 3_600_000);
    vi.advanceTimersByTime(MINUTE - 1);
    expect(answers()).toEqual([]);
    vi.advanceTimersByTime(1);
    expect(await answer).toMatchObject({ by: 'timeout' });
  });
});

describe("the run's limits", () => {
  const asking = (approvals: Approvals, toolUseId = 'toolu-1') => approvals.ask({ ...CALL, toolUseId });

  it('the limits of a run do not count time while a person is asked', () => {
    const { approvals, requests, asked } = scene();
    expect(requests.holdsTime).toBe(false);
    void asking(approvals);
    expect(requests.holdsTime).toBe(true);
    approvals.answer(asked().requestId, 'deny', undefined);
    expect(requests.holdsTime).toBe(false);
  });

  it('the limits count time again after three unanswered questions, until a person answers', () => {
    const { approvals, requests, asked } = scene();
    for (let question = 0; question < 3; question++) {
      void asking(approvals);
      expect(requests.holdsTime).toBe(true);
      vi.advanceTimersByTime(MINUTE);
    }
    void asking(approvals);
    expect(requests.holdsTime).toBe(false);
    void asking(approvals, 'toolu-2');
    approvals.answer(asked().requestId, 'deny', undefined);
    expect(requests.holdsTime).toBe(true);
  });

  it('the limits also count time again if each question is asked before the last one is denied', () => {
    const { approvals, requests } = scene();
    for (let question = 0; question < 7; question++) {
      void asking(approvals, `toolu-${question}`);
      vi.advanceTimersByTime(MINUTE / 2);
    }
    expect(requests.waiting).toBe(true);
    expect(requests.holdsTime).toBe(false);
  });

  it('several simultaneous questions count as one unanswered question', () => {
    const { approvals, requests } = scene();
    for (const id of ['a', 'b', 'c', 'd']) void asking(approvals, id);
    vi.advanceTimersByTime(MINUTE);
    void asking(approvals);
    expect(requests.holdsTime).toBe(true);
  });

  it('pauses and times without a question do not count as unanswered', () => {
    const { approvals, requests } = scene();
    void asking(approvals);
    requests.pause();
    vi.advanceTimersByTime(10 * MINUTE);
    requests.resume();
    vi.advanceTimersByTime(MINUTE);
    vi.advanceTimersByTime(10 * MINUTE);
    void asking(approvals);
    expect(requests.holdsTime).toBe(true);
  });
});
