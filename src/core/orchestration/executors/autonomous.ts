import { ClaudeExecutor } from './claude-executor.js';

/** Runs Claude Code without anybody at the keyboard, in the workspace as it is or in a worktree of it. */
export class AutonomousExecutor extends ClaudeExecutor {
  readonly mode = 'autonomous';
}
