import { createHash, randomUUID } from 'node:crypto';
import type { Observation } from '../monitoring/observation.js';
import type { Verdict } from './run-guard.js';
import type { ToolCall } from './tool-policy.js';

/** A call as far as it has to be recognised. */
interface Fingerprint {
  readonly tool: string;
  readonly hash: string;
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
    return {
      tool: entry.logged?.tool ?? entry.asked?.tool,
      verdict: entry.verdict,
      breach: neverRan(result) ? undefined : breachOf(result, entry),
    };
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

/**
 * Claude Code's own refusals come before its hooks: unknown tools, inputs that fit no schema, files that were not read.
 * Measured on 2.1.98; what a command prints stands behind `Exit code …` instead.
 */
function neverRan({ outcome, output }: ToolResult): boolean {
  return outcome !== 'ok' && output.startsWith('<tool_use_error>') && output.trimEnd().endsWith('</tool_use_error>');
}

function breachOf({ outcome, output }: ToolResult, { asked, verdict, logged }: Entry): string | undefined {
  if (!asked) return 'without asking';
  if (!verdict) return 'before anybody had decided';
  if (!verdict.allowed) {
    const kept = outcome !== 'ok' && output.includes(verdict.reason) && !/^Exit code \d/.test(output);
    return kept ? undefined : 'although it was denied';
  }
  if (logged && !logged.harmless && !isSame(asked, logged)) return 'as another call than the one that was allowed';
  return undefined;
}

function fingerprint({ tool, input }: ToolCall): Fingerprint {
  const isObject = typeof input === 'object' && input !== null;
  const key = isObject ? PATHS.find((name) => typeof (input as Record<string, unknown>)[name] === 'string') : undefined;
  const { [key ?? '']: path, ...rest } = isObject ? (input as Record<string, unknown>) : { input };
  const sorted = Object.entries(rest).sort(([a], [b]) => (a < b ? -1 : 1));
  const hash = createHash('sha256').update(jsonOf(sorted)).digest('hex');
  return { tool, hash, path: key === undefined ? undefined : String(path) };
}

/** Agents can nest values deeper than can be written; what cannot be compared is the same as nothing else. */
function jsonOf(value: unknown): string {
  try {
    return JSON.stringify(value);
  } catch {
    return randomUUID();
  }
}

function isSame(asked: Fingerprint, logged: Fingerprint): boolean {
  return asked.tool === logged.tool && asked.hash === logged.hash && isSamePath(asked.path, logged.path);
}

function isSamePath(absolute: string | undefined, written: string | undefined): boolean {
  if (absolute === written) return true;
  if (absolute === undefined || written === undefined || written.startsWith('/')) return false;
  return absolute.endsWith(`/${written.replace(/^((\.{1,2}|~)\/)+/, '')}`);
}
