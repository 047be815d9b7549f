import { classifyError } from '../session/error-classifier.js';
import type { Observation } from '../session/observation.js';
import { blocksOf, isObject, type Json } from './content-blocks.js';
import { clipped, textOf } from './event-fields.js';

/** What an event with the results of tool calls reports. */
export function readUser(event: Json): Observation[] {
  const message = isObject(event.message) ? event.message : {};
  const found: Observation[] = [];
  for (const block of blocksOf(message.content)) {
    if (block.type !== 'tool_result' || typeof block.tool_use_id !== 'string') continue;
    const output = textOf(block.content);
    const failed = block.is_error === true;
    const toolUseId = clipped(block.tool_use_id);
    const denied = failed && isDenial(output);
    found.push({ kind: 'tool-result', toolUseId, outcome: denied ? 'denied' : failed ? 'error' : 'ok', output });
    // A refusal stays a refusal, even if its message reads like another error.
    const refusal = denied ? { severity: 'warning' as const, code: 'denied' } : {};
    if (failed) found.push({ kind: 'error', ...classifyError(output, 'tool'), ...refusal, toolUseId });
  }
  return found;
}

/** The words of Claude Code 2.1.98 for a call that was not allowed. */
const DENIAL =
  /^(Permission to use .+ has been denied|Claude requested permissions to |The user doesn't want to |This command requires approval)|was blocked\. For security, Claude Code /;

function isDenial(output: string): boolean {
  return DENIAL.test(output.slice(0, 500));
}
