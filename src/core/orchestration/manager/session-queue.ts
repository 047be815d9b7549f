import { SessionSlots, type SessionSlotsOptions } from '../queue/session-slots.js';
import type { Admission } from '../queue/slot-queue.js';
import type { QueueStatus } from '../session/queue-status.js';
import type { SessionStore } from '../store/store.js';
import type { Clock } from '../util/clock.js';
import { QueueHolds } from './queue-holds.js';
import { UsageBook } from './usage-book.js';

export interface SessionQueueOptions extends Omit<SessionSlotsOptions, 'onChange' | 'mayStart'> {
  store: SessionStore;
  clock: Clock;
  stateDir: string;
}

/** The queue of a manager. Changes of the queue are on record, and are reported to listeners. */
export class SessionQueue extends SessionSlots {
  readonly #store: SessionStore;
  readonly #clock: Clock;
  /** Which accounts are held, or whether the whole queue is. */
  readonly holds: QueueHolds;
  readonly usage = new UsageBook(() => this.changed(''));

  constructor({ store, clock, stateDir, ...options }: SessionQueueOptions) {
    const holds = new QueueHolds({
      stateDir,
      clock,
      tell: (event) => store.queueChanged(event),
      onChange: (isHeld, cause) => {
        this.recheck(); // First, so that sessions that were refused keep their places.
        this.setHeld(isHeld);
        this.changed(cause);
      },
    });
    super({ ...options, mayStart: (id) => holds.mayStart(id), onChange: (id) => this.changed(id) });
    this.holds = holds;
    this.#store = store;
    this.#clock = clock;
  }

  override status(): QueueStatus {
    const [held, ...more] = this.holds.all;
    const { windows } = this.usage;
    return {
      ...super.status(),
      ...(held && { held, holds: [held, ...more] }),
      ...(windows.length > 0 && { windows }),
    };
  }

  /** As before. A session that has given its slot back gets none while its account or the queue is held. */
  override readmit(id: string): Admission {
    if (this.isRunning(id) || (!this.isHeld && this.holds.mayStart(id))) return super.readmit(id);
    return this.await(id);
  }

  /** Puts a session at the end of the line, even beyond the limit. */
  await(id: string): Admission {
    this.leave(id);
    this.rejoin(id);
    return { status: 'queued', position: super.status().queued };
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
