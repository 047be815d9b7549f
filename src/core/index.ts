export type { Danger, DangerLevel } from '../danger/index.js';
export { openSessions } from './open-sessions.js';
export type { ChannelCoderModule, ChannelCoderSession } from './orchestration/contract/channelcoder-module.js';
export type { EndedRun, KeptWorktree, Leftover } from './orchestration/contract/executor.js';
export type { RunHandle } from './orchestration/contract/run-handle.js';
export type { Messages, RunHooks } from './orchestration/contract/run-hooks.js';
export type { RunRequest } from './orchestration/contract/run-request.js';
export type { SessionFolder } from './orchestration/contract/session-folder.js';
export type { Preparation, SessionSpec } from './orchestration/contract/session-spec.js';
export { AutonomousExecutor } from './orchestration/executors/autonomous.js';
export { BaseExecutor, type ManagerOfExecutor } from './orchestration/executors/base-executor.js';
export type { ClaudeExecutorOptions } from './orchestration/executors/claude-runtime.js';
export { InteractiveExecutor, type InteractiveExecutorOptions } from './orchestration/executors/interactive.js';
export { OrchestrationExecutor } from './orchestration/executors/orchestration.js';
export { PlanningExecutor } from './orchestration/executors/planning.js';
export { WorktreeExecutor } from './orchestration/executors/worktree.js';
export type { SessionWorktrees } from './orchestration/git/worktrees/session-worktrees.js';
export type { RecoverOptions } from './orchestration/manager/prepare.js';
export type { RecoveryReport } from './orchestration/manager/recovery.js';
export type { SweepReport } from './orchestration/manager/sweep.js';
export type {
  MonitorError,
  MonitorEvent,
  MonitoredSession,
  StreamMonitorEvents,
} from './orchestration/monitoring/monitor-events.js';
export { StreamMonitor, type StreamMonitorOptions } from './orchestration/monitoring/stream-monitor.js';
export type { KeepEnded, SessionManagerOptions } from './orchestration/options/manager-options.js';
export type { ProcessIdentity } from './orchestration/process/process-identity.js';
export { type QueueItem, SimpleQueue, type SimpleQueueOptions } from './orchestration/queue/simple-queue.js';
export type { Admission } from './orchestration/queue/slot-queue.js';
export type { AgentPlace } from './orchestration/session/agent-place.js';
export type { CacheOption, PackageManager, SessionCache } from './orchestration/session/caches.js';
export type {
  ContainerOptions,
  PortOption,
  PublishedPort,
  TmpfsOption,
  UlimitOption,
  VolumeOption,
} from './orchestration/session/container-options.js';
export type { ApprovalSource, Denial } from './orchestration/session/denial.js';
export type { DockerOptions, MountOption } from './orchestration/session/docker-options.js';
export type {
  QueueChangedEvent,
  QueueEvent,
  QueueHeldEvent,
  QueueReleasedEvent,
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
  SessionOverageEvent,
  SessionPausedEvent,
  SessionPromptEvent,
  SessionQuestionEvent,
  SessionQueuedEvent,
  SessionRecoveredEvent,
  SessionRemovedEvent,
  SessionResumedEvent,
  SessionSetupEvent,
  SessionStartedEvent,
  SessionSteeredEvent,
  SessionToolEvent,
  SessionToolResultEvent,
  SessionWaitingEvent,
  SessionWorkingEvent,
} from './orchestration/session/events.js';
export type { GitIdentityOption } from './orchestration/session/git-identity.js';
export type { SessionLimits } from './orchestration/session/limits.js';
export type { LoginSource } from './orchestration/session/login-source.js';
export type { ModelPrice, ModelPrices, UnpricedUsage } from './orchestration/session/model-price.js';
export type { ResultObservation } from './orchestration/session/observation.js';
export type { OverageChoice } from './orchestration/session/overage.js';
export type { AskedCall, Verdict } from './orchestration/session/policy.js';
export {
  DEFAULT_POLICY,
  type Decision,
  type ResolvedPolicy,
  type ToolCall,
  type ToolPolicy,
  type ToolRule,
} from './orchestration/session/policy.js';
export type { QueueHold, UsageWindow } from './orchestration/session/queue-hold.js';
export type { SessionDependency, SessionPriority } from './orchestration/session/queue-plan.js';
export type { BlockedItem, QueueStatus } from './orchestration/session/queue-status.js';
export type { ResolvedRetry, RetryCause, RetryOptions } from './orchestration/session/retry.js';
export type {
  ContinueOptions,
  EventStreamOptions,
  SessionFilter,
  Sessions,
  WaitOptions,
} from './orchestration/session/sessions.js';
export type { WorktreeRequest } from './orchestration/session/worktree-request.js';
export { UnifiedSessionManager } from './orchestration/session-manager.js';
export type * from './orchestration/types.js';
export { OrchestrationError, type OrchestrationErrorCode } from './orchestration/util/errors.js';
export type { ListenerError } from './orchestration/util/isolated-emitter.js';
