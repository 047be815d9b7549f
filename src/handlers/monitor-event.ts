import type {
  Danger,
  PendingQuestion,
  QuestionAnswer,
  QuestionSource,
  SessionEvent,
  TerminalStatus,
  ToolOutcome,
} from '../core/index.js';
import { defined } from '../core/orchestration/util/defined.js';
import { cutInput } from './cut-input.js';

/** What `createAutonomousMonitor` reports. The agent controls the texts, so show them as text only. */
export interface MonitorEvent {
  type: 'autonomous-event' | 'error';
  /** The id with which the monitor was created. */
  taskId: string;
  /** Only of type `error`: why there is nothing to watch. */
  message?: string;
  /** Only of type `autonomous-event`, like all fields below: the session's own id. */
  sessionId?: string;
  /** When it happened, in epoch milliseconds. */
  at?: number;
  /** True if `recover()` read this from the log of a session that it took over. Then `at` is not the time when it happened. */
  replayed?: true;
  event?: MonitoredEvent;
}

/**
 * What happened to a session. `type` is the word of Claude's stream-json, if stream-json has one: `assistant`, `user`, `tool_use`,
 * `tool_result`, `error` and `result`. Other types are named as the manager's event, without `session:`. New types may be added,
 * so ignore a type that you do not know.
 */
export interface MonitoredEvent {
  type:
    | 'created'
    | 'recovered'
    | 'queued'
    | 'started'
    | 'setup'
    | 'assistant'
    | 'user'
    | 'tool_use'
    | 'tool_result'
    | 'danger'
    | 'approval'
    | 'question'
    | 'denied'
    | 'steered'
    | 'paused'
    | 'overage'
    | 'resumed'
    | 'waiting'
    | 'working'
    | 'error'
    | 'continued'
    | 'result'
    | 'removed';
  /** The tool's name. Of `tool_use`, `tool_result`, `danger`, `approval` and `denied`. */
  tool?: string;
  /** The id of the tool call, of the same types. It is the same for all events of one call. */
  toolUseId?: string;
  /** The input of the tool call. Of `tool_use`, `approval` and `denied`. */
  input?: unknown;
  /** True if `input` is cut. `handleAutonomousGet` has the whole input of a call that waits for a decision. */
  cut?: true;
  /**
   * The message, the tool's output, the reason of a danger or denial, the note with an approval, the feedback of `continued`, what
   * a session waits for, the output or the command of `setup`, or the last message of `result`.
   */
  content?: string;
  /** What went wrong. Of `error` and `result`. */
  error?: string;
  /** How the tool call ended. Of `tool_result`. */
  outcome?: ToolOutcome;
  /** How dangerous the tool call is. Of `danger`, and of `approval` and `denied` if the call is dangerous. */
  danger?: Danger;
  /** The id for `handleAutonomousApprove` and `handleAutonomousDeny`. Of `approval`. */
  requestId?: string;
  /** What the agent asks, with the id for `handleAutonomousAnswer`. Of `question`. */
  question?: PendingQuestion;
  /** The answers of a person, one for each question. Of a `question` that is answered. */
  answers?: readonly QuestionAnswer[];
  /**
   * Whether a person is asked, or how that was answered. Of `approval` and `question`. Of `setup`: whether the command began, wrote
   * something or ended.
   */
  state?: 'asked' | 'approved' | 'denied' | 'answered' | 'unanswered' | 'begun' | 'output' | 'ended';
  /** Who answered an `approval` or a `question`, or who denied the call. */
  by?: 'policy' | QuestionSource;
  /** When the call is denied if nobody answers, in epoch milliseconds. Of an `approval` that is asked. */
  deadline?: number;
  /** The place in the queue, 1 is next. Of `queued`. */
  position?: number;
  /** The number of the run, 1 is the first. Of `started`. */
  run?: number;
  /** When the session goes on by itself, in epoch milliseconds. Of `paused`, if the session waits for its provider. */
  resumeAt?: number;
  /** How the session ended. Of `result`. */
  status?: TerminalStatus;
}

/** An event of a session, as a monitor reports it. Undefined for an event of the whole queue. */
export function monitorEvent(event: SessionEvent): MonitoredEvent | undefined {
  switch (event.type) {
    case 'queue:changed':
    case 'queue:held':
    case 'queue:released':
      return undefined;
    case 'session:overage':
      return { type: 'overage' };
    case 'session:created':
      return { type: 'created' };
    case 'session:recovered':
      return { type: 'recovered' };
    case 'session:queued':
      return { type: 'queued', position: event.position };
    case 'session:started':
      return { type: 'started', run: event.run.number };
    case 'session:setup':
      return { type: 'setup', state: event.state, content: event.text ?? event.run };
    case 'session:message':
      return { type: 'assistant', content: event.text };
    case 'session:prompt':
      return { type: 'user', content: event.text };
    case 'session:tool': {
      const { id, name, input } = event.tool;
      return { type: 'tool_use', tool: name, toolUseId: id, ...cutInput(input) };
    }
    case 'session:tool-result': {
      const { name, toolUseId, outcome, output } = event;
      return { type: 'tool_result', toolUseId, outcome, content: output, ...defined({ tool: name }) };
    }
    case 'session:danger': {
      const { at: _, tool, toolUseId, ...danger } = event.danger;
      return { type: 'danger', tool, toolUseId, danger, content: danger.reason };
    }
    case 'session:approval':
      return approval(event);
    case 'session:question': {
      const { state, question, by, answers } = event;
      return { type: 'question', state, toolUseId: question.toolUseId, question, ...defined({ by, answers }) };
    }
    case 'session:denied': {
      const { tool, toolUseId, input, reason, by, danger } = event.denial;
      return { type: 'denied', tool, toolUseId, content: reason, by, ...cutInput(input), ...defined({ danger }) };
    }
    case 'session:steered':
      return { type: 'steered', content: event.message };
    case 'session:paused':
      return { type: 'paused', ...defined({ resumeAt: event.resumeAt }) };
    case 'session:resumed':
      return { type: 'resumed' };
    case 'session:waiting':
      return { type: 'waiting', content: event.waitingFor };
    case 'session:working':
      return { type: 'working' };
    case 'session:error':
      return { type: 'error', error: event.error.message };
    case 'session:continued':
      return { type: 'continued', content: event.feedback };
    case 'session:completed':
    case 'session:failed':
    case 'session:cancelled': {
      const { text, error } = event.result;
      const status = event.type.slice('session:'.length) as TerminalStatus;
      return { type: 'result', status, ...defined({ content: text, error }) };
    }
    case 'session:removed':
      return { type: 'removed' };
  }
}

function approval({ state, request, by, note }: Extract<SessionEvent, { type: 'session:approval' }>): MonitoredEvent {
  const { requestId, tool, toolUseId, input, danger, deadline } = request;
  const isAsked = state === 'asked';
  return {
    type: 'approval',
    state,
    requestId,
    tool,
    toolUseId,
    ...cutInput(input),
    ...defined({ danger, by, content: isAsked ? danger?.reason : note, deadline: isAsked ? deadline : undefined }),
  };
}
