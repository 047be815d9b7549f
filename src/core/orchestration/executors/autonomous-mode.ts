import { UnattendedExecutor } from './unattended-executor.js';

/** Runs Claude Code without a person at the keyboard, in the workspace itself or in a worktree of its repository. */
export class AutonomousMode extends UnattendedExecutor {
  readonly mode = 'autonomous';
}
