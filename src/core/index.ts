export type { Danger, DangerLevel } from '../danger/danger.js';
export type { SessionFolder } from './orchestration/contract/session-folder.js';
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
export type { KeptWorktree, SessionWorktrees } from './orchestration/git/session-worktrees.js';
export type { AskedCall, Denial, Verdict } from './orchestration/guard/run-guard.js';
export type { Messages, RunHooks } from './orchestration/mailbox/hook-channel.js';
export type { RecoverOptions } from './orchestration/manager/prepare.js';
export type { RecoveryReport } from './orchestration/manager/recovery.js';
export type { SweepReport } from './orchestration/manager/sweep.js';
export { StreamMonitor, type StreamMonitorOptions } from './orchestration/monitoring/stream-monitor.js';
export type { SessionManagerOptions } from './orchestration/options/resolve.js';
export type { ProcessIdentity } from './orchestration/process/process-identity.js';
export {
  type Admission,
  type QueueStatus,
  SimpleQueue,
  type SimpleQueueOptions,
} from './orchestration/queue/simple-queue.js';
export type { ApprovalSource } from './orchestration/session/actions.js';
export type { DockerOptions, MountOption } from './orchestration/session/docker-options.js';
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
} from './orchestration/session/events.js';
export type { SessionLimits } from './orchestration/session/limits.js';
export type { Observation, ResultObservation } from './orchestration/session/observation.js';
export {
  DEFAULT_POLICY,
  type Decision,
  type ResolvedPolicy,
  type ToolCall,
  type ToolPolicy,
  type ToolRule,
} from './orchestration/session/policy.js';
export type { WorktreeRequest } from './orchestration/session/worktree-request.js';
export { UnifiedSessionManager } from './orchestration/session-manager.js';
export type { EventStreamOptions } from './orchestration/store/event-stream.js';
export type { SessionFilter } from './orchestration/store/registry.js';
export type { WaitOptions } from './orchestration/store/waiters.js';
export type * from './orchestration/types.js';
export { OrchestrationError, type OrchestrationErrorCode } from './orchestration/util/errors.js';
