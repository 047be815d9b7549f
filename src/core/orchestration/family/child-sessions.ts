import type { CreateSessionOptions } from '../session/create-options.js';
import type { UnifiedSession } from '../session/record.js';
import type { ContinueOptions } from '../session/sessions.js';

/** The options that an agent may choose for a session below its own. All others are inherited. */
export type ChildOptions = Pick<
  CreateSessionOptions,
  | 'mode'
  | 'prompt'
  | 'taskId'
  | 'worktree'
  | 'limits'
  | 'policy'
  | 'maxTurns'
  | 'disallowedTools'
  | 'after'
  | 'priority'
  | 'model'
  | 'fallbackModels'
  | 'effort'
  | 'output'
  | 'outputRetries'
>;

/**
 * The actions of a session's agent on the sessions below it.
 *
 * @throws OrchestrationError `SESSION_NOT_FOUND` for any other id
 */
export interface ChildSessions {
  create(options: ChildOptions): Promise<UnifiedSession>;
  /** All sessions below it, oldest first. */
  list(): UnifiedSession[];
  get(id: string): UnifiedSession;
  /**
   * Resolves with the current records of these sessions when all of them (or, with `any`, one of them) have ended, or when the
   * time is over.
   */
  wait(ids: readonly string[], options: { any: boolean; timeoutMs: number }): Promise<UnifiedSession[]>;
  continue(id: string, feedback: string, options?: ContinueOptions): Promise<UnifiedSession>;
  cancel(id: string, reason: string): Promise<UnifiedSession>;
}
