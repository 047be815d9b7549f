import type { WaitingFor } from '../session/status.js';
import { type Deferred, deferred } from '../util/deferred.js';
import type { Slot } from './slot.js';
import { type Admission, SlotQueue, type SlotQueueOptions } from './slot-queue.js';

export interface SessionSlotsOptions extends SlotQueueOptions {
  /** True if a session that waits for its person gives its slot back. */
  releaseSlotWhileWaiting: boolean;
  /** Called when a session has given its slot back, or has got it again. */
  onChange: (id: string) => void;
}

/** The queue, together with the slots of sessions that have begun and only wait for somebody. */
export class SessionSlots extends SlotQueue {
  readonly #own: Pick<SessionSlotsOptions, 'releaseSlotWhileWaiting' | 'onChange'>;
  readonly #returning: Map<string, Deferred<void>>;
  /** The slots of the current runs. When a run is over, its slot object has no effect any more. */
  readonly #current = new Map<string, Slot>();

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

  /** The slot of a session that has begun, for the run that it begins now. */
  slotOf(id: string): Slot {
    const isCurrent = (): boolean => this.#current.get(id) === slot;
    const isHeld = (): boolean => isCurrent() && this.isRunning(id);
    const slot: Slot = {
      get isHeld() {
        return isHeld();
      },
      release: (waitingFor) => {
        if (!this.keepsSlot(waitingFor) && isCurrent() && this.release(id)) this.#own.onChange(id);
      },
      reclaim: () => {
        if (isCurrent() && this.reclaim(id)) {
          this.#own.onChange(id);
          return true;
        }
        const back = deferred<void>();
        if (isCurrent()) this.#returning.set(id, back);
        return back.promise;
      },
    };
    this.#current.set(id, slot);
    return slot;
  }

  /** True if a session keeps its slot while it waits for somebody. */
  keepsSlot(waitingFor: WaitingFor): boolean {
    return waitingFor === 'person' && !this.#own.releaseSlotWhileWaiting;
  }

  /**
   * Called when a run is over and the session goes on. The session keeps its slot. If it had given the slot back, it waits in
   * line again.
   */
  readmit(id: string): Admission {
    this.#current.delete(id);
    if (this.isRunning(id)) return { status: 'starting' };
    this.remove(id);
    const { running, queued, maxConcurrent } = this.status();
    if (running < maxConcurrent && this.reclaim(id)) return { status: 'starting' };
    this.rejoin(id);
    return { status: 'queued', position: queued + 1 };
  }

  /** Called when the session has ended. Returns true if the session held a slot or waited for one. */
  leave(id: string): boolean {
    this.#current.delete(id);
    return this.release(id) || this.remove(id);
  }

  override remove(id: string): boolean {
    this.#returning.delete(id);
    return super.remove(id);
  }
}
