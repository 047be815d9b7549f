import type { Observation } from '../session/observation.js';
import type { Verdict } from '../session/policy.js';
import { type Fingerprint, isForeign, isSameCall } from './fingerprint.js';

/** What is known of a call when it ends. */
export interface CallFacts {
  /** What the guard was asked about: a newer release asks twice, before and after it has filled in defaults (2.1.332). */
  asked: readonly Fingerprint[];
  /** Absent while nobody has decided. */
  verdict?: Verdict | undefined;
  /** What the log says was called; by its tool alone where policy lets that run without asking. */
  logged?: { readonly tool: string; readonly risky?: Fingerprint };
  /** The call was made while no host was there to ask, and policy lets it run then. */
  exempt?: boolean;
}

export type ToolResult = Extract<Observation, { kind: 'tool-result' }>;

/** What the agent is told where a denial is on no record: a host that takes over knows such a call by these very words. */
export const UNRECORDED = 'Denied: the decision could not be written down.';

export const UNREADABLE = 'Denied: the request could not be read.';

/** What an MCP server answers is its own choice, so that only Claude Code's very words count there. */
const HOOK_FAILED = /^PreToolUse:\w+ hook error: [^\n]*The guard of this session could not be asked: /;

const REFUSED_BEFORE = /^<tool_use_error>(Error: No such tool available: |InputValidationError: |Cancelled: )/;

/**
 * Claude Code's own refusals come before its hooks: unknown tools, inputs that fit no schema, files that were not read.
 * Measured on 2.1.98; what a command prints stands behind `Exit code …` instead.
 */
function neverRan({ outcome, output }: ToolResult, tool: string | undefined): boolean {
  if (outcome === 'ok') return false;
  // The hook's own words where it could ask nobody, and a host's that could not note what it said; what an MCP server says
  // is its own choice.
  if (tool !== undefined && !isForeign(tool) && (HOOK_FAILED.test(output) || isUnrecorded(output.trim()))) return true;
  if (!output.trimEnd().endsWith('</tool_use_error>')) return false;
  return tool !== undefined && isForeign(tool) ? REFUSED_BEFORE.test(output) : output.startsWith('<tool_use_error>');
}

/** All of a result: what a command printed before it was stopped has Claude Code's own words behind it. */
function isUnrecorded(output: string): boolean {
  return output === UNRECORDED || output === UNREADABLE;
}

/** In what way a call ran without leave, as its end tells; undefined where it did not. */
export function breachOf(result: ToolResult, entry: CallFacts, tool: string | undefined): string | undefined {
  const { asked, verdict, logged } = entry;
  if (neverRan(result, tool) || (entry.exempt && !verdict)) return undefined;
  const [first] = asked;
  if (!first) return 'without asking';
  if (!verdict) return 'before anybody had decided';
  if (!verdict.allowed) return wasKept(result, verdict.reason, first.tool) ? undefined : 'although it was denied';
  const { risky } = logged ?? {};
  if (risky && !asked.some((one) => isSameCall(one, risky))) return 'as another call than the one that was allowed';
  return undefined;
}

/** A denied call has the reason for its result; 2.1.332 puts it into words of its own. */
function wasKept({ outcome, output }: ToolResult, reason: string, tool: string): boolean {
  if (outcome === 'ok' || /^Exit code \d/.test(output)) return false;
  if (!isForeign(tool)) return output.includes(reason);
  const said = [reason, `<tool_use_error>PreToolUse:${tool} hook error: ${reason}</tool_use_error>`];
  return said.includes(output.trim());
}
