import type { Clock } from '../util/clock.js';
import { OrchestrationError } from '../util/errors.js';

/** A call of `continue()` that has not added its run yet, because it waits for something else first. */
export class PendingContinue {
  readonly #id: string;
  readonly #since: number;
  #isCancelled = false;

  constructor(id: string, since: number) {
    this.#id = id;
    this.#since = since;
  }

  /** @param until calls that began later stay */
  cancel(until = Number.POSITIVE_INFINITY): void {
    if (this.#since <= until) this.#isCancelled = true;
  }

  /** Called after each wait. @throws OrchestrationError `ILLEGAL_TRANSITION` if the session was to end meanwhile */
  requireWanted(): void {
    if (!this.#isCancelled) return;
    throw new OrchestrationError(
      'ILLEGAL_TRANSITION',
      `Session ${this.#id} was cancelled before it could be continued; call continue() again if it is to go on.`,
    );
  }
}

/** The calls of `continue()` that wait. A session that has ended has no run to be stopped, so a `cancel()` is told to these calls. */
export class PendingContinues {
  readonly #calls = new Map<string, Set<PendingContinue>>();
  readonly #clock: Clock;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** The ids of the sessions with such calls. */
  get ids(): Iterable<string> {
    return this.#calls.keys();
  }

  /** Does the work of one call. It begins at once. */
  async during<T>(id: string, work: (call: PendingContinue) => Promise<T>): Promise<T> {
    const call = new PendingContinue(id, this.#clock.now());
    const calls = this.#calls.get(id) ?? new Set();
    this.#calls.set(id, calls.add(call));
    try {
      return await work(call);
    } finally {
      calls.delete(call);
      if (calls.size === 0) this.#calls.delete(id);
    }
  }

  /** Lets the calls for a session fail. @param until calls that began later stay */
  cancel(id: string, until?: number): void {
    for (const call of this.#calls.get(id) ?? []) call.cancel(until);
  }
}

export function closedBefore(): OrchestrationError {
  return new OrchestrationError('MANAGER_CLOSED', 'The manager was closed before the run could be continued.');
}
