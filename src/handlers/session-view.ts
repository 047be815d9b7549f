import type {
  AnsweredQuestion,
  Danger,
  ErrorSeverity,
  GuardRequest,
  PausedFor,
  PendingQuestion,
  SessionAsked,
  SessionEnvironment,
  SessionMetadata,
  SessionMode,
  SessionResult,
  SessionStatus,
  TokenUsage,
  ToolUsageRecord,
  UnifiedSession,
  UnpricedUsage,
  WaitingFor,
} from '../core/index.js';
import { isTerminal } from '../core/orchestration/session/status.js';
import { boundedCopy } from '../core/orchestration/util/bounded-copy.js';
import { defined } from '../core/orchestration/util/defined.js';
import { truncate } from '../core/orchestration/util/text.js';
import { cutInput } from './cut-input.js';
import { cutResult } from './cut-result.js';
import { needsPerson } from './needs-person.js';
import { type PlaceView, placeView } from './place-view.js';
import { type RunView, runView } from './run-view.js';

/**
 * A session's record as it is sent over HTTP. The fields up to `stats` are those that the older monitoring page reads. Their
 * times are ISO 8601.
 */
export interface AutonomousSession extends PlaceView {
  /** `task-<taskId>-<createdAt>` */
  sessionName: string;
  /** The session's own id if the user gave no `taskId`. */
  taskId: string;
  parentId?: string;
  /** The path of the log. The file is made when the first run begins. */
  logFile: string;
  startTime: string;
  /**
   * `running`: the session has not ended, and waits for no person, or waits for a slot. `error`: it failed or was cancelled. Read
   * `state` to tell a queued session from one that runs.
   */
  status: 'running' | 'waiting_feedback' | 'completed' | 'error';
  /** The process id of the docker client, or of `claude` itself, while a run is under way. */
  pid?: number;
  stats: SessionStats;

  id: string;
  mode: SessionMode;
  /** The session's own status, which is more precise than `status`. */
  state: SessionStatus;
  /** What the session waits for, if it has nothing to do. Absent if it waits only for decisions about tool calls. */
  waitingFor?: WaitingFor;
  /** True if the session works on while no process is there, and nobody decides about its tool calls then. */
  detached?: true;
  /** In epoch milliseconds, like all times below. */
  createdAt: number;
  startedAt?: number;
  endedAt?: number;
  /** When the session goes on by itself, if it waits for its provider. */
  resumeAt?: number;
  /** Why the session waits until `resumeAt`. */
  pausedFor?: PausedFor;
  /** Whose login and money the session uses. */
  account?: string;
  environment: SessionEnvironment;
  /** The model and effort that the session was asked to use, and if it was asked for a typed result. */
  asked?: SessionAsked;
  /** Claude's conversation id. */
  conversation?: string;
  runs: RunView[];
  /** The tool call that runs now. */
  currentTool?: { name: string; input: unknown; startedAt: number };
  /** The ten oldest tool calls that wait for a decision. The details have all of them. */
  approvals: ApprovalView[];
  /** How many tool calls wait for a decision, including those that `approvals` leaves out. */
  approvalCount: number;
  /** The four oldest questions of the agent that wait for an answer. The details have all of them. */
  questions: PendingQuestion[];
  /** How many questions wait for an answer, including those that `questions` leaves out. */
  questionCount: number;
  toolCalls: number;
  errorCounts: Readonly<Record<ErrorSeverity, number>>;
  /** The number of dangers in the record, which keeps the latest 50. */
  dangers: number;
  turns?: number;
  tokens?: TokenUsage;
  result?: SessionResult;
}

/** What a session has done so far, in the form that the older monitoring page reads. */
export interface SessionStats {
  /** The number of the agent's messages. */
  messages: number;
  /** The names of the tools that were called, each once. */
  toolsUsed: string[];
  /** US dollars. Absent while a part of the cost is not known, see `unpriced`. */
  totalCost?: number;
  /** Set instead of `totalCost` while the price of a model is not known. */
  unpriced?: UnpricedUsage;
  model?: string;
  /**
   * The agent's last message, cut at 200 characters. If the session is queued, `handleAutonomousList` and `handleAutonomousGet` give
   * its place in the queue here, because the older page shows this text and has no status for it.
   */
  lastOutput?: string;
  /** The time of the session's last activity, ISO 8601. */
  lastUpdate?: string;
}

/** A tool call that waits for a person. */
export interface ApprovalView {
  requestId: string;
  toolUseId: string;
  tool: string;
  input: unknown;
  /** True if `input` is cut. Read the whole input with `handleAutonomousGet` before you approve the call. */
  cut?: true;
  danger?: Danger;
  askedAt: number;
  deadline: number;
}

/** A session with the details of its work. */
export interface AutonomousSessionDetails extends AutonomousSession {
  /** The latest 10 questions of the agent that do not wait any more, with their answers. */
  answeredQuestions: AnsweredQuestion[];
  /** The agent's last three messages. If the session is queued, the last one is its place in the queue. */
  lastLogLines: string[];
  /** The record's lists, which keep only the latest entries. */
  metadata: Pick<
    SessionMetadata,
    'recentMessages' | 'toolsUsed' | 'toolCounts' | 'errors' | 'dangers' | 'diagnostics' | 'claudeVersion'
  >;
}

