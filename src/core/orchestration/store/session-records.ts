import type { SessionAction } from '../session/actions.js';
import { eventsOf } from '../session/events.js';
import type { UnifiedSession } from '../session/record.js';
import { reduceSession } from '../session/reducer.js';
import type { EventDelivery } from './event-delivery.js';
import { SessionRegistry } from './registry.js';
import { SessionWaiters } from './waiters.js';

/** Called with each change, in order, before the listeners of the events. `at` is the time that the events contain. */
export type Follower = (session: UnifiedSession, action: SessionAction, at: number) => void;

/**
 * Records, and those who wait for them: action → reducer → registry → followers → listeners → waiters. The same actions make
 * the same records everywhere. So another process can follow the records of a manager.
 */
export class SessionRecords {
  readonly registry = new SessionRegistry();
  readonly waiters = new SessionWaiters();
  readonly #events: Pick<EventDelivery, 'tell'>;
  readonly #followers = new Set<Follower>();

  constructor(events: Pick<EventDelivery, 'tell'>) {
    this.#events = events;
  }

  /** @returns the function that ends the following */
  follow(follower: Follower): () => void {
    this.#followers.add(follower);
    return () => this.#followers.delete(follower);
  }

  /** @throws OrchestrationError `ILLEGAL_TRANSITION`; then nothing has changed */
  apply(id: string, action: SessionAction, at: number): UnifiedSession {
    const session = reduceSession(this.registry.get(id), action);
    this.registry.set(session);
    for (const follower of this.#followers) follower(session, action, at);
    for (const event of eventsOf(action, session, at)) this.#events.tell(event);
    this.waiters.notify(session);
    return session;
  }
}
