import { createHash, randomUUID } from 'node:crypto';
import { posix } from 'node:path';
import type { Observation } from '../monitoring/observation.js';
import type { Verdict } from './run-guard.js';
import { currentName } from './tool-names.js';
import type { ToolCall } from './tool-policy.js';

/** A call as far as it has to be recognised. */
interface Fingerprint {
  /** By its current name: the log may have an old one where the hook is told the new. */
  readonly tool: string;
  /** The input's fields, each as a hash of its value. */
  readonly fields: ReadonlyMap<string, string>;
  /** The hook sees absolute paths where the log has what the agent wrote. */
  readonly path: string | undefined;
}

interface Entry {
  /** What the guard was asked about. */
  asked?: Fingerprint;
  /** Absent while nobody has decided. */
  verdict?: Verdict | undefined;
  /** What the log says was called, and whether policy lets that run without asking. */
  logged?: Fingerprint & { readonly harmless: boolean };
  ended?: boolean;
  /** It was called while no host was there to ask, and policy lets it run then. */
  exempt?: boolean;
  /** Its end was too long to be read; whoever wrote a false one may have hidden the true one behind it. */
  skipped?: boolean;
}

/** A decision as it is kept on disk. */
export interface StoredDecision {
  readonly toolUseId: string;
  readonly tool: string;
  readonly fields: readonly (readonly [name: string, hash: string])[];
  readonly path?: string;
  readonly verdict: Verdict;
}

/** What a call's end tells, held against what was decided about it. */
export interface CallEnd {
  readonly tool: string | undefined;
  readonly verdict: Verdict | undefined;
  /** In what way it ran without leave; absent where it did not. */
  readonly breach: string | undefined;
}

type ToolResult = Extract<Observation, { kind: 'tool-result' }>;

/** More calls than these are under way in no run; the oldest are forgotten, and count as undecided then. */
const MOST_CALLS = 10_000;
const PATHS = ['file_path', 'notebook_path', 'path'];

/** The tool calls of one run by their id: asked about, decided, called, ended. */
export class CallLedger {
  readonly #entries = new Map<string, Entry>();

  /** The guard decided; without a verdict it is still at it. */
  decided(call: ToolCall, verdict: Verdict | undefined): void {
    const entry = this.#entryOf(call.toolUseId);
    // Somebody who asks twice under one id, with something harmless for the second time, gains nothing by it.
    if (entry.verdict?.allowed === false) return;
    entry.asked = fingerprint(call);
    entry.verdict = verdict;
  }

  /** What another host needs to know of a call that was decided about; undefined for any other. */
  decisionOn(toolUseId: string): StoredDecision | undefined {
    const { asked, verdict } = this.#entries.get(toolUseId) ?? {};
    if (!asked || !verdict) return undefined;
    const { tool, fields, path } = asked;
    return { toolUseId, tool, fields: [...fields], ...(path !== undefined && { path }), verdict };
  }

  /** Another host has decided. */
  restore({ toolUseId, tool, fields, path, verdict }: StoredDecision): void {
    const entry = this.#entryOf(toolUseId);
    entry.asked = { tool, fields: new Map(fields), path };
    entry.verdict = verdict;
  }

  /** Nobody could be asked about a call, and that is allowed. */
  exempt(toolUseId: string): void {
    this.#entryOf(toolUseId).exempt = true;
  }

  /** Whether the log has told of a call's end: whoever still asks about it is gone. */
  hasEnded(toolUseId: string): boolean {
    return this.#entries.get(toolUseId)?.ended === true;
  }

  /** The log tells of a call. The first line counts: a later one may be anybody's. */
  logged(call: ToolCall, harmless: boolean): void {
    const entry = this.#entryOf(call.toolUseId);
    entry.logged ??= { ...fingerprint(call), harmless };
  }

  isDenied(toolUseId: string | undefined): boolean {
    return toolUseId !== undefined && this.#entries.get(toolUseId)?.verdict?.allowed === false;
  }

  /** The log tells of a call's end. */
  ended(result: ToolResult): CallEnd {
    const entry = this.#entries.get(result.toolUseId) ?? {};
    const tool = entry.logged?.tool ?? entry.asked?.tool;
    const again = entry.skipped || (result.skipped && entry.ended);
    const breach = again ? 'behind a line that was made to hide it' : breachOf(result, entry, tool);
    entry.ended = true;
    if (result.skipped) entry.skipped = true;
    return { tool, verdict: entry.verdict, breach };
  }

  #entryOf(id: string): Entry {
    let entry = this.#entries.get(id);
    if (entry) return entry;
    entry = {};
    this.#entries.set(id, entry);
    if (this.#entries.size > MOST_CALLS) {
      const [oldest] = this.#entries.keys();
      if (oldest !== undefined) this.#entries.delete(oldest);
    }
    return entry;
  }
}

