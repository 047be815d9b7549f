import { describe, expect, it } from 'vitest';
import type { SessionAction } from '../../../../src/core/orchestration/session/actions.js';
import { eventsOf } from '../../../../src/core/orchestration/session/events.js';
import type { AnsweredQuestion } from '../../../../src/core/orchestration/session/question.js';
import { unfrozenParts } from '../../../support/frozen.js';
import { afterActions, guardRequest, pendingQuestion, runningSession } from '../../../support/sessions.js';

const asked = (id: string): SessionAction => ({ type: 'question-asked', at: 10, question: pendingQuestion(id) });
const answered = (id: string, change: object = { by: 'person', answers: ['Yes'] }): SessionAction =>
  ({ type: 'question-answered', at: 11, question: pendingQuestion(id), ...change }) as SessionAction;

describe('a question of the agent', () => {
  it('a session waits until its last question and its last approval are answered', () => {
    const request = guardRequest('r');
    const both = afterActions(runningSession(), asked('q1'), { type: 'asked', at: 10, request }, asked('q2'));
    expect(both.pendingQuestions?.map(({ questionId }) => questionId)).toEqual(['q1', 'q2']);
    const one = afterActions(both, answered('q1'), {
      type: 'answered',
      at: 12,
      request,
      decision: 'deny',
      by: 'person',
    });
    expect([one.status, one.pendingQuestions?.length]).toEqual(['waiting_feedback', 1]);
    const none = afterActions(one, answered('q2'));
    expect(none.status).toBe('running');
    expect(none).not.toHaveProperty('pendingQuestions');
    expect(unfrozenParts(none)).toEqual([]);
  });

  it('the record says what was answered and by whom, and keeps the latest ten', () => {
    const ids = Array.from({ length: 12 }, (_, index) => `q${index}`);
    const session = afterActions(runningSession(), ...ids.flatMap((id) => [asked(id), answered(id)]));
    expect(session.answeredQuestions?.map(({ questionId }) => questionId)).toEqual(ids.slice(2));
    const questions = [{ text: 'Go on?', answer: 'Yes' }];
    const last: AnsweredQuestion = { questionId: 'q11', questions, by: 'person', at: 11 };
    expect(session.answeredQuestions?.at(-1)).toEqual(last);
    const alone = afterActions(runningSession(), answered('q', { by: 'decline' }));
    expect(alone.answeredQuestions).toEqual([
      { questionId: 'q', questions: [{ text: 'Go on?' }], by: 'decline', at: 11 },
    ]);
  });

  it('a question in a paused session waits on, with a later deadline', () => {
    const paused = afterActions(runningSession(), asked('q'), { type: 'paused', at: 12 });
    const resumed = afterActions(paused, { type: 'resumed', at: 20, deadlines: [['q', 700_000]] });
    expect(resumed.status).toBe('waiting_feedback');
    expect(resumed.pendingQuestions?.[0]?.deadline).toBe(700_000);
  });

  it.each([
    ['ended', { type: 'ended', at: 20, status: 'cancelled', result: { reason: 'cancelled' } }],
    ['suspended', { type: 'suspended', at: 20, resumeAt: 30 }],
    ['continued', { type: 'continued', at: 20, feedback: 'x' }],
  ] as const)("no question waits any more in a session after '%s'", (_, action) => {
    const session = afterActions(runningSession(), asked('q'), action);
    expect(session).not.toHaveProperty('pendingQuestions');
  });

  it.each([
    [asked('q'), { state: 'asked' }],
    [answered('q'), { state: 'answered', by: 'person', answers: ['Yes'] }],
    [answered('q', { by: 'timeout' }), { state: 'unanswered', by: 'timeout' }],
  ])('the event of an action tells the state of the question: %#', (action, told) => {
    const session = runningSession();
    expect(eventsOf(action, session, 11, session)).toEqual([
      { type: 'session:question', sessionId: 'session', at: 11, session, question: pendingQuestion('q'), ...told },
    ]);
  });
});
