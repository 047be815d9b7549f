import type { AnsweredPart, Question, QuestionOption } from '../session/question.js';
import { NAME_LENGTH, stripControl, truncate } from '../util/text.js';

/** Claude's tool with which the agent asks its user something. */
const QUESTION_TOOL = 'AskUserQuestion';

/** Claude asks at most 4 questions with 4 options each. */
const MOST_QUESTIONS = 4;
const MOST_OPTIONS = 8;
const TEXT_LENGTH = 2_000;
const DESCRIPTION_LENGTH = 500;
const PREVIEW_LENGTH = 1_000;
/** How much of a question is repeated to the agent with its answer. */
const REPEATED_LENGTH = 200;

/** True if a call asks the user something. */
export function isQuestion(tool: string): boolean {
  return tool === QUESTION_TOOL;
}

/** The questions in the input of a call. Undefined if it cannot be read as questions. Everything in it is agent-controlled. */
export function questionsIn(input: unknown): readonly Question[] | undefined {
  const given = fieldsOf(input).questions;
  if (!Array.isArray(given) || given.length === 0 || given.length > MOST_QUESTIONS) return undefined;
  const questions = given.map(questionOf);
  return questions.every((question) => question !== undefined) ? questions : undefined;
}

function questionOf(given: unknown): Question | undefined {
  const { header, question, options, multiSelect } = fieldsOf(given);
  const text = textIn(question, TEXT_LENGTH);
  if (text === undefined) return undefined;
  const heading = textIn(header, NAME_LENGTH);
  const offered = Array.isArray(options) ? options.slice(0, MOST_OPTIONS) : [];
  return {
    ...(heading !== undefined && { header: heading }),
    text,
    options: offered.flatMap((option) => optionOf(option) ?? []),
    multiSelect: multiSelect === true,
  };
}

function optionOf(given: unknown): QuestionOption | undefined {
  const fields = fieldsOf(given);
  const label = textIn(fields.label, NAME_LENGTH);
  if (label === undefined) return undefined;
  const description = textIn(fields.description, DESCRIPTION_LENGTH);
  const preview = textIn(fields.preview, PREVIEW_LENGTH);
  return { label, ...(description !== undefined && { description }), ...(preview !== undefined && { preview }) };
}

function fieldsOf(value: unknown): Record<string, unknown> {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
}

function textIn(value: unknown, most: number): string | undefined {
  return typeof value === 'string' && value.trim() !== '' ? truncate(value, most) : undefined;
}

// The agent gets these texts as the reason of a denied call. Newer releases put the words "hook error" before the reason.

/** What the agent is told if a person has answered. */
export function answeredText(parts: readonly AnsweredPart[]): string {
  const lines = parts.map(({ text, answer = '' }) => {
    const chosen = (typeof answer === 'string' ? [answer] : answer).map((one) => `"${one}"`).join(', ');
    return `"${truncate(text, REPEATED_LENGTH)}" = ${chosen}`;
  });
  return sayable(`This is not an error: the user was asked, and has answered.\n${lines.join('\n')}\nGo on with that.`);
}

/** What the agent is told if nobody has answered. @param why a sentence */
export function unansweredText(why: string): string {
  return sayable(
    `This is not an error, and nothing was forbidden. ${why} Do not wait and do not ask again: decide for yourself as well as ` +
      'you can, go on with your work, and say in your last message what you have decided.',
  );
}

/**
 * A text that reaches the log unchanged. The guard looks for it there, because its presence shows that the call did not run. A
 * half of a surrogate pair would become another character on the way.
 */
function sayable(text: string): string {
  return Buffer.from(stripControl(text).trim(), 'utf8').toString('utf8');
}
