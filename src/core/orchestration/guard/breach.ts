import type { Observation } from '../session/observation.js';
import type { Verdict } from '../session/policy.js';
import { hasNoHook } from './claude-tools.js';
import { type Fingerprint, isForeign, isSameCall } from './fingerprint.js';

/** The known facts about a call when it ends. */
export interface CallFacts {
  /**
   * The calls that the guard was asked about. A newer release asks twice, before and after it has filled in defaults (2.1.332).
   */
  asked: readonly Fingerprint[];
  /** Absent while nobody has decided. */
  verdict?: Verdict | undefined;
  /** The call according to the log. If the policy lets the call run without asking, only its tool is kept. */
  logged?: { readonly tool: string; readonly risky?: Fingerprint };
  /** True if no process was there to ask when the call was made, and the policy lets calls run in that case. */
  exempt?: boolean;
  /** The log has named the call's tool in two ways. Claude Code does not do that. */
  renamed?: boolean;
}

export type ToolResult = Extract<Observation, { kind: 'tool-result' }>;

/**
 * The agent is told this if a denial is on no record. A process that takes over recognizes such a call by exactly these words.
 */
export const UNRECORDED = 'Denied: the decision could not be written down.';

export const UNREADABLE = 'Denied: the request could not be read.';

/** An MCP server is free to choose its answer. So for its tools, only Claude Code's exact words count. */
const HOOK_FAILED = /^PreToolUse:\w+ hook error: [^\n]*The guard of this session could not be asked: /;

const REFUSED_BEFORE = /^<tool_use_error>(Error: No such tool available: |InputValidationError: |Cancelled: )/;

/**
 * True if the call was refused before it ran. Claude Code's own refusals come before its hooks: unknown tools, inputs that do
 * not match the schema, files that were not read. Measured on 2.1.98. The output of a failed command stands behind
 * `Exit code …` instead.
 */
function neverRan({ outcome, output }: ToolResult, tool: string | undefined): boolean {
  if (outcome === 'ok') return false;
  // Two texts mean that the call did not run: the hook's own words if it could ask nobody, and the words of a process that
  // could not record its decision. Tools of an MCP server are left out, because the server is free to choose its answer.
  if (tool !== undefined && !isForeign(tool) && (HOOK_FAILED.test(output) || isUnrecorded(output.trim()))) return true;
  if (!output.trimEnd().endsWith('</tool_use_error>')) return false;
  return tool !== undefined && isForeign(tool) ? REFUSED_BEFORE.test(output) : output.startsWith('<tool_use_error>');
}

/**
 * The whole result has to match. If a command printed these words before it was stopped, Claude Code's own words follow them.
 */
function isUnrecorded(output: string): boolean {
  return output === UNRECORDED || output === UNREADABLE;
}

/** True if Claude Code asks no hook about a call, by design. A tool that is off is not called by Claude Code. */
export function asksNobody({ renamed }: CallFacts, tool: string | undefined, off: readonly string[]): boolean {
  return tool !== undefined && hasNoHook(tool) && !renamed && !off.includes(tool);
}

/**
 * How a call ran without permission, judged by its end. Undefined if it did not.
 *
 * @param off tools that are off in the session
 */
export function breachOf(
  result: ToolResult,
  entry: CallFacts,
  tool: string | undefined,
  off: readonly string[],
): string | undefined {
  const { asked, verdict, logged } = entry;
  if (neverRan(result, tool) || (entry.exempt && !verdict)) return undefined;
  const [first] = asked;
  if (!first) return asksNobody(entry, tool, off) ? undefined : 'without asking';
  if (!verdict) return 'before anybody had decided';
  if (!verdict.allowed) return wasKept(result, verdict.reason, first.tool) ? undefined : 'although it was denied';
  const { risky } = logged ?? {};
  if (risky && !asked.some((one) => isSameCall(one, risky))) return 'as another call than the one that was allowed';
  return undefined;
}

/**
 * True if a denied call was kept from running. The result of such a call is the reason of the denial. 2.1.332 adds words of its
 * own around the reason.
 */
function wasKept({ outcome, output }: ToolResult, reason: string, tool: string): boolean {
  if (outcome === 'ok' || /^Exit code \d/.test(output)) return false;
  if (!isForeign(tool)) return output.includes(reason);
  const said = [reason, `<tool_use_error>PreToolUse:${tool} hook error: ${reason}</tool_use_error>`];
  return said.includes(output.trim());
}
