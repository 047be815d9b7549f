/** What a user of the library sees of sessions: options, records, runs. */
export type { AfterSession, CreateSessionOptions } from './session/create-options.js';
export type {
  ClassifiedError,
  DangerRecord,
  ErrorSeverity,
  GuardRequest,
  SessionMessage,
  SessionMetadata,
  TokenUsage,
  ToolOutcome,
  ToolUsageRecord,
} from './session/metadata.js';
export type { Effort, ModelChoice, SessionAsked } from './session/model-choice.js';
export type {
  ClaudeOutput,
  JsonSchema,
  OutputIssue,
  OutputRequest,
  OutputSchema,
  OutputVerdict,
  StandardOutputSchema,
  TypedId,
} from './session/output-schema.js';
export type {
  AnsweredPart,
  AnsweredQuestion,
  PendingQuestion,
  Question,
  QuestionAnswer,
  QuestionMode,
  QuestionOption,
  QuestionSource,
} from './session/question.js';
export type { SessionEnvironment, SessionResult, UnifiedSession, WorktreeChanges } from './session/record.js';
export type { RunEnd, RunFailure, RunStop, SessionPause, SessionRun, SessionWait } from './session/run.js';
export type { SetupCommand, SetupRun } from './session/setup.js';
export type { PausedFor, SessionMode, SessionStatus, TerminalStatus, WaitingFor } from './session/status.js';
