import type { AskedCall } from '../session/policy.js';
import { NAME_LENGTH, truncate } from '../util/text.js';
import { isJsonOfTooManyValues } from '../util/value-count.js';

/** A request as the hook wrote it: every field is agent-controlled. */
export interface HookInput {
  hook_event_name?: unknown;
  session_id?: unknown;
  /** Only in a subagent. */
  agent_id?: unknown;
  tool_name?: unknown;
  tool_input?: unknown;
  tool_use_id?: unknown;
}

/** @throws Error where it is no JSON, or has more values than may be looked at */
export function parseHookInput(bytes: Buffer): HookInput {
  if (isJsonOfTooManyValues(bytes)) throw new Error('it has too many values');
  const parsed: unknown = JSON.parse(bytes.toString('utf8'));
  return typeof parsed === 'object' && parsed !== null ? parsed : {};
}

/** The tool call that a hook was started for. @param askedAt when, in epoch milliseconds; absent for now */
export function callOf({ tool_use_id, tool_name, tool_input }: HookInput, askedAt?: number): AskedCall {
  return {
    // As in the log: both are the agent's to choose, and stand in records.
    toolUseId: truncate(String(tool_use_id), NAME_LENGTH),
    tool: truncate(String(tool_name), NAME_LENGTH),
    input: tool_input,
    ...(askedAt !== undefined && { askedAt }),
  };
}

/** What a hook prints in order to deny its call, in the words that Claude Code takes. */
export function denial(reason: string): string {
  return JSON.stringify({
    hookSpecificOutput: {
      hookEventName: 'PreToolUse',
      permissionDecision: 'deny',
      permissionDecisionReason: reason,
    },
  });
}
