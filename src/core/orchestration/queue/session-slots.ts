import { type Deferred, deferred } from '../deferred.js';
import type { Slot } from '../run-rest.js';
import { SimpleQueue, type SimpleQueueOptions } from './simple-queue.js';

export interface SessionSlotsOptions extends SimpleQueueOptions {
  /** Whether a session that waits for its person gives its slot back. */
  releaseSlotWhileWaiting: boolean;
  /** Called when a session has given its slot back, or has it again. */
  onChange: (id: string) => void;
}

/** The queue, with the slots of those that have begun and only wait for somebody. */
export class SessionSlots extends SimpleQueue {
  readonly #own: Pick<SessionSlotsOptions, 'releaseSlotWhileWaiting' | 'onChange'>;
  readonly #returning: Map<string, Deferred<void>>;

  constructor({ onStart, ...options }: SessionSlotsOptions) {
    const returning = new Map<string, Deferred<void>>();
    super({
      ...options,
      onStart(id) {
        const back = returning.get(id);
        if (!back) return onStart(id);
        returning.delete(id);
        back.resolve();
        options.onChange(id);
      },
    });
    this.#own = options;
    this.#returning = returning;
  }

  /** The slot of a session that has begun. */
  slotOf(id: string): Slot {
    const isHeld = (): boolean => this.isRunning(id);
    return {
      get isHeld() {
        return isHeld();
      },
      release: (waitingFor) => {
        const keeps = waitingFor === 'person' && !this.#own.releaseSlotWhileWaiting;
        if (!keeps && this.release(id)) this.#own.onChange(id);
      },
      reclaim: () => {
        if (this.reclaim(id)) {
          this.#own.onChange(id);
          return true;
        }
        const back = deferred<void>();
        this.#returning.set(id, back);
        return back.promise;
      },
    };
  }

  override remove(id: string): boolean {
    this.#returning.delete(id);
    return super.remove(id);
  }
}
