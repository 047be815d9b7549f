import type { Danger } from '../../../danger/index.js';
import { boundedCopy } from '../util/bounded-copy.js';
import { detachString, singleLine, stripControl, truncate } from '../util/text.js';
import { classified } from './error-codes.js';
import type { DangerRecord, SessionMetadata } from './metadata.js';
import { addTokens, NO_TOKENS, type Observation, totalTokens } from './observation.js';
import { type ObservedSession, RecordDraft } from './record-draft.js';
import { addCounted, withCost, withReport, withWholeCost } from './run-cost.js';
import { withSetup } from './setup.js';

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

/** What log lines reported that were read at the same time. */
export interface Observed {
  readonly at: number;
  readonly observations: readonly Observation[];
  /** Present if an earlier process may have read the lines. Then `at` is not the time when it happened. */
  readonly replayed?: true;
}

/** The record after log lines. Its size is bounded however many lines there are. */
export function observe<Session extends ObservedSession>(session: Session, observed: Observed): Session {
  const draft = new RecordDraft(session, observed.at);
  for (const observation of observed.observations) add(draft, observation, observed);
  return draft.finished();
}

function add(draft: RecordDraft<ObservedSession>, observation: Observation, { at, replayed }: Observed): void {
  const { metadata } = draft;
  switch (observation.kind) {
    case 'init':
      draft.setConversation(observation.conversationId);
      if (observation.model !== undefined) metadata.model = singleLine(observation.model);
      if (observation.claudeVersion !== undefined) metadata.claudeVersion = singleLine(observation.claudeVersion);
      if (!draft.run.begun) draft.setRun({ ...draft.run, begun: true });
      break;
    case 'message': {
      if (observation.first) metadata.messages += 1;
      if (observation.text === '') break;
      const { parentToolUseId } = observation;
      const text = truncate(observation.text, MESSAGE_LENGTH);
      metadata.lastMessage = text;
      draft.push(
        'recentMessages',
        Object.freeze({ at, text, ...(parentToolUseId !== undefined && { parentToolUseId }) }),
      );
      break;
    }
    case 'prompt':
      draft.push(
        'recentMessages',
        Object.freeze({ at, text: truncate(observation.text, MESSAGE_LENGTH), by: 'person' as const }),
      );
      break;
    case 'tool': {
      const { kind: _, ...call } = observation;
      draft.push('toolsUsed', Object.freeze({ ...call, input: boundedCopy(call.input), startedAt: at }));
      draft.countTool(call.name);
      if (call.danger) draft.push('dangers', dangerRecord(call.danger, call, at));
      break;
    }
    case 'breach':
    case 'danger':
      draft.push('dangers', dangerRecord(observation.danger, observation, at));
      break;
    case 'tool-result': {
      const { toolUseId, outcome } = observation;
      // While lines are read again, nobody knows when the call ended.
      draft.changeCall(toolUseId, ({ startedAt }) => ({ outcome, ...(!replayed && { durationMs: at - startedAt }) }));
      break;
    }
    case 'usage': {
      const { run } = draft;
      const { tokens = NO_TOKENS } = run;
      const { added, costUsd = 0 } = observation;
      const counted = addCounted(run.counted, { costUsd, tokens: totalTokens(added) });
      draft.setTotals({ ...withCost(run, observation), ...counted, tokens: addTokens(tokens, added) });
      break;
    }
    case 'setup':
      draft.setRun({ ...draft.run, setup: withSetup(draft.run.setup, observation) });
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
      draft.push('errors', error);
      metadata.errorCounts = Object.freeze({ ...metadata.errorCounts, [error.severity]: count + 1 });
      break;
    }
    case 'result': {
      // Claude's own totals replace our counts, because they include side requests and every model.
      const { turns, costUsd, tokens } = observation;
      const { run } = draft;
      const reported = {
        ...(costUsd === undefined ? run : withWholeCost(run, costUsd)),
        ...(turns !== undefined && { turns }),
        ...(tokens !== undefined && { tokens: Object.freeze({ ...tokens }) }),
      };
      draft.setTotals(withReport(run, reported));
      break;
    }
    case 'diagnostic':
      draft.push('diagnostics', detachString(observation.line));
      break;
  }
}
