import { SessionSlots, type SessionSlotsOptions } from '../queue/session-slots.js';
import type { SessionStore } from '../store/store.js';
import type { Clock } from '../util/clock.js';

export interface SessionQueueOptions extends Omit<SessionSlotsOptions, 'onChange'> {
  store: SessionStore;
  clock: Clock;
}

/** The queue of a manager. Changes of the queue are on record, and are reported to listeners. */
export class SessionQueue extends SessionSlots {
  readonly #store: SessionStore;
  readonly #clock: Clock;

  constructor({ store, clock, ...options }: SessionQueueOptions) {
    super({ ...options, onChange: (id) => this.changed(id) });
    this.#store = store;
    this.#clock = clock;
  }

  /** True if a session has a slot or waits for one, even before the session is on record. */
  has(id: string): boolean {
    return this.isRunning(id) || this.positionOf(id) !== undefined;
  }

  /** Takes a session out of the queue. Returns true if the session held a slot or waited for one. */
  override leave(id: string): boolean {
    const left = super.leave(id);
    if (left) this.changed(id);
    return left;
  }

  /** Starts as many waiting sessions as there are free slots. */
  resume(): void {
    this.fill();
    const [first] = this.status().items;
    if (first) this.changed(first.id);
  }

  /** Updates the positions on record, and reports the change to the listeners. */
  changed(cause: string): void {
    const queue = this.status();
    for (const { id, position } of queue.items) {
      const session = this.#store.registry.get(id);
      if (session?.status === 'queued' && session.queuePosition !== position) {
        this.#store.dispatch(id, { type: 'moved', queuePosition: position });
      }
    }
    this.#store.queueChanged({ type: 'queue:changed', sessionId: cause, at: this.#clock.now(), queue });
  }
}
