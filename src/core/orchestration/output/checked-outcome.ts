import type { ResultObservation } from '../session/observation.js';
import type { Outcome } from '../session/outcome.js';
import type { OutputIssue, OutputRequest, StandardOutputSchema } from '../session/output-schema.js';
import { deepFrozen } from '../util/deep-frozen.js';
import { withTimeout } from '../util/deferred.js';
import { messageOf } from '../util/errors.js';
import { singleLine, truncate } from '../util/text.js';
import { outputIssues } from './validator.js';

/** Claude Code's word for a result that did not fit, however often its agent tried. */
const GAVE_UP = 'error_max_structured_output_retries';
/** How long a program's own schema may take, in milliseconds. The run keeps its slot meanwhile. */
const MOST_CHECK_MS = 30_000;
const MOST_ISSUES = 20;
const MOST_ISSUE = 300;

/**
 * Checks the typed result of a run that ended well, because the log is the agent's word. A result that fits goes into the outcome.
 * Otherwise the outcome becomes `failed`, with the problems. A run that failed for another reason stays as it is.
 *
 * @param asked undefined if no typed result was asked for
 * @param accepts the schema of the program that created the session, if it is in this process. It may ask for more than its JSON
 * Schema can say
 */
export async function checkedOutcome(
  outcome: Outcome,
  observed: ResultObservation | undefined,
  asked: OutputRequest | undefined,
  accepts: StandardOutputSchema | undefined,
): Promise<Outcome> {
  const hasGivenUp = outcome.status === 'failed' && observed?.subtype === GAVE_UP;
  if (!asked || (outcome.status !== 'completed' && !hasGivenUp)) return outcome;
  const { output, outputProblem } = observed ?? {};
  if (outputProblem !== undefined) return unfit(outcome, [outputProblem]);
  if (output === undefined) return unfit(outcome, [(hasGivenUp && observed?.text) || 'no result was given']);
  const value = asked.forClaude?.wrapped ? unwrapped(output) : output;
  if (value === undefined) return unfit(outcome, ["/value: the property 'value' is missing"]);
  const problems = await outputIssues(asked.schema, value);
  const issues = problems.length > 0 ? problems : await issuesOf(accepts, value);
  if (issues.length > 0) return unfit(outcome, issues);
  return { ...outcome, result: { ...outcome.result, output: deepFrozen(value) } };
}

function unwrapped(output: unknown): unknown {
  return typeof output === 'object' && output !== null && Object.hasOwn(output, 'value')
    ? (output as { value: unknown }).value
    : undefined;
}

function unfit({ result }: Outcome, found: readonly string[]): Outcome {
  const issues = found.slice(0, MOST_ISSUES).map((issue) => truncate(singleLine(issue), MOST_ISSUE));
  const error = `The result does not fit the schema of the option 'output': ${issues.join('; ')}.`;
  return { status: 'failed', result: { ...result, reason: 'invalid_output', error }, invalidOutput: issues };
}

/** The program's own schema gets a copy, because it may change what it gets. */
async function issuesOf(accepts: StandardOutputSchema | undefined, value: unknown): Promise<readonly string[]> {
  if (!accepts) return [];
  try {
    const verdict = Promise.resolve(accepts['~standard'].validate(structuredClone(value)));
    const found = await withTimeout(verdict, MOST_CHECK_MS);
    if (!found) return [`the schema's own check did not end within ${MOST_CHECK_MS / 1_000} s`];
    return (found.issues ?? []).map(textOf);
  } catch (error) {
    return [`the schema's own check failed: ${messageOf(error)}`];
  }
}

function textOf({ path = [], message }: OutputIssue): string {
  const keys = path.map((part) => String(typeof part === 'object' ? part.key : part));
  return `${keys.length === 0 ? 'the result' : `/${keys.join('/')}`}: ${message}`;
}
