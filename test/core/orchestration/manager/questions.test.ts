import type { SessionEvent, SessionManagerOptions, UnifiedSessionManager } from 'autonomous-orchestration';
import { SimulatedExecutor, type SimulatedScript, scriptedRun } from 'autonomous-orchestration/testing';
import { describe, expect, it, vi } from 'vitest';
import { fakeClock } from '../../../support/clock.js';
import { errorOf } from '../../../support/errors.js';
import { DONE, nextEvent, simulate } from '../../../support/simulate.js';

const QUESTIONS = [
  { question: 'Which database?', multiSelect: false, options: [{ label: 'SQLite' }, { label: 'Postgres' }] },
];
const ASKS: SimulatedScript = ({ conversationId }) =>
  scriptedRun([{ tool: 'AskUserQuestion', input: { questions: QUESTIONS } }, { text: 'Done.' }], { conversationId });

async function waiting(manager: UnifiedSessionManager, options = {}): Promise<{ id: string; questionId: string }> {
  const { id } = await manager.create({ prompt: 'x', ...options });
  const { pendingQuestions } = await manager.waitFor(id, { status: 'waiting_feedback' });
  return { id, questionId: pendingQuestions?.[0]?.questionId ?? '' };
}

const questions = (events: readonly SessionEvent[], id: string): unknown[] =>
  events.flatMap((event) =>
    event.type === 'session:question' && event.sessionId === id ? [[event.state, event.by, event.answers]] : [],
  );

describe('answer()', () => {
  it('the answer reaches the agent, and the record says who answered', async () => {
    const { manager, events } = simulate(ASKS);
    const asking = nextEvent(manager, 'session:question');
    const { id, questionId } = await waiting(manager);
    expect(await asking).toMatchObject({ state: 'asked', question: { questionId } });
    const answered = await manager.answer(id, questionId, ['SQLite']);
    expect(answered.status).toBe('running');
    expect(answered).not.toHaveProperty('pendingQuestions');
    const ended = await manager.waitFor(id);
    expect(ended.status).toBe('completed');
    expect(ended.answeredQuestions).toMatchObject([
      { questionId, questions: [{ text: 'Which database?', answer: 'SQLite' }], by: 'person' },
    ]);
    expect(ended.metadata.toolsUsed).toMatchObject([{ name: 'AskUserQuestion', outcome: 'ok' }]);
    expect(ended.metadata.errors).toEqual([]);
    expect(questions(events, id)).toEqual([
      ['asked', undefined, undefined],
      ['answered', 'person', ['SQLite']],
    ]);
    const [result] = events.filter((event) => event.type === 'session:tool-result');
    expect(result?.output).toContain('"Which database?" = "SQLite"');
  });

  it('wrong answers are refused, and the question waits on', async () => {
    const { manager } = simulate(ASKS);
    const { id, questionId } = await waiting(manager);
    await errorOf(manager.answer(id, questionId, []), 'INVALID_OPTIONS');
    await errorOf(manager.answer(id, questionId, ['x'.repeat(2_001)]), 'INVALID_OPTIONS');
    await errorOf(manager.answer(id, questionId, ['SQLite', 'Postgres']), 'INVALID_OPTIONS');
    const { message } = await errorOf(manager.answer(id, 'other', ['SQLite']), 'REQUEST_NOT_FOUND');
    expect(message).toContain(questionId);
    await errorOf(manager.approve(id, questionId), 'REQUEST_NOT_FOUND');
    expect(manager.get(id)?.pendingQuestions).toHaveLength(1);
  });

  it('a question that is over, a session that has ended and an unknown session are refused', async () => {
    const { manager } = simulate(({ conversationId }) => {
      const ask = { tool: 'AskUserQuestion', input: { questions: QUESTIONS } };
      return scriptedRun([ask, { text: 'Working.', afterMs: 60_000 }], { conversationId });
    });
    const { id, questionId } = await waiting(manager);
    await manager.answer(id, questionId, ['SQLite']);
    const { message } = await errorOf(manager.answer(id, questionId, ['Postgres']), 'REQUEST_NOT_FOUND');
    expect(message).toContain('waiting: none');
    await manager.cancel(id);
    await errorOf(manager.answer(id, questionId, ['Postgres']), 'ILLEGAL_TRANSITION');
    await errorOf(manager.answer('x', questionId, ['Postgres']), 'SESSION_NOT_FOUND');
    await manager.close();
    await errorOf(manager.answer(id, questionId, ['Postgres']), 'MANAGER_CLOSED');
  });
});

