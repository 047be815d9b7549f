import { PRIORITIES, type SessionPriority } from '../session/queue-plan.js';
import type { WaitingFor } from '../session/status.js';
import { type Deferred, deferred } from '../util/deferred.js';
import type { Place } from './line.js';
import { PlannedLine } from './planned-line.js';
import type { Slot } from './slot.js';
import { type Admission, SlotQueue, type SlotQueueOptions } from './slot-queue.js';

export interface SessionSlotsOptions extends SlotQueueOptions {
  /** True if a session that waits for its person gives its slot back. */
  releaseSlotWhileWaiting: boolean;
  /** Called when a session has given its slot back, or has got it again. */
  onChange: (id: string) => void;
  /**
   * False for a session that may not get a slot now. The session keeps its place, and later ones go past it. It is asked again after
   * `recheck`. Default: true for every session.
   */
  mayStart?: (id: string) => boolean;
  /** The priority of a session that comes into line again. Default: `normal` for every session. */
  priorityOf?: (id: string) => SessionPriority | undefined;
}

/** The level of a priority in the line. */
export function levelOf(priority: SessionPriority = 'normal'): number {
  return PRIORITIES.indexOf(priority);
}

/** The queue, together with the slots of sessions that have begun and only wait for somebody. */
export class SessionSlots extends SlotQueue {
  readonly #own: Pick<SessionSlotsOptions, 'releaseSlotWhileWaiting' | 'onChange' | 'mayStart' | 'priorityOf'>;
  readonly #line: PlannedLine;
  readonly #returning: Map<string, Deferred<void>>;
  /** The slots of the current runs. When a run is over, its slot object has no effect any more. */
  readonly #current = new Map<string, Slot>();

  constructor({ onStart, ...options }: SessionSlotsOptions) {
    const returning = new Map<string, Deferred<void>>();
    const line = new PlannedLine((id) => options.mayStart?.(id) ?? true);
    super(
      {
        ...options,
        onStart(id) {
          const back = returning.get(id);
          if (!back) return onStart(id);
          returning.delete(id);
          back.resolve();
          options.onChange(id);
        },
      },
      line,
    );
    this.#own = options;
    this.#line = line;
    this.#returning = returning;
  }

  /** Adds a session. If it may not get a slot yet, it waits without a position, even if slots are free. */
  override enqueue(id: string, place?: Place): Admission {
    const isRefused = place?.blocked || this.#own.mayStart?.(id) === false;
    if (!isRefused) return super.enqueue(id, this.#placeOf(id, place));
    this.requirePlace();
    this.rejoin(id, place);
    return { status: 'queued', position: this.#line.size };
  }

  override rejoin(id: string, place?: Place): void {
    super.rejoin(id, this.#placeOf(id, place));
  }

  /** Call this when the answers of `mayStart` may have changed. Gives free slots to those that may start now. */
  recheck(): void {
    this.#line.recheck();
    this.fill();
  }

  /** From now on, a waiting session may not get a slot, or may get one again. Returns false if that changes nothing. */
  protected setBlocked(id: string, blocked: boolean): boolean {
    return blocked ? this.#line.block(id) : this.#line.unblock(id);
  }

  /** The sessions that may not get a slot yet; at most so many. */
  protected outside(most: number): string[] {
    return this.#line.outside(most);
  }

  #placeOf(id: string, place?: Place): Place {
    return { level: levelOf(this.#own.priorityOf?.(id)), ...place };
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
    if (this.hasFree && this.reclaim(id)) return { status: 'starting' };
    this.rejoin(id);
    return { status: 'queued', position: this.positionOf(id) ?? this.status(0).queued };
  }

  override ending(id: string): void {
    this.#current.delete(id);
    this.#returning.delete(id);
    super.ending(id);
  }

  /** Called when nothing is left of a session that has ended. Returns true if the session held a slot or waited for one. */
  leave(id: string): boolean {
    this.#current.delete(id);
    return this.release(id) || this.remove(id);
  }

  override remove(id: string): boolean {
    this.#returning.delete(id);
    return super.remove(id);
  }
}
