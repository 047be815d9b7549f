import type { CreateSessionOptions } from '../session/create-options.js';
import type { UnifiedSession } from '../session/record.js';

/** What an agent may ask for a session below its own; all else is inherited. */
export type ChildOptions = Pick<
  CreateSessionOptions,
  'mode' | 'prompt' | 'taskId' | 'worktree' | 'limits' | 'policy' | 'maxTurns' | 'disallowedTools'
>;

/**
 * What a session's agent may do with the sessions below it.
 *
 * @throws OrchestrationError `SESSION_NOT_FOUND` for any other id
 */
export interface ChildSessions {
  create(options: ChildOptions): Promise<UnifiedSession>;
  /** All below it, oldest first. */
  list(): UnifiedSession[];
  get(id: string): UnifiedSession;
  /** Resolves with them as they are when all (or, with `any`, one) of them have ended, or when the time is over. */
  wait(ids: readonly string[], options: { any: boolean; timeoutMs: number }): Promise<UnifiedSession[]>;
  continue(id: string, feedback: string): Promise<UnifiedSession>;
  cancel(id: string, reason: string): Promise<UnifiedSession>;
}