describe('questions that nobody answers', () => {
  const told = (events: readonly SessionEvent[]): string =>
    events.flatMap((event) => (event.type === 'session:tool-result' ? [event.output] : [])).join();

  it('when the time is over, the agent decides for itself and goes on', async () => {
    const { manager, events } = simulate(ASKS, { policy: { approvalTimeoutMs: 1 } });
    const { id } = await manager.create({ prompt: 'x' });
    const ended = await manager.waitFor(id);
    expect(ended.status).toBe('completed');
    expect(ended.answeredQuestions).toMatchObject([{ by: 'timeout', questions: [{ text: 'Which database?' }] }]);
    expect(told(events)).toContain('decide for yourself');
    expect(events.filter(({ type }) => type === 'session:denied')).toEqual([]);
  });

  it.each<[string, SessionManagerOptions, object]>([
    ['the manager', { questions: 'decline' }, {}],
    ['the session', {}, { questions: 'decline' }],
    ['the session, over the manager', { questions: 'ask' }, { questions: 'decline' }],
  ])('nothing waits if %s has questions: decline', async (_, options, own) => {
    const { manager, events } = simulate(ASKS, options);
    const { id } = await manager.create({ prompt: 'x', ...own });
    expect((await manager.waitFor(id)).answeredQuestions).toMatchObject([{ by: 'decline' }]);
    expect(questions(events, id)).toEqual([['unanswered', 'decline', undefined]]);
    expect(told(events)).toContain('Nobody is there to answer questions.');
  });

  it('a session can ask although its manager declines, and a wrong value is refused', async () => {
    const { manager } = simulate(ASKS, { questions: 'decline' });
    await waiting(manager, { questions: 'ask' });
    const wrong = { prompt: 'x', questions: 'no' as 'ask' };
    const { message } = await errorOf(manager.create(wrong), 'INVALID_OPTIONS');
    expect(message).toContain("Option 'questions'");
    expect(message).toContain('"no"');
  });

  it('the children of a leader inherit what becomes of questions', async () => {
    const executors = { orchestration: new Leading(DONE), autonomous: new SimulatedExecutor(ASKS) };
    const { manager: leading } = simulate(DONE, { executors });
    const leader = await leading.create({ prompt: 'x', mode: 'orchestration', questions: 'decline' });
    await leading.waitFor(leader.id);
    const { id } = await leading.create({ prompt: 'x', parentId: leader.id });
    expect((await leading.waitFor(id)).answeredQuestions).toMatchObject([{ by: 'decline' }]);
  });
});

describe('a session that waits for an answer', () => {
  it('cancel() ends the question and the session', async () => {
    const { manager, events } = simulate(ASKS);
    const { id } = await waiting(manager);
    const cancelled = await manager.cancel(id, 'enough');
    expect(cancelled.status).toBe('cancelled');
    expect(cancelled).not.toHaveProperty('pendingQuestions');
    expect(questions(events, id).at(-1)).toEqual(['unanswered', 'end', undefined]);
  });

  it('continue() ends the question, and the next run can ask again', async () => {
    const { manager, events } = simulate(ASKS);
    const { id } = await waiting(manager);
    const asking = nextEvent(manager, 'session:started').then(() =>
      manager.waitFor(id, { status: 'waiting_feedback' }),
    );
    await manager.continue(id, 'Use what is there.');
    const again = await asking;
    expect(again.runs).toHaveLength(2);
    await manager.answer(id, again.pendingQuestions?.[0]?.questionId ?? '', ['Postgres']);
    expect((await manager.waitFor(id)).status).toBe('completed');
    expect(questions(events, id).map((event) => (event as unknown[])[1])).toEqual([
      undefined,
      'end',
      undefined,
      'person',
    ]);
  });

  it('a question can be answered while its session is paused', async () => {
    const { manager } = simulate(ASKS);
    const { id, questionId } = await waiting(manager);
    expect((await manager.pause(id)).pendingQuestions).toHaveLength(1);
    expect((await manager.answer(id, questionId, ['SQLite'])).status).toBe('paused');
    await manager.resume(id);
    expect((await manager.waitFor(id)).status).toBe('completed');
  });

  it('limits count no time while a person is asked', async () => {
    fakeClock();
    const { manager } = simulate(ASKS);
    const { id, questionId } = await waiting(manager, { limits: { durationMs: 1_000, idleMs: 900 } });
    vi.advanceTimersByTime(500_000);
    expect(manager.get(id)?.status).toBe('waiting_feedback');
    await manager.answer(id, questionId, ['SQLite']);
    expect((await manager.waitFor(id)).status).toBe('completed');
  });

  it('the session keeps its slot', async () => {
    const { manager } = simulate(ASKS, { maxConcurrent: 1 });
    const { id, questionId } = await waiting(manager);
    const next = await manager.create({ prompt: 'x' });
    expect(next.status).toBe('queued');
    await manager.answer(id, questionId, ['SQLite']);
    expect((await manager.waitFor(id)).status).toBe('completed');
  });
});

/** A mode that leads. */
class Leading extends SimulatedExecutor {
  override readonly leads = true;
}
