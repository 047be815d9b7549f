import type { ToolCall, Verdict } from '../session/policy.js';
import { currentName } from '../session/tool-names.js';
import type { CallFacts, ToolResult } from './breach.js';
import { asksNobody, breachOf, UNRECORDED } from './breach.js';
import type { CallRating } from './call-ratings.js';
import type { EarlierDecisions } from './earlier-decisions.js';
import { fingerprint, isSameCall, sizeOf, subjectOf } from './fingerprint.js';
import { lastOf } from './last-of.js';
import type { StoredDecision } from './stored-decision.js';

interface Entry extends CallFacts {
  ended?: boolean;
  /** True while all that is known of the decision is what earlier processes have written down. */
  isEarlier?: boolean;
  /**
   * The line with the call's end was too long to be read. Somebody who wrote a false line may have hidden the true one behind
   * it.
   */
  skipped?: boolean;
  /** The call of the subagent that made this one. */
  parent?: string;
  /** How it is rated, each time that it asked with something else. */
  ratings?: readonly CallRating[];
  /** The size of its fingerprints and ratings, in characters. */
  size: number;
}

/** The end of a call, compared with the decision about it. */
export interface CallEnd {
  readonly tool: string | undefined;
  readonly verdict: Verdict | undefined;
  /** How the call ran without permission. Absent if it did not. */
  readonly breach: string | undefined;
}

/**
 * Beyond this, the oldest calls are forgotten that are over, or that the log has not reported. They then count as undecided. No
 * run has as many calls under way at once.
 */
const MOST_CALLS = 10_000;
/** The maximum size of the fingerprints of all calls together, in characters. It is many times the size for honest calls. */
const MOST_SIZE = 16 * 1024 * 1024;
/** These tools run nothing, and in a terminal a person's answer is put into their input. */
const ANSWERED_BY_A_PERSON = new Set(['AskUserQuestion', 'ExitPlanMode']);

/** The tool calls of one run by their id: asked about, decided, called, ended. */
export class CallLedger {
  readonly #off: readonly string[];
  readonly #entries = new Map<string, Entry>();
  /** The calls that may be forgotten, the oldest first. */
  readonly #forgettable = new Set<string>();
  #size = 0;
  #isFlooded = false;
  #earlier: EarlierDecisions | undefined;
  /**
   * The calls that earlier processes have decided about and that are over, with the tool as the log names it. Hardly any of them is
   * looked at again, so of each only its decision is kept, as it is in the file.
   */
  readonly #over = new Map<string, string | undefined>();

  /** @param off tools that are off in the session */
  constructor(off: readonly string[] = []) {
    this.#off = off;
  }

  /**
   * True if the log has reported more calls without an end than any run has. Somebody has written false ones, so that a true one
   * is forgotten.
   */
  get isFlooded(): boolean {
    return this.#isFlooded;
  }

  /** Takes over the decisions of earlier processes. */
  continueAfter(earlier: EarlierDecisions): void {
    this.#earlier = earlier;
  }

  /** A call was rated. */
  rated(toolUseId: string, rating: CallRating): void {
    const entry = this.#entryOf(toolUseId);
    entry.isEarlier = false;
    entry.ratings = lastOf(entry.ratings, rating);
    this.#weigh(entry);
  }

  /** How this call is rated if it does just this. Undefined if that is not known. */
  ratingOf(toolUseId: string, subject: string): CallRating | undefined {
    return this.#find(toolUseId)?.ratings?.findLast((rating) => rating.subject === subject);
  }

  /** The guard has decided about a call. Without a verdict, it is still deciding. */
  decided(call: ToolCall, verdict: Verdict | undefined): void {
    const entry = this.#entryOf(call.toolUseId);
    // If somebody asks twice under one id, the second time with something harmless, the denial stays.
    if (entry.verdict?.allowed === false) return;
    entry.isEarlier = false;
    entry.asked = lastOf(entry.asked, fingerprint(call));
    entry.verdict = verdict;
    this.#weigh(entry);
  }

