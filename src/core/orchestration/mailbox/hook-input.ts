import type { AskedCall } from '../session/policy.js';
import { NAME_LENGTH, truncate } from '../util/text.js';
import { isJsonOfTooManyValues } from '../util/value-count.js';

/** A request as the hook wrote it. Every field is agent-controlled. */
export interface HookInput {
  hook_event_name?: unknown;
  session_id?: unknown;
  /** Set only in a subagent. */
  agent_id?: unknown;
  tool_name?: unknown;
  tool_input?: unknown;
  tool_use_id?: unknown;
}

/** @throws Error if it is not JSON, or has too many values to examine */
export function parseHookInput(bytes: Buffer): HookInput {
  if (isJsonOfTooManyValues(bytes)) throw new Error('it has too many values');
  const parsed: unknown = JSON.parse(bytes.toString('utf8'));
  return typeof parsed === 'object' && parsed !== null ? parsed : {};
}

/** The tool call for which a hook was started. @param askedAt when the hook asked, in epoch milliseconds; absent means now */
export function callOf({ tool_use_id, tool_name, tool_input }: HookInput, askedAt?: number): AskedCall {
  return {
    // Cut like those in the log. The agent chooses both, and both are part of records.
    toolUseId: truncate(String(tool_use_id), NAME_LENGTH),
    tool: truncate(String(tool_name), NAME_LENGTH),
    input: tool_input,
    ...(askedAt !== undefined && { askedAt }),
  };
}

/** The output with which a hook denies its call, in the format that Claude Code expects. */
export function denial(reason: string): string {
  return JSON.stringify({
    hookSpecificOutput: {
      hookEventName: 'PreToolUse',
      permissionDecision: 'deny',
      permissionDecisionReason: reason,
    },
  });
}
