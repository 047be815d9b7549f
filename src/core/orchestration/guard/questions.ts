import { createHash } from 'node:crypto';
import type { ToolCall } from '../session/policy.js';
import type { PendingQuestion, Question, QuestionAnswer, QuestionSource } from '../session/question.js';
import type { RunRecord } from '../session/run-record.js';
import { deepFrozen } from '../util/deep-frozen.js';
import { type Deferred, deferred } from '../util/deferred.js';
import { OrchestrationError, quote } from '../util/errors.js';
import type { PersonRequests } from './person-requests.js';
import { answeredText, questionsIn, unansweredText } from './question-texts.js';

/** An agent asks one thing after the other, and each of its subagents may do so, too. */
const MOST_WAITING = 16;

interface Pending {
  readonly question: PendingQuestion;
  /** Resolves with what the agent is told. */
  readonly told: Deferred<string>;
}

/** The questions of one run's agent that wait for a person. Each is answered exactly once. */
export class Questions {
  readonly #pending = new Map<string, Pending>();
  readonly #record: RunRecord;
  readonly #requests: PersonRequests;
  readonly #decline: boolean;

  /**
   * @param requests what of this run waits for a person
   * @param decline true if nobody is there to ask, so that the agent is told so at once
   */
  constructor(record: RunRecord, requests: PersonRequests, decline: boolean) {
    this.#record = record;
    this.#requests = requests;
    this.#decline = decline;
  }

  /**
   * Asks a person the questions of a call, and resolves with what the agent is told.
   *
   * @param askedAt as for `Approvals.ask`
   */
  ask(call: Pick<ToolCall, 'toolUseId' | 'input'>, askedAt = this.#now()): Promise<string> {
    const requests = this.#requests;
    const questions = questionsIn(call.input);
    if (!questions) return Promise.resolve(unansweredText('The questions could not be read, so nobody saw them.'));
    if (requests.ended !== undefined) return Promise.resolve(unansweredText(requests.ended));
    if (requests.detached) return new Promise(() => {}); // The hook waits for the process that takes the run over.
    const question = this.#questionOf(call.toolUseId, questions, askedAt);
    const { questionId } = question;
    const waiting = this.#pending.get(questionId);
    if (waiting) return waiting.told.promise;
    if (this.#decline) {
      this.#report(question, 'decline');
      return Promise.resolve(unansweredText('Nobody is there to answer questions.'));
    }
    if (this.#pending.size >= MOST_WAITING) {
      return Promise.resolve(unansweredText(`${MOST_WAITING} questions wait already.`));
    }
    const told = deferred<string>();
    this.#pending.set(questionId, { question, told });
    requests.add(questionId, question.deadline, (by, note) => this.#settle(questionId, by, unansweredText(note)));
    this.#record.dispatch({ type: 'question-asked', at: this.#now(), question });
    return told.promise;
  }

  /**
   * Gives a person's answers.
   *
   * @param answers one for each question, in their order
   * @throws OrchestrationError `REQUEST_NOT_FOUND`; `INVALID_OPTIONS` if the answers do not fit the questions
   */
  answer(questionId: string, answers: readonly QuestionAnswer[]): void {
    const pending = this.#pending.get(questionId);
    if (!pending) {
      const waiting = [...this.#pending.keys()].map((id) => `'${id}'`).join(', ') || 'none';
      throw new OrchestrationError(
        'REQUEST_NOT_FOUND',
        `No question with the id ${quote(questionId)} waits (waiting: ${waiting}); it may have been answered already, or its time is over.`,
      );
    }
    const { questions } = pending.question;
    requireFitting(questions, answers);
    const parts = questions.map(({ text }, index) => ({ text, answer: answers[index] ?? '' }));
    this.#requests.take(questionId, 'person');
    this.#settle(questionId, 'person', answeredText(parts), answers);
  }

  #now(): number {
    return this.#record.clock.now();
  }

  /** The id is derived from the call. So the id survives a takeover, and a page that shows the question can still answer it. */
  #questionOf(toolUseId: string, questions: readonly Question[], askedAt: number): PendingQuestion {
    const questionId = createHash('sha256')
      .update(JSON.stringify([toolUseId, questions]))
      .digest('hex')
      .slice(0, 32);
    return deepFrozen({ questionId, toolUseId, questions, askedAt, deadline: this.#requests.deadline(askedAt) });
  }

  #settle(questionId: string, by: QuestionSource, told: string, answers?: readonly QuestionAnswer[]): void {
    const pending = this.#pending.get(questionId);
    if (!pending) return;
    this.#pending.delete(questionId);
    this.#report(pending.question, by, answers);
    pending.told.resolve(told);
  }

  #report(question: PendingQuestion, by: QuestionSource, answers?: readonly QuestionAnswer[]): void {
    this.#record.dispatch({
      type: 'question-answered',
      at: this.#now(),
      question,
      by,
      ...(answers && { answers: deepFrozen(structuredClone(answers)) }),
    });
  }
}

/** @throws OrchestrationError `INVALID_OPTIONS` */
function requireFitting(questions: readonly Question[], answers: readonly QuestionAnswer[]): void {
  const refused = (name: string, why: string): OrchestrationError =>
    new OrchestrationError('INVALID_OPTIONS', `Option '${name}': ${why}`);
  if (answers.length !== questions.length) {
    const asked = questions.length === 1 ? 'is 1 question' : `are ${questions.length} questions`;
    throw refused('answers', `there ${asked}, and each needs one answer, in their order. Received ${answers.length}.`);
  }
  for (const [index, { text, multiSelect }] of questions.entries()) {
    if (typeof answers[index] === 'string' || multiSelect) continue;
    throw refused(`answers.${index}`, `the question ${quote(text)} takes one text, not a list.`);
  }
}
