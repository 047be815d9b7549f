import { UnattendedExecutor } from './unattended-executor.js';

/** Runs Claude Code without anybody at the keyboard, in the workspace as it is or in a worktree of it. */
export class AutonomousExecutor extends UnattendedExecutor {
  readonly mode = 'autonomous';
}
