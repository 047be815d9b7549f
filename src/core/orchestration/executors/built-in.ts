import type { SessionMode } from '../session/status.js';
import { AutonomousMode } from './autonomous-mode.js';
import type { BaseExecutor } from './base-executor.js';
import { ClaudeRuntime, type ClaudeRuntimeOptions } from './claude-runtime.js';
import { InteractiveExecutor } from './interactive.js';
import { OrchestrationExecutor } from './orchestration.js';
import { PlanningExecutor } from './planning.js';
import { WorktreeExecutor } from './worktree.js';

/** One executor for each mode. */
export function builtInExecutors(options: ClaudeRuntimeOptions): Record<SessionMode, BaseExecutor> {
  const runtime = new ClaudeRuntime(options);
  return {
    autonomous: new AutonomousMode(runtime),
    interactive: new InteractiveExecutor(runtime),
    planning: new PlanningExecutor(runtime),
    worktree: new WorktreeExecutor(runtime),
    orchestration: new OrchestrationExecutor(runtime),
  };
}
