import { deepFrozen } from '../util/deep-frozen.js';
import type { GuardRequest } from './metadata.js';
import type { AnsweredQuestion, PendingQuestion, QuestionAnswer, QuestionSource } from './question.js';
import type { UnifiedSession } from './record.js';
import { frozen } from './run-changes.js';

/** How many answered questions a record keeps. */
const KEPT_ANSWERS = 10;

export function approvalsOf(session: UnifiedSession): readonly GuardRequest[] {
  return session.pendingApprovals ?? [];
}

function questionsOf(session: UnifiedSession): readonly PendingQuestion[] {
  return session.pendingQuestions ?? [];
}

/** The record with these tool calls waiting for a person. */
export function withApprovals(session: UnifiedSession, approvals: readonly GuardRequest[]): UnifiedSession {
  const { pendingApproval: _, pendingApprovals: __, ...rest } = session;
  const [first] = approvals;
  return withStatus({
    ...rest,
    ...(first && { pendingApproval: first, pendingApprovals: frozen([...approvals]) }),
  });
}

/** The record with these questions waiting for a person. */
function withQuestions(session: UnifiedSession, questions: readonly PendingQuestion[]): UnifiedSession {
  const { pendingQuestions: _, ...rest } = session;
  return withStatus({ ...rest, ...(questions.length > 0 && { pendingQuestions: frozen([...questions]) }) });
}

/** The record with further questions waiting for a person. */
export function withQuestion(session: UnifiedSession, question: PendingQuestion): UnifiedSession {
  return withQuestions(session, [...questionsOf(session), deepFrozen(question)]);
}

/** The record after questions were answered, or ceased to wait. */
export function withAnswer(
  session: UnifiedSession,
  question: PendingQuestion,
  { at, by, answers }: { at: number; by: QuestionSource; answers?: readonly QuestionAnswer[] | undefined },
): UnifiedSession {
  const { questionId } = question;
  const answered: AnsweredQuestion = {
    questionId,
    questions: frozen(
      question.questions.map(({ text }, index) => {
        const answer = answers?.[index];
        return { text, ...(answer !== undefined && { answer: deepFrozen(answer) }) };
      }),
    ),
    by,
    at,
  };
  const earlier = (session.answeredQuestions ?? []).slice(1 - KEPT_ANSWERS);
  return withQuestions(
    { ...session, answeredQuestions: frozen([...earlier, answered]) },
    questionsOf(session).filter((one) => one.questionId !== questionId),
  );
}

/** The record with later deadlines for everything that waits for a person. */
export function withDeadlines(
  session: UnifiedSession,
  deadlines: readonly (readonly [id: string, deadline: number])[],
): UnifiedSession {
  const later = new Map(deadlines);
  const approvals = approvalsOf(session).map((one) => ({ ...one, deadline: later.get(one.requestId) ?? one.deadline }));
  const questions = questionsOf(session).map((one) => ({
    ...one,
    deadline: later.get(one.questionId) ?? one.deadline,
  }));
  return withQuestions(withApprovals(session, approvals), questions);
}

/** The record with nothing waiting for a person. */
export function withNothingAsked(session: UnifiedSession): UnifiedSession {
  return withQuestions(withApprovals(session, []), []);
}

/** The record of a session that has something to do again. */
export function awake({ waitingFor: _, ...session }: UnifiedSession): UnifiedSession {
  return withStatus(session);
}

/** A running session has the status `waiting_feedback` while a person is asked, or while it has nothing to do. */
export function withStatus(session: UnifiedSession): UnifiedSession {
  const { status, pendingApproval, pendingQuestions, waitingFor } = session;
  if (status !== 'running' && status !== 'waiting_feedback') return session;
  const waits = pendingApproval !== undefined || pendingQuestions !== undefined || waitingFor !== undefined;
  return { ...session, status: waits ? 'waiting_feedback' : 'running' };
}