  /** True if this very call was allowed before. */
  isAllowed(call: ToolCall): boolean {
    const { asked = [], verdict } = this.#find(call.toolUseId) ?? {};
    const print = fingerprint(call);
    return verdict?.allowed === true && asked.some((one) => isSameCall(one, print));
  }

  /** How a call ran without permission, judged by its hook's report afterwards. Undefined if it did not. */
  reported(call: ToolCall): string | undefined {
    const { asked = [], verdict } = this.#find(call.toolUseId) ?? {};
    // If nobody was asked about the call, the log will show this. If the question is still open, the call did not run.
    if (!verdict) return undefined;
    if (!verdict.allowed) return 'although it was denied';
    if (ANSWERED_BY_A_PERSON.has(currentName(call.tool))) return undefined;
    const ran = fingerprint(call);
    return asked.some((one) => isSameCall(one, ran)) ? undefined : 'as another call than the one that was allowed';
  }

  /** The decision about a call could not be recorded, so the call was denied in these words instead. */
  unrecorded(toolUseId: string): void {
    const entry = this.#entryOf(toolUseId);
    entry.isEarlier = false;
    entry.verdict = { allowed: false, reason: UNRECORDED };
  }

  /** The facts that a later process needs about a decided call. Undefined for any other call. */
  decisionOn(toolUseId: string): StoredDecision | undefined {
    const { asked = [], verdict, ratings } = this.#find(toolUseId) ?? {};
    const last = asked.at(-1);
    if (!last || !verdict) return undefined;
    const { tool, fields, path, whole } = last;
    const subject = subjectOf(last);
    const rating = ratings?.findLast((one) => one.subject === subject);
    return {
      toolUseId,
      tool,
      fields,
      ...(path !== undefined && { path }),
      ...(whole !== undefined && { whole }),
      verdict,
      ...(rating && { danger: rating.danger ?? null }),
    };
  }

  /** Nobody could be asked about a call, and the policy lets the call run in that case. */
  exempt(toolUseId: string): void {
    const entry = this.#entryOf(toolUseId);
    entry.isEarlier = false;
    entry.exempt = true;
  }

  /** True if the log has reported the end of a call. Then nobody waits for an answer about it any more. */
  hasEnded(toolUseId: string): boolean {
    return this.#entries.get(toolUseId)?.ended ?? this.#over.has(toolUseId);
  }

  /** The log reports a call. The first line counts, because anybody may have written a later one. */
  logged(call: ToolCall, harmless: boolean, parent?: string): void {
    const entry = this.#entryOf(call.toolUseId);
    const tool = currentName(call.tool);
    if (entry.logged) {
      if (entry.logged.tool !== tool) entry.renamed = true;
      return;
    }
    if (parent !== undefined) entry.parent = parent;
    entry.logged = { tool, ...(!harmless && { risky: fingerprint(call) }) };
    this.#sort(call.toolUseId, entry);
    this.#weigh(entry);
  }

