import type { SessionAction } from '../session/actions.js';
import { eventsOf } from '../session/events.js';
import type { UnifiedSession } from '../session/record.js';
import { reduceSession } from '../session/reducer.js';
import type { RecordListener } from '../session/run-record.js';
import type { Clock } from '../util/clock.js';
import type { SessionJournal } from './disk/session-journal.js';
import type { EventDelivery } from './event-delivery.js';
import { SessionRegistry } from './registry.js';
import { SessionWaiters } from './waiters.js';

/** The one place where sessions change: action → reducer → registry → journal → listeners, in that order. */
export class SessionStore {
  readonly registry = new SessionRegistry();
  readonly waiters = new SessionWaiters();
  readonly journal: SessionJournal;
  readonly #clock: Clock;
  readonly #events: Pick<EventDelivery, 'tell'>;
  readonly #listeners: RecordListener[] = [];

  constructor(clock: Clock, events: Pick<EventDelivery, 'tell'>, journal: SessionJournal) {
    this.journal = journal;
    this.#clock = clock;
    this.#events = events;
  }

  /** Calls a listener after each change. The listener must not throw, and must not change a session itself. */
  onChange(listener: RecordListener): void {
    this.#listeners.push(listener);
  }

  /** @throws OrchestrationError `ILLEGAL_TRANSITION`; then nothing has changed */
  dispatch(id: string, action: SessionAction): UnifiedSession {
    const session = reduceSession(this.registry.get(id), action);
    if (action.type === 'removed') this.registry.delete(id);
    else this.registry.set(session);
    this.journal.note(session, action);
    for (const event of eventsOf(action, session, this.#clock.now())) this.#events.tell(event);
    this.waiters.notify(session);
    for (const listener of this.#listeners) listener(session, action);
    return session;
  }
}
