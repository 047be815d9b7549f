import type { Danger } from '../../../danger/index.js';
import { boundedCopy } from '../util/bounded-copy.js';
import { detachString, singleLine, stripControl, truncate } from '../util/text.js';
import { classified } from './error-codes.js';
import type { DangerRecord, SessionMetadata, ToolUsageRecord } from './metadata.js';
import { addTokens, NO_TOKENS, type Observation, totalTokens } from './observation.js';
import type { UnifiedSession } from './record.js';
import type { SessionRun } from './run.js';
import { addCounted, costOfRuns, withCost, withReport, withWholeCost } from './run-cost.js';
import { withSetup } from './setup.js';

const KEPT = { messages: 20, tools: 100, errors: 50, dangers: 50, diagnostics: 20, toolNames: 200 } as const;
const MESSAGE_LENGTH = 4_000;

/** The metadata of a session that has not run. */
export function emptyMetadata(): SessionMetadata {
  return Object.freeze({
    messages: 0,
    recentMessages: Object.freeze([]),
    toolsUsed: Object.freeze([]),
    toolCounts: Object.freeze({}),
    errors: Object.freeze([]),
    errorCounts: Object.freeze({ critical: 0, warning: 0, info: 0 }),
    dangers: Object.freeze([]),
    diagnostics: Object.freeze([]),
  });
}

/** A danger in the form in which the record and events contain it. */
export function dangerRecord(danger: Danger, { id, name }: { id: string; name: string }, at: number): DangerRecord {
  return Object.freeze({ ...danger, reason: stripControl(danger.reason), at, tool: name, toolUseId: id });
}

/** What a log line reported, and when it was read. */
interface Observed {
  readonly at: number;
  readonly observations: readonly Observation[];
  /** Present if an earlier process may have read the line. Then `at` is not the time when it happened. */
  readonly replayed?: true;
}

/** The part of a record that comes from the log. */
export type ObservedSession = Pick<UnifiedSession, 'conversationId' | 'channelCoderSession' | 'runs' | 'metadata'>;

/** A record while a log line is added to it: a copy whose fields may be set. What the fields hold is replaced, never changed. */
type Draft = Writable<Omit<ObservedSession, 'metadata'>> & { metadata: MetadataDraft };
type MetadataDraft = Writable<SessionMetadata>;
type Writable<T> = { -readonly [Key in keyof T]: T[Key] };

/** The record after a log line. Its size is bounded however many lines there are. */
export function observe<Session extends ObservedSession>(session: Session, observed: Observed): Session {
  const draft = { ...session, metadata: { ...session.metadata, lastActivity: observed.at } };
  for (const observation of observed.observations) add(draft, observation, observed);
  Object.freeze(draft.metadata);
  return draft;
}