const OUTPUT_LENGTH = 200;
const LOG_LINES = 3;
const LISTED_APPROVALS = 10;
const LISTED_QUESTIONS = 4;
/** Longer texts are cut in lists of sessions, because a session is sent again at every change. */
const TEXT_LENGTH = 4_000;

/** A session as a list of sessions shows it: long texts are cut. */
export function sessionView(session: UnifiedSession): AutonomousSession {
  const { pendingApprovals = [], pendingQuestions = [], result } = session;
  return {
    ...baseView(session),
    approvals: pendingApprovals.slice(0, LISTED_APPROVALS).map(cutApproval),
    questions: pendingQuestions.slice(0, LISTED_QUESTIONS),
    ...(result && { result: cutResult(result, TEXT_LENGTH) }),
  };
}

/** A session with all its details, and all its approvals in full. */
export function sessionDetails(session: UnifiedSession): AutonomousSessionDetails {
  const { recentMessages, toolsUsed, toolCounts, errors, dangers, diagnostics, claudeVersion } = session.metadata;
  return {
    ...baseView(session),
    approvals: [...(session.pendingApprovals ?? [])],
    questions: [...(session.pendingQuestions ?? [])],
    answeredQuestions: [...(session.answeredQuestions ?? [])],
    lastLogLines: recentMessages
      .filter(({ by }) => by === undefined)
      .slice(-LOG_LINES)
      .map(({ text }) => text),
    metadata: {
      recentMessages,
      toolsUsed,
      toolCounts,
      errors,
      dangers,
      diagnostics,
      ...(claudeVersion !== undefined && { claudeVersion }),
    },
  };
}

function baseView(session: UnifiedSession): Omit<AutonomousSession, 'approvals' | 'questions'> {
  const { id, mode, status, createdAt, environment, metadata, runs } = session;
  const taskId = taskIdOf(session);
  const pid = isTerminal(status) ? undefined : runs.at(-1)?.process?.pid;
  return defined({
    sessionName: `task-${taskId}-${createdAt}`,
    taskId,
    parentId: session.parentId,
    logFile: session.logFile ?? '',
    startTime: new Date(session.startedAt ?? createdAt).toISOString(),
    status: pageStatus(session),
    pid,
    stats: defined({
      messages: metadata.messages,
      toolsUsed: Object.keys(metadata.toolCounts),
      totalCost: metadata.costUsd,
      unpriced: metadata.unpriced,
      model: metadata.model,
      lastOutput: metadata.lastMessage === undefined ? undefined : truncate(metadata.lastMessage, OUTPUT_LENGTH),
      lastUpdate: metadata.lastActivity === undefined ? undefined : new Date(metadata.lastActivity).toISOString(),
    }),
    id,
    mode,
    state: status,
    ...placeView(session),
    waitingFor: session.waitingFor,
    detached: session.detached,
    createdAt,
    startedAt: session.startedAt,
    endedAt: session.endedAt,
    resumeAt: session.resumeAt,
    pausedFor: session.pausedFor,
    account: session.account,
    environment,
    asked: session.asked,
    conversation: session.conversationId,
    runs: runs.map(runView),

    approvalCount: session.pendingApprovals?.length ?? 0,
    questionCount: session.pendingQuestions?.length ?? 0,
    currentTool: currentTool(session),
    toolCalls: Object.values(metadata.toolCounts).reduce((sum, count) => sum + count, 0),
    errorCounts: metadata.errorCounts,
    dangers: metadata.dangers.length,
    turns: metadata.turns,
    tokens: metadata.tokens,
    result: session.result,
  });
}

/** The id that a page shows for the session: the user's `taskId`, or else the session's own id. */
export function taskIdOf({ id, taskId }: Pick<UnifiedSession, 'id' | 'taskId'>): string {
  return taskId ?? id;
}

function pageStatus(session: UnifiedSession): AutonomousSession['status'] {
  const { status, waitingFor, pendingApprovals, pendingQuestions } = session;
  const approvalCount = pendingApprovals?.length ?? 0;
  const questionCount = pendingQuestions?.length ?? 0;
  switch (status) {
    case 'waiting_feedback':
      return needsPerson({ state: status, waitingFor, approvalCount, questionCount }) ? status : 'running';
    case 'completed':
      return status;
    case 'failed':
    case 'cancelled':
      return 'error';
    default:
      return 'running';
  }
}

function currentTool({ status, metadata }: UnifiedSession): AutonomousSession['currentTool'] {
  if (isTerminal(status)) return undefined;
  const tool = metadata.toolsUsed.findLast(({ outcome }: ToolUsageRecord) => outcome === undefined);
  return tool && { name: tool.name, input: boundedCopy(tool.input, { left: 400 }), startedAt: tool.startedAt };
}

/** The views that were already made. An input may have megabytes, and a view is needed whenever something happens. */
const cutApprovals = new WeakMap<GuardRequest, ApprovalView>();

function cutApproval(request: GuardRequest): ApprovalView {
  const known = cutApprovals.get(request);
  if (known) return known;
  const view: ApprovalView = { ...request, ...cutInput(request.input) };
  cutApprovals.set(request, view);
  return view;
}
