export type { DockerOptions, MountOption } from './orchestration/docker/docker-options.js';
export { OrchestrationError, type OrchestrationErrorCode } from './orchestration/errors.js';
export type { EventStreamOptions } from './orchestration/event-stream.js';
export { AutonomousExecutor } from './orchestration/executors/autonomous.js';
export {
  BaseExecutor,
  type EndedRun,
  type Preparation,
  type RunHandle,
  type RunRequest,
  type RunTrace,
  type SessionSpec,
} from './orchestration/executors/base-executor.js';
export type { ClaudeExecutorOptions } from './orchestration/executors/claude-runtime.js';
export { InteractiveExecutor, type InteractiveExecutorOptions } from './orchestration/executors/interactive.js';
export { OrchestrationExecutor } from './orchestration/executors/orchestration.js';
export { PlanningExecutor } from './orchestration/executors/planning.js';
export { WorktreeExecutor } from './orchestration/executors/worktree.js';
export type { Danger, DangerLevel } from './orchestration/intervention/danger/danger.js';
export type { Messages, RunHooks } from './orchestration/intervention/hook-channel.js';
export type { AskedCall, Denial, Verdict } from './orchestration/intervention/run-guard.js';
export type { SessionLimits } from './orchestration/intervention/session-limits.js';
export {
  DEFAULT_POLICY,
  type Decision,
  type ResolvedPolicy,
  type ToolCall,
  type ToolPolicy,
  type ToolRule,
} from './orchestration/intervention/tool-policy.js';
export type { Observation, ResultObservation } from './orchestration/monitoring/observation.js';
export { StreamMonitor, type StreamMonitorOptions } from './orchestration/monitoring/stream-monitor.js';
export {
  type Admission,
  type QueueStatus,
  SimpleQueue,
  type SimpleQueueOptions,
} from './orchestration/queue/simple-queue.js';
export type { SessionManagerOptions } from './orchestration/resolve-options.js';
export type { ApprovalSource } from './orchestration/session-actions.js';
export type {
  ListenerError,
  QueueChangedEvent,
  SessionApprovalEvent,
  SessionContinuedEvent,
  SessionCreatedEvent,
  SessionDangerEvent,
  SessionDeniedEvent,
  SessionEndedEvent,
  SessionErrorEvent,
  SessionEvent,
  SessionManagerEvents,
  SessionMessageEvent,
  SessionPausedEvent,
  SessionPromptEvent,
  SessionQueuedEvent,
  SessionRecoveredEvent,
  SessionResumedEvent,
  SessionStartedEvent,
  SessionSteeredEvent,
  SessionToolEvent,
  SessionToolResultEvent,
  SessionWaitingEvent,
  SessionWorkingEvent,
} from './orchestration/session-events.js';
export type { RecoverOptions } from './orchestration/session-intake.js';
export { UnifiedSessionManager } from './orchestration/session-manager.js';
export type { RecoveryReport } from './orchestration/session-recovery.js';
export type { SessionFilter } from './orchestration/session-registry.js';
export type { SweepReport } from './orchestration/session-sweep.js';
export type { WaitOptions } from './orchestration/session-waiters.js';
export type { ProcessIdentity } from './orchestration/state/process-identity.js';
export type { SessionFolder } from './orchestration/state/session-folder.js';
export type * from './orchestration/types.js';
export type { KeptWorktree, SessionWorktrees } from './orchestration/workspace/session-worktrees.js';
export type { WorktreeRequest } from './orchestration/workspace/worktree-request.js';
