import type { SessionAction } from '../session/actions.js';
import type { UnifiedSession } from '../session/record.js';
import type { Clock } from '../util/clock.js';
import type { SessionJournal } from './disk/session-journal.js';
import type { EventDelivery } from './event-delivery.js';
import { SessionRecords } from './session-records.js';

/** The one place where sessions change: action → reducer → registry → journal → listeners → waiters, in that order. */
export class SessionStore extends SessionRecords {
  readonly journal: SessionJournal;
  readonly #clock: Clock;

  constructor(clock: Clock, events: Pick<EventDelivery, 'tell'>, journal: SessionJournal) {
    super(events);
    this.journal = journal;
    this.#clock = clock;
    this.follow({ onAction: (session, action) => journal.note(session, action) });
  }

  /** @throws OrchestrationError `ILLEGAL_TRANSITION`; then nothing has changed */
  dispatch(id: string, action: SessionAction): UnifiedSession {
    return this.apply(id, action, this.#clock.now());
  }
}
