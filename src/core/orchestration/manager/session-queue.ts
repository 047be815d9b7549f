import { SessionSlots, type SessionSlotsOptions } from '../queue/session-slots.js';
import type { EventDelivery } from '../store/event-delivery.js';
import type { SessionStore } from '../store/store.js';
import type { Clock } from '../util/clock.js';

export interface SessionQueueOptions extends Omit<SessionSlotsOptions, 'onChange'> {
  store: SessionStore;
  clock: Clock;
  events: EventDelivery;
}

/** The queue of a manager: what changes in it is on record, and told. */
export class SessionQueue extends SessionSlots {
  readonly #store: SessionStore;
  readonly #clock: Clock;
  readonly #events: EventDelivery;

  constructor({ store, clock, events, ...options }: SessionQueueOptions) {
    super({ ...options, onChange: (id) => this.changed(id) });
    this.#store = store;
    this.#clock = clock;
    this.#events = events;
  }

  /** Whether a session has a slot or waits for one, also before it is on record. */
  has(id: string): boolean {
    return this.isRunning(id) || this.positionOf(id) !== undefined;
  }

  /** Takes a session out of the queue. Returns whether it was in it. */
  override leave(id: string): boolean {
    const left = super.leave(id);
    if (left) this.changed(id);
    return left;
  }

  /** Starts as many of those that wait as there are slots. */
  resume(): void {
    this.fill();
    const [first] = this.status().items;
    if (first) this.changed(first.id);
  }

  /** Brings the positions on record up to date, and tells the listeners. */
  changed(cause: string): void {
    const queue = this.status();
    for (const { id, position } of queue.items) {
      const session = this.#store.registry.get(id);
      if (session?.status === 'queued' && session.queuePosition !== position) {
        this.#store.dispatch(id, { type: 'moved', queuePosition: position });
      }
    }
    this.#events.tell({ type: 'queue:changed', sessionId: cause, at: this.#clock.now(), queue });
  }
}
