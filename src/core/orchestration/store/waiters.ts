import type { UnifiedSession } from '../session/record.js';
import type { WaitOptions } from '../session/sessions.js';
import type { SessionStatus } from '../session/status.js';
import { isTerminal } from '../session/status.js';
import { OrchestrationError } from '../util/errors.js';

interface Waiter {
  statuses: ReadonlySet<SessionStatus> | undefined;
  resolve(session: UnifiedSession): void;
  reject(error: unknown): void;
}

/** The callers that wait for a session to reach a status. */
export class SessionWaiters {
  readonly #waiters = new Map<string, Set<Waiter>>();

  wait(session: UnifiedSession, { status, signal }: WaitOptions): Promise<UnifiedSession> {
    const statuses = status === undefined ? undefined : new Set(typeof status === 'string' ? [status] : status);
    return new Promise((resolve, reject) => {
      signal?.throwIfAborted();
      const waiters = this.#waiters.get(session.id) ?? new Set();
      const leave = (): void => {
        waiters.delete(waiter);
        if (waiters.size === 0) this.#waiters.delete(session.id);
        signal?.removeEventListener('abort', abort);
      };
      const waiter: Waiter = {
        statuses,
        resolve: (reached) => {
          leave();
          resolve(reached);
        },
        reject: (error) => {
          leave();
          reject(error);
        },
      };
      const abort = (): void => waiter.reject(signal?.reason);
      this.#waiters.set(session.id, waiters.add(waiter));
      signal?.addEventListener('abort', abort);
      settle(waiter, session);
    });
  }

  /** Tells the waiting callers of a change. */
  notify(session: UnifiedSession): void {
    for (const waiter of [...(this.#waiters.get(session.id) ?? [])]) settle(waiter, session);
  }

  /** Ends all waits for a session with an error. */
  reject(id: string, error: unknown): void {
    for (const waiter of [...(this.#waiters.get(id) ?? [])]) waiter.reject(error);
  }

  /** Ends all waits with an error. */
  rejectAll(error: unknown): void {
    for (const id of [...this.#waiters.keys()]) this.reject(id, error);
  }
}

function settle({ statuses, resolve, reject }: Waiter, session: UnifiedSession): void {
  const ended = isTerminal(session.status);
  if (statuses?.has(session.status) ?? ended) resolve(session);
  else if (ended) {
    reject(
      new OrchestrationError(
        'ILLEGAL_TRANSITION',
        `Session ${session.id} ended as '${session.status}' without reaching ${[...(statuses ?? [])].join(' or ')}.`,
      ),
    );
  }
}