function add(draft: Draft, observation: Observation, { at, replayed }: Observed): void {
  const { metadata } = draft;
  switch (observation.kind) {
    case 'init':
      draft.conversationId = observation.conversationId;
      draft.channelCoderSession = observation.conversationId;
      if (observation.model !== undefined) metadata.model = singleLine(observation.model);
      if (observation.claudeVersion !== undefined) metadata.claudeVersion = singleLine(observation.claudeVersion);
      if (!currentRun(draft).begun) setRun(draft, { ...currentRun(draft), begun: true });
      break;
    case 'message': {
      if (observation.first) metadata.messages += 1;
      if (observation.text === '') break;
      const { parentToolUseId } = observation;
      const text = truncate(observation.text, MESSAGE_LENGTH);
      const message = Object.freeze({ at, text, ...(parentToolUseId !== undefined && { parentToolUseId }) });
      metadata.lastMessage = text;
      metadata.recentMessages = pushed(metadata.recentMessages, message, KEPT.messages);
      break;
    }
    case 'prompt': {
      const said = Object.freeze({ at, text: truncate(observation.text, MESSAGE_LENGTH), by: 'person' as const });
      metadata.recentMessages = pushed(metadata.recentMessages, said, KEPT.messages);
      break;
    }
    case 'tool': {
      const { kind: _, ...call } = observation;
      const record: ToolUsageRecord = Object.freeze({ ...call, input: boundedCopy(call.input), startedAt: at });
      metadata.toolsUsed = pushed(metadata.toolsUsed, record, KEPT.tools);
      metadata.toolCounts = counted(metadata.toolCounts, call.name);
      if (call.danger) addDanger(metadata, dangerRecord(call.danger, call, at));
      break;
    }
    case 'breach':
    case 'danger':
      addDanger(metadata, dangerRecord(observation.danger, observation, at));
      break;
    case 'tool-result': {
      const index = metadata.toolsUsed.findLastIndex((tool) => tool.id === observation.toolUseId);
      const tool = metadata.toolsUsed[index];
      if (!tool) break;
      const { outcome } = observation;
      const durationMs = replayed ? {} : { durationMs: at - tool.startedAt };
      metadata.toolsUsed = replaced(metadata.toolsUsed, index, Object.freeze({ ...tool, outcome, ...durationMs }));
      break;
    }
    case 'usage': {
      const run = currentRun(draft);
      const { tokens = NO_TOKENS } = run;
      const { added, costUsd = 0 } = observation;
      const counted = addCounted(run.counted, { costUsd, tokens: totalTokens(added) });
      setTotals(draft, { ...withCost(run, observation), ...counted, tokens: addTokens(tokens, added) });
      break;
    }
    case 'setup':
      setRun(draft, { ...currentRun(draft), setup: withSetup(currentRun(draft).setup, observation) });
      break;
    case 'usage-window':
    case 'request-failed':
    case 'overage':
    case 'turn-end':
    case 'tampered':
    case 'turn-begin':
    case 'task':
    case 'tasks':
    case 'compacting':
      break;
    case 'error': {
      const error = Object.freeze({ ...classified(observation, at), message: detachString(observation.message) });
      const { [error.severity]: count } = metadata.errorCounts;
      metadata.errors = pushed(metadata.errors, error, KEPT.errors);
      metadata.errorCounts = Object.freeze({ ...metadata.errorCounts, [error.severity]: count + 1 });
      break;
    }
    case 'result': {
      // Claude's own totals replace our counts, because they include side requests and every model.
      const { turns, costUsd, tokens } = observation;
      const run = currentRun(draft);
      const reported = {
        ...(costUsd === undefined ? run : withWholeCost(run, costUsd)),
        ...(turns !== undefined && { turns }),
        ...(tokens !== undefined && { tokens: Object.freeze({ ...tokens }) }),
      };
      setTotals(draft, withReport(run, reported));
      break;
    }
    case 'diagnostic':
      metadata.diagnostics = pushed(metadata.diagnostics, detachString(observation.line), KEPT.diagnostics);
      break;
  }
}

function addDanger(metadata: MetadataDraft, danger: DangerRecord): void {
  metadata.dangers = pushed(metadata.dangers, danger, KEPT.dangers);
}

function currentRun(session: Pick<UnifiedSession, 'runs'>): SessionRun {
  return session.runs.at(-1) ?? { number: 1 };
}

function setRun(draft: Draft, run: SessionRun): void {
  draft.runs = Object.freeze([...draft.runs.slice(0, -1), Object.freeze(run)]);
}

/** Replaces the current run by one with other totals. The session's totals are the sums over its runs. */
function setTotals(draft: Draft, run: SessionRun): void {
  setRun(draft, run);
  const { runs } = draft;
  const turns = runs.flatMap((run) => run.turns ?? []);
  const tokens = runs.flatMap((run) => run.tokens ?? []);
  const { metadata } = draft;
  const { costUsd, unpriced } = costOfRuns(runs);
  // Almost always one of them is there before and after, so nothing is deleted, which would make all later copies slow.
  if (costUsd === undefined) delete metadata.costUsd;
  else metadata.costUsd = costUsd;
  if (unpriced === undefined) delete metadata.unpriced;
  else metadata.unpriced = unpriced;
  if (turns.length > 0) metadata.turns = sum(turns);
  if (tokens.length > 0) metadata.tokens = tokens.reduce(addTokens, NO_TOKENS);
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}

function replaced<T>(list: readonly T[], index: number, item: T): readonly T[] {
  const copy = [...list];
  copy[index] = item;
  return Object.freeze(copy);
}

function pushed<T>(list: readonly T[], item: T, most: number): readonly T[] {
  // Not slice(): V8 copies a frozen array ten times as fast in this way.
  const kept = [...list, item];
  if (kept.length > most) kept.shift();
  return Object.freeze(kept);
}

function counted(counts: Readonly<Record<string, number>>, name: string): Readonly<Record<string, number>> {
  const known = Object.hasOwn(counts, name) || Object.keys(counts).length < KEPT.toolNames;
  const key = known ? name : 'other';
  return Object.freeze({ ...counts, [key]: (Object.hasOwn(counts, key) ? (counts[key] ?? 0) : 0) + 1 });
}
