import type { Outcome } from '../session/outcome.js';
import type { UnifiedSession } from '../session/record.js';

/** A further run in which the agent gives its result again. */
interface OutputRetry {
  readonly kind: 'go-on';
  readonly feedback: string;
  readonly outputRetry: number;
}

/**
 * The run that follows a run whose result does not fit the option `output`. Undefined if there have been enough of them, or if the
 * run ended for another reason. Pure.
 */
export function outputRetry(
  { asked, conversationId, runs }: UnifiedSession,
  { invalidOutput }: Outcome,
): OutputRetry | undefined {
  const before = runs.at(-1)?.outputRetry ?? 0;
  // Without a conversation, the feedback would be a prompt that nobody understands.
  if (!invalidOutput || conversationId === undefined || before >= (asked?.output?.retries ?? 0)) return undefined;
  return { kind: 'go-on', feedback: feedbackOn(invalidOutput), outputRetry: before + 1 };
}

function feedbackOn(issues: readonly string[]): string {
  const list = issues.map((issue) => `- ${issue}`).join('\n');
  return `Your result does not have the form that was asked for:\n${list}\nGive the whole result again, corrected, with the tool StructuredOutput.`;
}
