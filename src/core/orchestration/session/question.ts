import type { ApprovalSource } from './denial.js';

/** What becomes of the questions that an agent asks: a person is asked, or the agent is told to decide for itself. */
export type QuestionMode = 'ask' | 'decline';

/** One of the choices that the agent offers. Agent-controlled text: show it as text only. */
export interface QuestionOption {
  /** Cut at 200 characters. */
  readonly label: string;
  /** What the choice means. Cut at 500 characters. */
  readonly description?: string;
  /** A sample of what the choice leads to, for example a drawing in characters. Cut at 1,000 characters. */
  readonly preview?: string;
}

/** One question of the agent. Agent-controlled text: show it as text only. */
export interface Question {
  /** A word or two about the subject. Cut at 200 characters. */
  readonly header?: string;
  /** Cut at 2,000 characters. */
  readonly text: string;
  /** At most 8. An answer in other words is possible, too. Empty if the agent offers none. */
  readonly options: readonly QuestionOption[];
  /** True if several options may be chosen. */
  readonly multiSelect: boolean;
}

/** Questions that the agent has asked together (Claude's tool `AskUserQuestion`) and that wait for a person. */
export interface PendingQuestion {
  /** The id for `answer`. */
  readonly questionId: string;
  readonly toolUseId: string;
  /** From 1 to 4. All of them are answered together. */
  readonly questions: readonly Question[];
  readonly askedAt: number;
  /**
   * If nobody has answered by this time, the agent is told to decide for itself. A pause of the session moves this time to
   * later.
   */
  readonly deadline: number;
}

/** The answer to one question: the label of an option or other words. Several only if the question has `multiSelect`. */
export type QuestionAnswer = string | readonly string[];

/**
 * Why questions do not wait any more: a person has answered, the time limit or the run was over, or the session has
 * `questions: 'decline'`.
 */
export type QuestionSource = ApprovalSource | 'decline';

/** Questions that do not wait any more. */
export interface AnsweredQuestion {
  readonly questionId: string;
  readonly questions: readonly AnsweredPart[];
  readonly by: QuestionSource;
  /** When they were answered, or ceased to wait. */
  readonly at: number;
}

/** One question with its answer. */
export interface AnsweredPart {
  readonly text: string;
  /** Absent if no person has answered. Then the agent was told to decide for itself. */
  readonly answer?: QuestionAnswer;
}
