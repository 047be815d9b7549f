import { eventsOf, type SessionEvent } from './session-events.js';
import { reduceSession, type SessionAction } from './session-lifecycle.js';
import { SessionRegistry } from './session-registry.js';
import { SessionWaiters } from './session-waiters.js';
import type { UnifiedSession } from './types.js';

/** The one place where sessions change: action → reducer → registry → listeners, in that order. */
export class SessionStore {
  readonly registry = new SessionRegistry();
  readonly waiters = new SessionWaiters();
  readonly #now: () => number;
  readonly #emit: (event: SessionEvent) => void;

  constructor(now: () => number, emit: (event: SessionEvent) => void) {
    this.#now = now;
    this.#emit = emit;
  }

  /** @throws OrchestrationError `ILLEGAL_TRANSITION`; nothing has changed then */
  dispatch(id: string, action: SessionAction): UnifiedSession {
    const session = reduceSession(this.registry.get(id), action);
    this.registry.set(session);
    for (const event of eventsOf(action, session, this.#now())) this.#emit(event);
    this.waiters.notify(session);
    return session;
  }
}
