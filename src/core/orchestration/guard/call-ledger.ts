import type { ToolCall, Verdict } from '../session/policy.js';
import { currentName } from '../session/tool-names.js';
import type { CallFacts, ToolResult } from './breach.js';
import { breachOf, UNRECORDED } from './breach.js';
import { type Fingerprint, fingerprint, isSameCall } from './fingerprint.js';

interface Entry extends CallFacts {
  ended?: boolean;
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

/** More calls than these are under way in no run; the oldest are forgotten, and count as undecided then. */
const MOST_CALLS = 10_000;
/** What the fingerprints of all calls may take, in characters: many times what those of honest calls do. */
const MOST_SIZE = 16 * 1024 * 1024;
/** Questions about one call that are remembered. */
const MOST_ASKED = 4;
/** They run nothing, and what a person says is put into their input. */
const ANSWERED_BY_A_PERSON = new Set(['AskUserQuestion', 'ExitPlanMode']);

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
    return verdict?.allowed === true && asked.some((one) => isSameCall(one, print));
  }

  /** In what way a call ran without leave, by what its hook reports of it afterwards; undefined where it did not. */
  reported(call: ToolCall): string | undefined {
    const { asked = [], verdict } = this.#entries.get(call.toolUseId) ?? {};
    // What nobody was asked about, the log tells. What is still being asked about did not run.
    if (!verdict || ANSWERED_BY_A_PERSON.has(currentName(call.tool))) return undefined;
    if (!verdict.allowed) return 'although it was denied';
    const ran = fingerprint(call);
    return asked.some((one) => isSameCall(one, ran)) ? undefined : 'as another call than the one that was allowed';
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
