import { defined } from '../util/defined.js';
import { classified } from './error-codes.js';
import type { ClassifiedError, DangerRecord, SessionMetadata, ToolOutcome, ToolUsageRecord } from './metadata.js';
import { dangerRecord, type Observed } from './metadata-reducer.js';
import { KEPT } from './record-draft.js';
import type { SetupObservation } from './setup.js';

/** The agent wrote a message. Agent-controlled text: show it as text only. */
export interface ObservedMessage {
  readonly type: 'session:message';
  readonly text: string;
  readonly parentToolUseId?: string;
}
/** Somebody said something to the agent of an `interactive` session, at its terminal or through `steer()`. */
export interface ObservedPrompt {
  readonly type: 'session:prompt';
  readonly text: string;
}
/** The agent called a tool. */
export interface ObservedTool {
  readonly type: 'session:tool';
  /** The record with the whole input. */
  readonly tool: ToolUsageRecord;
}
/** A tool call ended. */
export interface ObservedToolResult {
  readonly type: 'session:tool-result';
  readonly toolUseId: string;
  readonly outcome: ToolOutcome;
  /** What the tool answered, as text. */
  readonly output: string;
  /** Absent if the call is no longer in the record. */
  readonly name?: string;
  readonly durationMs?: number;
}
/**
 * Something dangerous happened: one of three kinds. The agent called a tool in a way that is rated dangerous; the policy
 * decides if the call runs. Or a call bypassed the guard (rule `guard.bypassed`), which ends the session. Or something was
 * planted for git on the machine (rule `git.planted`).
 */
export interface ObservedDanger {
  readonly type: 'session:danger';
  readonly danger: DangerRecord;
}
/** Something went wrong inside the session. The session may well go on. */
export interface ObservedError {
  readonly type: 'session:error';
  readonly error: ClassifiedError;
}

/** The account pays extra for what the session uses. */
export interface ObservedOverage {
  readonly type: 'session:overage';
  /** When the window that is used up is reset, in epoch milliseconds. Absent if the provider did not tell. */
  readonly resetsAt?: number;
}

/** A command of the option `setup` began, wrote something, or ended. Its text is agent-controlled: show it as text only. */
export interface ObservedSetup {
  readonly type: 'session:setup';
  readonly state: SetupObservation['state'];
  /** The place of the command in the option; 0 is the first. */
  readonly index: number;
  readonly run: string;
  /** Whole lines. Only with `output`. */
  readonly text?: string;
  /** Only with `ended`. */
  readonly exitCode?: number;
  /** True if it was ended because it took longer than its `timeoutMs`. */
  readonly timedOut?: true;
}

/** What a log line reports, without the session that it is about. */
export type ObservedEvent =
  | ObservedMessage
  | ObservedPrompt
  | ObservedTool
  | ObservedToolResult
  | ObservedDanger
  | ObservedError
  | ObservedOverage
  | ObservedSetup;

/**
 * The events that log lines cause, in the order of the lines. Pure.
 *
 * @param before the session's metadata before the lines
 */
export function observedEvents(
  { observations, at, replayed }: Observed,
  before: Pick<SessionMetadata, 'toolsUsed'>,
): ObservedEvent[] {
  const events: ObservedEvent[] = [];
  /** The calls of these lines, as far as they have been read. */
  const begun: ToolUsageRecord[] = [];
  for (const observation of observations) {
    switch (observation.kind) {
      case 'message': {
        const { text, parentToolUseId } = observation;
        if (text === '') break;
        events.push({ type: 'session:message', text, ...(parentToolUseId !== undefined && { parentToolUseId }) });
        break;
      }
      case 'prompt':
        events.push({ type: 'session:prompt', text: observation.text });
        break;
      case 'tool': {
        const { kind: _, ...call } = observation;
        const tool = { ...call, startedAt: at };
        begun.push(tool);
        events.push({ type: 'session:tool', tool });
        if (call.danger) events.push({ type: 'session:danger', danger: dangerRecord(call.danger, call, at) });
        break;
      }
      case 'tool-result': {
        const { toolUseId, outcome, output } = observation;
        const tool = latestCall(toolUseId, before.toolsUsed, begun);
        const durationMs = tool && !replayed ? at - tool.startedAt : tool?.durationMs;
        events.push({
          type: 'session:tool-result',
          toolUseId,
          outcome,
          output,
          ...(tool && { name: tool.name }),
          ...(durationMs !== undefined && { durationMs }),
        });
        break;
      }
      case 'breach':
      case 'danger':
        events.push({ type: 'session:danger', danger: dangerRecord(observation.danger, observation, at) });
        break;
      case 'overage': {
        const { resetsAt } = observation;
        events.push({ type: 'session:overage', ...(resetsAt !== undefined && { resetsAt }) });
        break;
      }
      case 'setup': {
        events.push(setupEvent(observation));
        break;
      }
      case 'error':
        events.push({ type: 'session:error', error: classified(observation, at) });
        break;
    }
  }
  return events;
}

/** The latest call with an id among those that the record has kept when a line is read. */
function latestCall(
  id: string,
  before: readonly ToolUsageRecord[],
  begun: readonly ToolUsageRecord[],
): ToolUsageRecord | undefined {
  const gone = Math.max(0, before.length + begun.length - KEPT.toolsUsed);
  return (
    begun.findLast((call, index) => call.id === id && index >= gone - before.length) ??
    before.findLast((call, index) => call.id === id && index >= gone)
  );
}

function setupEvent({ state, index, run, ...seen }: SetupObservation): ObservedSetup {
  const { text, exitCode, timedOut } = seen as { text?: string; exitCode?: number; timedOut?: true };
  return { type: 'session:setup', state, index, run, ...defined({ text, exitCode, timedOut }) };
}
