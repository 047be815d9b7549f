import type { QuestionAnswer } from '../session/question.js';
import { OrchestrationError } from '../util/errors.js';
import { stripControl } from '../util/text.js';
import { lazily } from '../util/zod.js';
import { check } from './check.js';

const MOST_LENGTH = 2_000;
/** All answers reach the agent in one text. Claude Code would put a longer text into a file, which an agent may not read. */
const MOST_IN_ALL = 6_000;
const MOST_CHOICES = 20;
/** More than an agent can ask at once. */
const MOST_ANSWERS = 20;

const schema = lazily((z) => {
  const words = z
    .string()
    .max(MOST_LENGTH)
    // An answer of control characters only would be empty for the agent.
    .refine((value) => stripControl(value).trim() !== '', 'must not be empty');
  const answer = z.union([words, z.array(words).min(1).max(MOST_CHOICES)]);
  return z.object({ answers: z.array(answer).min(1).max(MOST_ANSWERS) });
});

/**
 * Checks the answers to the questions of an agent, and copies them. Which questions there are is known only where they wait.
 *
 * @throws OrchestrationError `INVALID_OPTIONS`
 */
export function resolveAnswers(answers: readonly QuestionAnswer[]): readonly QuestionAnswer[] {
  check(schema(), { answers });
  const length = answers.flat().reduce((sum, one) => sum + one.length, 0);
  if (length > MOST_IN_ALL) {
    throw new OrchestrationError(
      'INVALID_OPTIONS',
      `Option 'answers': all answers together may have ${MOST_IN_ALL} characters. Received ${length}. Shorten them, or put the ` +
        'text into a file of the workspace and name the file.',
    );
  }
  const cleaned = (text: string): string => stripControl(text).trim();
  return answers.map((answer) => (typeof answer === 'string' ? cleaned(answer) : answer.map(cleaned)));
}
