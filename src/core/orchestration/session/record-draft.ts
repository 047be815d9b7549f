import { pushLatest } from '../util/push-latest.js';
import type { SessionMetadata, ToolUsageRecord } from './metadata.js';
import { addTokens, NO_TOKENS } from './observation.js';
import type { UnifiedSession } from './record.js';
import type { SessionRun } from './run.js';
import { costOfRuns } from './run-cost.js';

/** How many entries each list keeps: the latest ones. */
export const KEPT = { recentMessages: 20, toolsUsed: 100, errors: 50, dangers: 50, diagnostics: 20 } as const;
const KEPT_TOOL_NAMES = 200;

type ListName = keyof typeof KEPT;
type Lists = { [Name in ListName]: SessionMetadata[Name][number][] };
type Writable<T> = { -readonly [Key in keyof T]: T[Key] };

/** The part of a record that comes from the log. */
export type ObservedSession = Pick<UnifiedSession, 'conversationId' | 'channelCoderSession' | 'runs' | 'metadata'>;

/**
 * A record while what many log lines report is added to it. A list is copied before its first change, and then changed in place.
 * So a line costs the same however many entries the record keeps, and the record from before the lines stays as it is.
 */
export class RecordDraft<Session extends ObservedSession> {
  /** Its fields may be set. What they hold may not be changed. */
  readonly metadata: Writable<SessionMetadata>;
  readonly #before: Session;
  readonly #lists: Partial<Lists> = {};
  #conversationId: string | undefined;
  #run: SessionRun | undefined;
  #hasNewTotals = false;

  constructor(before: Session, lastActivity: number) {
    this.#before = before;
    this.metadata = { ...before.metadata, lastActivity };
  }

  /** The last run of the session. */
  get run(): SessionRun {
    return this.#run ?? this.#before.runs.at(-1) ?? { number: 1 };
  }

  setConversation(id: string): void {
    this.#conversationId = id;
  }

  setRun(run: SessionRun): void {
    this.#run = run;
  }

  /** Sets the run when its totals have changed. The session's totals are the sums over its runs. */
  setTotals(run: SessionRun): void {
    this.#run = run;
    this.#hasNewTotals = true;
  }

  /** @param entry frozen, because it becomes a part of the record */
  push<Name extends ListName>(name: Name, entry: Lists[Name][number]): void {
    pushLatest(this.#list(name), entry, KEPT[name]);
  }

  /** Changes the latest call with this id, if the record has one. */
  changeCall(id: string, change: (call: ToolUsageRecord) => Partial<ToolUsageRecord>): void {
    const before: readonly ToolUsageRecord[] = this.#lists.toolsUsed ?? this.#before.metadata.toolsUsed;
    const index = before.findLastIndex((call) => call.id === id);
    const call = before[index];
    if (call) this.#list('toolsUsed')[index] = Object.freeze({ ...call, ...change(call) });
  }

  countTool(name: string): void {
    const { toolCounts } = this.metadata;
    const isKnown = Object.hasOwn(toolCounts, name) || Object.keys(toolCounts).length < KEPT_TOOL_NAMES;
    const key = isKnown ? name : 'other';
    const count = Object.hasOwn(toolCounts, key) ? (toolCounts[key] ?? 0) : 0;
    this.metadata.toolCounts = Object.freeze({ ...toolCounts, [key]: count + 1 });
  }

  /** The record with all changes. The draft must not be used any more. */
  finished(): Session {
    const { metadata } = this;
    for (const list of Object.values(this.#lists)) Object.freeze(list);
    Object.assign(metadata, this.#lists);
    const runs = this.#run
      ? Object.freeze([...this.#before.runs.slice(0, -1), Object.freeze(this.#run)])
      : this.#before.runs;
    if (this.#hasNewTotals) setTotals(metadata, runs);
    const conversation = this.#conversationId;
    return {
      ...this.#before,
      ...(conversation !== undefined && { conversationId: conversation, channelCoderSession: conversation }),
      runs,
      metadata: Object.freeze(metadata),
    };
  }

  #list<Name extends ListName>(name: Name): Lists[Name][number][] {
    const lists: { [Key in ListName]?: Lists[Name][number][] } = this.#lists;
    lists[name] ??= [...this.#before.metadata[name]];
    return lists[name];
  }
}

function setTotals(metadata: Writable<SessionMetadata>, runs: readonly SessionRun[]): void {
  const turns = runs.flatMap((run) => run.turns ?? []);
  const tokens = runs.flatMap((run) => run.tokens ?? []);
  const { costUsd, unpriced } = costOfRuns(runs);
  // Almost always one of them is there before and after, so nothing is deleted, which would make all later copies slow.
  if (costUsd === undefined) delete metadata.costUsd;
  else metadata.costUsd = costUsd;
  if (unpriced === undefined) delete metadata.unpriced;
  else metadata.unpriced = unpriced;
  if (turns.length > 0) metadata.turns = turns.reduce((total, count) => total + count, 0);
  if (tokens.length > 0) metadata.tokens = tokens.reduce(addTokens, NO_TOKENS);
}
