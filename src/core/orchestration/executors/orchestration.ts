import { ClaudeExecutor } from './claude-executor.js';

/** Runs Claude Code as the leader of others: with the command `orchestrate` its agent creates and follows children. */
export class OrchestrationExecutor extends ClaudeExecutor {
  readonly mode = 'orchestration';
  override readonly leads = true;
}
