import type { Danger } from '../../../danger/index.js';
import { boundedCopy } from '../util/bounded-copy.js';
import { detachString, singleLine, stripControl, truncate } from '../util/text.js';
import type { ClassifiedError, DangerRecord, SessionMetadata, ToolUsageRecord } from './metadata.js';
import { addTokens, NO_TOKENS, type Observation } from './observation.js';
import type { UnifiedSession } from './record.js';
import type { SessionRun } from './run.js';

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

/** The record after a log line. Its size is bounded however many lines there are. */
export function observe(session: UnifiedSession, observed: Observed): UnifiedSession {
  let next: UnifiedSession = { ...session, metadata: { ...session.metadata, lastActivity: observed.at } };
  for (const observation of observed.observations) next = observeOne(next, observation, observed);
  Object.freeze(next.metadata);
  return next;
}

function observeOne(session: UnifiedSession, observation: Observation, { at, replayed }: Observed): UnifiedSession {
  const { metadata } = session;
  const update = (change: Partial<SessionMetadata>): UnifiedSession => ({
    ...session,
    metadata: { ...metadata, ...change },
  });

  switch (observation.kind) {
    case 'init':
      return {
        ...update({
          ...(observation.model !== undefined && { model: singleLine(observation.model) }),
          ...(observation.claudeVersion !== undefined && { claudeVersion: singleLine(observation.claudeVersion) }),
        }),
        channelCoderSession: observation.conversationId,
      };
    case 'message': {
      const messages = metadata.messages + (observation.first ? 1 : 0);
      if (observation.text === '') return update({ messages });
      const { parentToolUseId } = observation;
      const text = truncate(observation.text, MESSAGE_LENGTH);
      const message = Object.freeze({ at, text, ...(parentToolUseId !== undefined && { parentToolUseId }) });
      return update({
        messages,
        lastMessage: text,
        recentMessages: pushed(metadata.recentMessages, message, KEPT.messages),
      });
    }
    case 'prompt': {
      const said = Object.freeze({ at, text: truncate(observation.text, MESSAGE_LENGTH), by: 'person' as const });
      return update({ recentMessages: pushed(metadata.recentMessages, said, KEPT.messages) });
    }
    case 'tool': {
      const { kind: _, ...call } = observation;
      const record: ToolUsageRecord = Object.freeze({ ...call, input: boundedCopy(call.input), startedAt: at });
      return update({
        toolsUsed: pushed(metadata.toolsUsed, record, KEPT.tools),
        toolCounts: counted(metadata.toolCounts, call.name),
        ...(call.danger && {
          dangers: pushed(metadata.dangers, dangerRecord(call.danger, call, at), KEPT.dangers),
        }),
      });
    }
    case 'breach':
    case 'danger':
      return update({
        dangers: pushed(metadata.dangers, dangerRecord(observation.danger, observation, at), KEPT.dangers),
      });
    case 'tool-result': {
      const index = metadata.toolsUsed.findLastIndex((tool) => tool.id === observation.toolUseId);
      const tool = metadata.toolsUsed[index];
      if (!tool) return session;
      const toolsUsed = [...metadata.toolsUsed];
      toolsUsed[index] = Object.freeze({
        ...tool,
        outcome: observation.outcome,
        ...(!replayed && { durationMs: at - tool.startedAt }),
      });
      return update({ toolsUsed: Object.freeze(toolsUsed) });
    }
    case 'usage': {
      const { tokens = NO_TOKENS, costUsd = 0 } = currentRun(session);
      return withTotals(session, {
        tokens: addTokens(tokens, observation.added),
        ...(observation.costUsd !== undefined && { costUsd: costUsd + observation.costUsd }),
      });
    }
    case 'usage-limit':
    case 'turn-end':
    case 'tampered':
      return session;
    case 'error': {
      const { kind: _, ...rest } = observation;
      const error: ClassifiedError = Object.freeze({ ...rest, message: detachString(rest.message), at });
      return update({
        errors: pushed(metadata.errors, error, KEPT.errors),
        errorCounts: Object.freeze({
          ...metadata.errorCounts,
          [error.severity]: metadata.errorCounts[error.severity] + 1,
        }),
      });
    }
    case 'result': {
      // Claude's own totals replace our counts, because they include side requests and every model.
      const { turns, costUsd, tokens } = observation;
      return withTotals(session, {
        ...(turns !== undefined && { turns }),
        ...(costUsd !== undefined && { costUsd }),
        ...(tokens !== undefined && { tokens: Object.freeze({ ...tokens }) }),
      });
    }
    case 'diagnostic':
      return update({ diagnostics: pushed(metadata.diagnostics, detachString(observation.line), KEPT.diagnostics) });
  }
}

function currentRun(session: UnifiedSession): SessionRun {
  return session.runs.at(-1) ?? { number: 1 };
}

/** Sets totals of the current run. The session's totals are the sums over its runs. */
function withTotals(session: UnifiedSession, change: Pick<SessionRun, 'costUsd' | 'tokens' | 'turns'>): UnifiedSession {
  const runs = Object.freeze([...session.runs.slice(0, -1), Object.freeze({ ...currentRun(session), ...change })]);
  const costs = runs.flatMap((run) => run.costUsd ?? []);
  const turns = runs.flatMap((run) => run.turns ?? []);
  const tokens = runs.flatMap((run) => run.tokens ?? []);
  return {
    ...session,
    runs,
    metadata: {
      ...session.metadata,
      ...(costs.length > 0 && { costUsd: sum(costs) }),
      ...(turns.length > 0 && { turns: sum(turns) }),
      ...(tokens.length > 0 && { tokens: tokens.reduce(addTokens, NO_TOKENS) }),
    },
  };
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
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
