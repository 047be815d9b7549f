import type { ToolUsageRecord } from '../session/metadata.js';
import type { UnifiedSession } from '../session/record.js';
import { quote } from '../util/errors.js';
import { singleLine, truncate } from '../util/text.js';

const MOST_CALLS = 5;
const CALL_LENGTH = 300;

/**
 * What an agent is told when its session goes on by itself.
 *
 * The conversation of Claude Code 2.1.98 does not contain a call that was interrupted. That of 2.1.332 has it, and says that its
 * outcome is unknown. So the text names the calls whose outcome is not known.
 */
export function goOnText({ runs, metadata }: UnifiedSession): string {
  const last = runs.at(-1);
  const began = last?.startedAt ?? last?.launchedAt ?? 0;
  const open = metadata.toolsUsed.filter(({ outcome, startedAt }) => outcome === undefined && startedAt >= began);
  const why =
    last?.failure?.pausedFor === 'retry'
      ? 'The last run was interrupted by a failure.'
      : 'The last run was interrupted.';
  const text =
    `Continue from where you left off. ${why} The results of the calls that ran are in this conversation: do not make them again. ` +
    'A call without a result has an unknown outcome: check what it did before you make it again.';
  if (open.length === 0) return text;
  return `${text}\nThese calls had begun, and their outcome is unknown:\n${open.slice(-MOST_CALLS).map(lineOf).join('\n')}`;
}

function lineOf({ name, input }: ToolUsageRecord): string {
  return `- ${singleLine(truncate(`${name} ${quote(input)}`, CALL_LENGTH))}`;
}
