import type { SessionEvent, SessionManagerEvents } from '../session/events.js';
import type { IsolatedEmitter } from '../util/isolated-emitter.js';

/**
 * Delivers events to the listeners of a manager, in a microtask of its own. Listeners always see a complete change and get the
 * events in order, whatever they call from inside an event. They get an event before any code that awaits the change goes on.
 */
export class EventDelivery {
  readonly #emitter: IsolatedEmitter<SessionManagerEvents>;
  /** Events that were not delivered yet. */
  readonly #untold: SessionEvent[] = [];

  constructor(emitter: IsolatedEmitter<SessionManagerEvents>) {
    this.#emitter = emitter;
  }

  tell(event: SessionEvent): void {
    if (this.#untold.push(event) > 1) return;
    queueMicrotask(() => {
      for (const told of this.#untold) {
        // One call for a whole union of event types. TypeScript cannot relate name and payload here.
        const emit = this.#emitter.emit as (name: string, event: SessionEvent) => boolean;
        emit.call(this.#emitter, told.type, told);
        this.#emitter.emit('event', told);
      }
      this.#untold.length = 0;
    });
  }
}
