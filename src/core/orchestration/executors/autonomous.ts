import { requireObject } from '../options/resolve.js';
import type { CreateSessionOptions } from '../session/create-options.js';
import type { UnifiedSession } from '../session/record.js';
import type { Sessions } from '../session/sessions.js';
import { UnifiedSessionManager } from '../session-manager.js';
import { OrchestrationError, quote } from '../util/errors.js';
import { AutonomousMode } from './autonomous-mode.js';

/**
 * Runs Claude Code without a person at the keyboard, in the workspace itself or in a worktree of its repository. Give it to a
 * manager in `executors`, or use it on its own with `create()`.
 *
 * On its own it makes a manager for its sessions when the first is created, because somebody has to answer the guard, read the log
 * and remove the container. This manager has no queue: every session starts at once.
 *
 * @example
 * ```ts
 * const executor = new AutonomousExecutor();
 * const session = await executor.create({ prompt: 'Fix the failing test', cwd: '/home/me/project' });
 * await executor.sessions.waitFor(session.id);
 * await executor.sessions.close();
 * ```
 */
export class AutonomousExecutor extends AutonomousMode {
  #sessions: UnifiedSessionManager | undefined;

  /**
   * Starts a session, without a queue. Resolves with its record as soon as the session is on disk, as `UnifiedSessionManager.create`
   * does.
   *
   * @throws OrchestrationError as `UnifiedSessionManager.create` documents, except `QUEUE_FULL`; `INVALID_OPTIONS` for another mode;
   * `STATE_LOCKED` if a manager uses the executor, or its `stateDir`
   */
  async create<T = unknown>(options: CreateSessionOptions<T>): Promise<UnifiedSession<T>> {
    requireObject(options);
    const { mode = 'autonomous' } = options;
    if (mode === 'autonomous') return this.sessions.create(options);
    throw new OrchestrationError(
      'INVALID_OPTIONS',
      `Option 'mode': an AutonomousExecutor runs sessions of the mode 'autonomous' only. Received ${quote(mode)}. ` +
        'Create sessions of other modes with a UnifiedSessionManager.',
    );
  }

  /** The sessions of `create()`: their records, their events, and everything that can be done to them. Close it at the end. */
  get sessions(): Sessions {
    this.#sessions ??= new UnifiedSessionManager({
      ...(this.stateDir !== undefined && { stateDir: this.stateDir }),
      ...(this.channelCoder && { channelCoder: this.channelCoder }),
      maxConcurrent: Number.MAX_SAFE_INTEGER,
      executors: { autonomous: this },
    });
    return this.#sessions;
  }
}