/** What an MCP server answers is its own choice, so that only Claude Code's very words count there. */
const HOOK_FAILED = /^PreToolUse:\w+ hook error: [^\n]*The guard of this session could not be asked: /;
const REFUSED_BEFORE = /^<tool_use_error>(Error: No such tool available: |InputValidationError: |Cancelled: )/;

/**
 * Claude Code's own refusals come before its hooks: unknown tools, inputs that fit no schema, files that were not read.
 * Measured on 2.1.98; what a command prints stands behind `Exit code …` instead.
 */
function neverRan({ outcome, output }: ToolResult, tool: string | undefined): boolean {
  if (outcome === 'ok') return false;
  // The hook's own words where it could ask nobody; what an MCP server says is its own choice.
  if (tool !== undefined && !isForeign(tool) && HOOK_FAILED.test(output)) return true;
  if (!output.trimEnd().endsWith('</tool_use_error>')) return false;
  return tool !== undefined && isForeign(tool) ? REFUSED_BEFORE.test(output) : output.startsWith('<tool_use_error>');
}

function breachOf(result: ToolResult, entry: Entry, tool: string | undefined): string | undefined {
  const { asked, verdict, logged } = entry;
  if (neverRan(result, tool) || (entry.exempt && !verdict)) return undefined;
  if (!asked) return 'without asking';
  if (!verdict) return 'before anybody had decided';
  if (!verdict.allowed) return wasKept(result, verdict.reason, asked.tool) ? undefined : 'although it was denied';
  if (logged && !logged.harmless && !isSame(asked, logged)) return 'as another call than the one that was allowed';
  return undefined;
}

/** A denied call has the reason for its result. */
function wasKept({ outcome, output }: ToolResult, reason: string, tool: string): boolean {
  if (outcome === 'ok' || /^Exit code \d/.test(output)) return false;
  return isForeign(tool) ? output.trim() === reason : output.includes(reason);
}

function isForeign(tool: string): boolean {
  return tool.startsWith('mcp__');
}

function fingerprint({ tool, input }: ToolCall): Fingerprint {
  const given = (typeof input === 'object' && input !== null ? input : { input }) as Record<string, unknown>;
  // What an MCP server takes for a path is its own affair.
  const key = isForeign(tool) ? undefined : PATHS.find((name) => typeof given[name] === 'string');
  const fields = Object.entries(given)
    // What Claude Code fills in, sorts and converts in lists and objects of its own tools differs from what the log has.
    .filter(([name, value]) => name !== key && (isForeign(tool) || typeof value !== 'object' || TELLING.has(name)))
    .map(
      ([name, value]) => [name, isForeign(tool) || typeof value === 'object' ? jsonOf(value) : String(value)] as const,
    )
    .map(([name, text]) => [name, createHash('sha256').update(text).digest('base64')] as const);
  return { tool: currentName(tool), fields: new Map(fields), path: key === undefined ? undefined : String(given[key]) };
}

/** The same text for the same value, in whichever order its keys are. */
function jsonOf(value: unknown): string {
  try {
    return JSON.stringify([value], (_, inner: unknown) =>
      typeof inner === 'object' && inner !== null && !Array.isArray(inner)
        ? Object.fromEntries(Object.entries(inner).sort(([a], [b]) => (a < b ? -1 : 1)))
        : inner,
    );
  } catch {
    return randomUUID(); // Nested deeper than can be written: the same as nothing else.
  }
}

function isSame(asked: Fingerprint, logged: Fingerprint): boolean {
  if (asked.tool !== logged.tool || !isSamePath(asked.path, logged.path)) return false;
  const names = [...new Set([...asked.fields.keys(), ...logged.fields.keys()])];
  return names.every((name) => {
    const [one, other] = [asked.fields.get(name), logged.fields.get(name)];
    // Defaults are filled in, and what is unknown is left out; only what a tool is told by must be there.
    if (one === undefined || other === undefined) return !isForeign(asked.tool) && !TELLING.has(name);
    return one === other;
  });
}

/** What decides about what a call does: nobody may leave it out of what is asked. */
const TELLING = new Set([
  'command',
  'url',
  'content',
  'old_string',
  'new_string',
  'new_source',
  'edits',
  'prompt',
  'query',
  'pattern',
]);

function isSamePath(absolute: string | undefined, written: string | undefined): boolean {
  if (absolute === written) return true;
  if (absolute === undefined || written === undefined) return false;
  const path = posix.resolve('/', absolute);
  if (written.startsWith('/')) return path === posix.resolve(written);
  const end = posix.normalize(`${written}/`).replace(/^((\.{1,2}|~)\/)+/, '');
  return `${path}/`.endsWith(`/${end}`);
}
