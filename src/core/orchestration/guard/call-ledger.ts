import { createHash, randomUUID } from 'node:crypto';
import { posix } from 'node:path';
import type { Observation } from '../session/observation.js';
import type { ToolCall, Verdict } from '../session/policy.js';
import { currentName } from '../session/tool-names.js';
import { NAME_LENGTH } from '../util/text.js';
import { hasTooManyValues } from '../util/value-count.js';

/** A call as far as it has to be recognised. */
interface Fingerprint {
  /** By its current name: the log may have an old one where the hook is told the new. */
  readonly tool: string;
  /** The input's fields, each as a hash of its value. */
  readonly fields: ReadonlyMap<string, string>;
  /** The hook sees absolute paths where the log has what the agent wrote. */
  readonly path: string | undefined;
  /** A hash of all of an input that no tool of Claude's own has, instead of its fields and path. */
  readonly whole?: string | undefined;
}

interface Entry {
  /** What the guard was asked about: a newer release asks twice, before and after it has filled in defaults (2.1.332). */
  asked: readonly Fingerprint[];
  /** Absent while nobody has decided. */
  verdict?: Verdict | undefined;
  /** What the log says was called; by its tool alone where policy lets that run without asking. */
  logged?: { readonly tool: string; readonly risky?: Fingerprint };
  ended?: boolean;
  /** The call was made while no host was there to ask, and policy lets it run then. */
  exempt?: boolean;
  /** The line with its end was too long to be read; whoever wrote a false one may have hidden the true one behind it. */
  skipped?: boolean;
  /** What its fingerprints take, in characters. */
  size: number;
}

/** A decision as it is kept on disk. */
export interface StoredDecision {
  readonly toolUseId: string;
  readonly tool: string;
  readonly fields: readonly (readonly [name: string, hash: string])[];
  readonly path?: string;
  readonly whole?: string;
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
/** What the fingerprints of all calls may take, in characters: many times what those of honest calls do. */
const MOST_SIZE = 16 * 1024 * 1024;
/** No tool of Claude's own has an input with more fields than a dozen, or a path that is longer than the system takes. */
const MOST_FIELDS = 100;
const MOST_PATH_LENGTH = 4_096;
/** Questions about one call that are remembered. */
const MOST_ASKED = 4;
/** They run nothing, and what a person says is put into their input. */
const ANSWERED_BY_A_PERSON = new Set(['AskUserQuestion', 'ExitPlanMode']);
/** What the agent is told where a denial is on no record: a host that takes over knows such a call by these very words. */
export const UNRECORDED = 'Denied: the decision could not be written down.';
export const UNREADABLE = 'Denied: the request could not be read.';
const PATHS = ['file_path', 'notebook_path', 'path'];

/** The tool calls of one run by their id: asked about, decided, called, ended. */
export class CallLedger {
  readonly #entries = new Map<string, Entry>();
  #size = 0;

  /** The guard has decided about a call; without a verdict it is still at it. */
  decided(call: ToolCall, verdict: Verdict | undefined): void {
    const entry = this.#entryOf(call.toolUseId);
    // Somebody who asks twice under one id, with something harmless for the second time, gains nothing by it.
    if (entry.verdict?.allowed === false) return;
    entry.asked = [...entry.asked, fingerprint(call)].slice(-MOST_ASKED);
    entry.verdict = verdict;
    this.#weigh(entry);
  }

  /** Whether this very call was allowed before. */
  isAllowed(call: ToolCall): boolean {
    const { asked = [], verdict } = this.#entries.get(call.toolUseId) ?? {};
    const print = fingerprint(call);
    return verdict?.allowed === true && asked.some((one) => isSame(one, print));
  }

  /** In what way a call ran without leave, by what its hook reports of it afterwards; undefined where it did not. */
  reported(call: ToolCall): string | undefined {
    const { asked = [], verdict } = this.#entries.get(call.toolUseId) ?? {};
    // What nobody was asked about, the log tells. What is still being asked about did not run.
    if (!verdict || ANSWERED_BY_A_PERSON.has(currentName(call.tool))) return undefined;
    if (!verdict.allowed) return 'although it was denied';
    const ran = fingerprint(call);
    return asked.some((one) => isSame(one, ran)) ? undefined : 'as another call than the one that was allowed';
  }

  /** The decision about a call is on no record, so that the call was denied in these words instead. */
  unrecorded(toolUseId: string): void {
    const entry = this.#entryOf(toolUseId);
    entry.verdict = { allowed: false, reason: UNRECORDED };
  }

  /** What another host needs to know of a call that was decided about; undefined for any other. */
  decisionOn(toolUseId: string): StoredDecision | undefined {
    const { asked = [], verdict } = this.#entries.get(toolUseId) ?? {};
    const last = asked.at(-1);
    if (!last || !verdict) return undefined;
    const { tool, fields, path, whole } = last;
    return {
      toolUseId,
      tool,
      fields: [...fields],
      ...(path !== undefined && { path }),
      ...(whole !== undefined && { whole }),
      verdict,
    };
  }

