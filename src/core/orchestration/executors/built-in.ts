import type { SessionMode } from '../session/status.js';
import { AutonomousExecutor } from './autonomous.js';
import type { BaseExecutor } from './base-executor.js';
import { type ClaudeExecutorOptions, ClaudeRuntime } from './claude-runtime.js';
import { InteractiveExecutor } from './interactive.js';
import { OrchestrationExecutor } from './orchestration.js';
import { PlanningExecutor } from './planning.js';
import { WorktreeExecutor } from './worktree.js';

/** One executor for each mode. */
export function builtInExecutors(options: ClaudeExecutorOptions): Record<SessionMode, BaseExecutor> {
  const runtime = new ClaudeRuntime(options);
  return {
    autonomous: new AutonomousExecutor(runtime),
    interactive: new InteractiveExecutor(runtime),
    planning: new PlanningExecutor(runtime),
    worktree: new WorktreeExecutor(runtime),
    orchestration: new OrchestrationExecutor(runtime),
  };
}