  /**
   * A call that the log has reported and that has neither asked nor ended, so that nobody has judged it.
   *
   * @param interrupted says whether the subagent was interrupted that a call has made
   */
  unjudged(
    interrupted: (parent: string) => boolean,
  ): { readonly toolUseId: string; readonly tool: string } | undefined {
    for (const [toolUseId, entry] of this.#entries) {
      const { logged, asked, exempt, ended, parent } = entry;
      if (!logged || asked.length > 0 || exempt || ended || asksNobody(entry, logged.tool, this.#off)) continue;
      if (parent !== undefined && interrupted(parent)) continue;
      return { toolUseId, tool: logged.tool };
    }
    return undefined;
  }

  /** What the agent was told about its questions. Undefined if the call asked nothing, or is not answered yet. */
  answerTo(toolUseId: string | undefined): Extract<Verdict, { allowed: false }> | undefined {
    const verdict = toolUseId === undefined ? undefined : this.#find(toolUseId)?.verdict;
    return verdict?.allowed === false && verdict.answered ? verdict : undefined;
  }

  isDenied(toolUseId: string | undefined): boolean {
    return toolUseId !== undefined && this.#find(toolUseId)?.verdict?.allowed === false;
  }

  /** The log reports the end of a call. */
  ended(result: ToolResult): CallEnd {
    const entry: Entry = this.#find(result.toolUseId) ?? { asked: [], size: 0 };
    const tool = entry.logged?.tool ?? entry.asked[0]?.tool;
    const again = entry.skipped || (result.skipped && entry.ended);
    const breach = again ? 'behind a line that was made to hide it' : breachOf(result, entry, tool, this.#off);
    entry.ended = true;
    if (result.skipped) entry.skipped = true;
    const { isEarlier, logged, skipped, renamed } = entry;
    if (isEarlier && !logged?.risky && !skipped && !renamed) {
      this.#over.set(result.toolUseId, logged?.tool);
      this.#drop(result.toolUseId);
    } else this.#sort(result.toolUseId, entry);
    return { tool, verdict: entry.verdict, breach };
  }

  /** A call that is remembered, or that an earlier process has decided about. */
  #find(id: string): Entry | undefined {
    const entry = this.#entries.get(id);
    if (entry) return entry;
    const decisions = this.#earlier?.about(id) ?? [];
    if (decisions.length === 0) return undefined;
    const earlier = this.#add(id, decidedEarlier(decisions, this.#over.get(id)));
    this.#weigh(earlier);
    return earlier;
  }

  #entryOf(id: string): Entry {
    return this.#find(id) ?? this.#add(id, { asked: [], size: 0 });
  }

  #add(id: string, entry: Entry): Entry {
    if (this.#over.has(id)) entry.ended = true;
    this.#entries.set(id, entry);
    this.#sort(id, entry);
    return entry;
  }

  #weigh(entry: Entry): void {
    let size = sizeOf(entry.logged?.risky);
    for (const print of entry.asked) size += sizeOf(print);
    for (const { subject, danger } of entry.ratings ?? []) size += subject.length + (danger?.reason.length ?? 0);
    this.#size += size - entry.size;
    entry.size = size;
    this.#forgetOldest();
  }

  /** A call is kept from the line that reports it to its end. */
  #sort(id: string, { logged, ended, skipped }: Entry): void {
    if (this.#entries.has(id) && (logged === undefined || (ended && !skipped))) this.#forgettable.add(id);
    else this.#forgettable.delete(id);
  }

  #forgetOldest(): void {
    while (this.#entries.size > MOST_CALLS || this.#size > MOST_SIZE) {
      const [forgettable] = this.#forgettable;
      const [oldest] = this.#entries.keys();
      if (forgettable === undefined) this.#isFlooded = true;
      const id = forgettable ?? oldest;
      if (id === undefined) return;
      this.#drop(id);
      this.#earlier?.forget(id);
    }
  }

  #drop(id: string): void {
    this.#size -= this.#entries.get(id)?.size ?? 0;
    this.#entries.delete(id);
    this.#forgettable.delete(id);
  }
}

/**
 * A call as earlier processes have decided about it.
 *
 * @param tool as the log names it; undefined if the log has not named it yet
 */
function decidedEarlier(decisions: readonly StoredDecision[], tool: string | undefined): Entry {
  const entry: Entry = { asked: [], size: 0, isEarlier: true, ...(tool !== undefined && { logged: { tool } }) };
  for (const decision of decisions) {
    const { tool, fields, path, whole, verdict } = decision;
    const rating = earlierRating(decision);
    if (rating) entry.ratings = lastOf(entry.ratings, rating);
    entry.asked = lastOf(entry.asked, { tool, fields, path, whole });
    entry.verdict = verdict;
  }
  return entry;
}

/** The rating that an earlier process has kept with a decision. */
function earlierRating({ tool, fields, path, whole, danger }: StoredDecision): CallRating | undefined {
  const subject = danger === undefined ? undefined : subjectOf({ tool, fields, path, whole });
  return subject === undefined ? undefined : { subject, danger: danger ?? undefined, isEarlier: true };
}
