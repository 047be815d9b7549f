import type { SessionAction } from '../session/actions.js';
import { eventsOf, type QueueEvent } from '../session/events.js';
import type { UnifiedSession } from '../session/record.js';
import { reduceSession } from '../session/reducer.js';
import { isTerminal } from '../session/status.js';
import type { EventDelivery } from './event-delivery.js';
import { notFound, SessionRegistry } from './registry.js';
import { SessionWaiters } from './waiters.js';

/** Follows each change, in order, before the listeners of the events. */
export interface Follower {
  /** @param at the time that the events contain */
  onAction(session: UnifiedSession, action: SessionAction, at: number): void;
  /** A session is forgotten whose record cannot be read any more. */
  onDropped?(id: string, at: number): void;
  onQueue?(event: QueueEvent): void;
}

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
    const before = this.registry.get(id);
    const session = reduceSession(before, action);
    if (action.type === 'removed') this.registry.delete(id);
    else this.registry.set(session);
    for (const follower of this.#followers) follower.onAction(session, action, at);
    for (const event of eventsOf(action, session, at, before)) this.#events.tell(event);
    this.waiters.notify(session);
    return session;
  }

  /** Forgets a session whose record cannot be read any more. There is no event, because events contain the record. */
  drop(id: string, at: number): void {
    this.registry.delete(id);
    for (const follower of this.#followers) follower.onDropped?.(id, at);
    this.waiters.reject(id, notFound(id));
  }

  queueChanged(event: QueueEvent): void {
    for (const follower of this.#followers) follower.onQueue?.(event);
    this.#events.tell(event);
  }

  /** Replaces all records by those of another process. What was not over may have changed since, so it counts as recovered. */
  replace(sessions: readonly UnifiedSession[], at: number): void {
    const before = new Map(this.registry.list().map((session) => [session.id, session]));
    this.registry.reset(sessions);
    for (const session of sessions) {
      const earlier = before.get(session.id);
      before.delete(session.id);
      const hasChanged = !isTerminal(session.status) || session.runs.length !== earlier?.runs.length;
      if (!earlier || !isTerminal(earlier.status) || hasChanged) {
        this.#events.tell({ type: 'session:recovered', sessionId: session.id, at, session });
      }
      this.waiters.notify(session);
    }
    for (const [id, session] of before) {
      this.#events.tell({ type: 'session:removed', sessionId: id, at, session });
      this.waiters.reject(id, notFound(id));
    }
  }
}