  /** Another host has decided about a call. */
  restore({ toolUseId, tool, fields, path, whole, verdict }: StoredDecision): void {
    const entry = this.#entryOf(toolUseId);
    entry.asked = [...entry.asked, { tool, fields: new Map(fields), path, whole }].slice(-MOST_ASKED);
    entry.verdict = verdict;
    this.#weigh(entry);
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
    if (entry.logged) return;
    entry.logged = { tool: currentName(call.tool), ...(!harmless && { risky: fingerprint(call) }) };
    this.#weigh(entry);
  }

  isDenied(toolUseId: string | undefined): boolean {
    return toolUseId !== undefined && this.#entries.get(toolUseId)?.verdict?.allowed === false;
  }

  /** The log tells of a call's end. */
  ended(result: ToolResult): CallEnd {
    const entry: Entry = this.#entries.get(result.toolUseId) ?? { asked: [], size: 0 };
    const tool = entry.logged?.tool ?? entry.asked[0]?.tool;
    const again = entry.skipped || (result.skipped && entry.ended);
    const breach = again ? 'behind a line that was made to hide it' : breachOf(result, entry, tool);
    entry.ended = true;
    if (result.skipped) entry.skipped = true;
    return { tool, verdict: entry.verdict, breach };
  }

  #entryOf(id: string): Entry {
    let entry = this.#entries.get(id);
    if (entry) return entry;
    entry = { asked: [], size: 0 };
    this.#entries.set(id, entry);
    this.#forgetOldest();
    return entry;
  }

  #weigh(entry: Entry): void {
    const size = [...entry.asked, entry.logged?.risky].reduce((sum, print) => sum + sizeOf(print), 0);
    this.#size += size - entry.size;
    entry.size = size;
    this.#forgetOldest();
  }

  #forgetOldest(): void {
    for (const [id, { size }] of this.#entries) {
      if (this.#entries.size <= MOST_CALLS && this.#size <= MOST_SIZE) return;
      this.#entries.delete(id);
      this.#size -= size;
    }
  }
}

function sizeOf(print: Fingerprint | undefined): number {
  if (!print) return 0;
  const { tool, path = '', whole = '', fields } = print;
  let size = tool.length + path.length + whole.length;
  for (const [name, hash] of fields) size += name.length + hash.length;
  return size;
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

function breachOf(result: ToolResult, entry: Entry, tool: string | undefined): string | undefined {
  const { asked, verdict, logged } = entry;
  if (neverRan(result, tool) || (entry.exempt && !verdict)) return undefined;
  const [first] = asked;
  if (!first) return 'without asking';
  if (!verdict) return 'before anybody had decided';
  if (!verdict.allowed) return wasKept(result, verdict.reason, first.tool) ? undefined : 'although it was denied';
  const { risky } = logged ?? {};
  if (risky && !asked.some((one) => isSame(one, risky))) return 'as another call than the one that was allowed';
  return undefined;
}

/** A denied call has the reason for its result; 2.1.332 puts it into words of its own. */
function wasKept({ outcome, output }: ToolResult, reason: string, tool: string): boolean {
  if (outcome === 'ok' || /^Exit code \d/.test(output)) return false;
  if (!isForeign(tool)) return output.includes(reason);
  const said = [reason, `<tool_use_error>PreToolUse:${tool} hook error: ${reason}</tool_use_error>`];
  return said.includes(output.trim());
}

function isForeign(tool: string): boolean {
  return tool.startsWith('mcp__');
}

function fingerprint({ tool: name, input }: ToolCall): Fingerprint {
  const tool = currentName(name);
  // To hash them would keep the host busy: the call is the same as nothing else.
  if (hasTooManyValues(input)) return { tool, fields: new Map(), path: undefined, whole: randomUUID() };
  const given = (typeof input === 'object' && input !== null ? input : { input }) as Record<string, unknown>;
  // What an MCP server takes for a path is its own affair.
  const key = isForeign(tool) ? undefined : PATHS.find((field) => typeof given[field] === 'string');
  const path = key === undefined ? undefined : String(given[key]);
  const names = Object.keys(given);
  const tooLong = (path ?? '').length > MOST_PATH_LENGTH || names.some((field) => field.length > NAME_LENGTH);
  if (tooLong || names.length > MOST_FIELDS)
    return { tool, fields: new Map(), path: undefined, whole: hashed(jsonOf(input)) };
  const fields = Object.entries(given)
    // What Claude Code fills in, sorts and converts in lists and objects of its own tools differs from what the log has.
    .filter(([field, value]) => field !== key && (isForeign(tool) || typeof value !== 'object' || TELLING.has(field)))
    .map(([field, value]) => {
      const text = isForeign(tool) || typeof value === 'object' ? jsonOf(value) : String(value);
      return [field, hashed(text)] as const;
    });
  return { tool, fields: new Map(fields), path };
}

function hashed(text: string): string {
  return createHash('sha256').update(text).digest('base64');
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
  if (asked.tool !== logged.tool || asked.whole !== logged.whole || !isSamePath(asked.path, logged.path)) return false;
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
