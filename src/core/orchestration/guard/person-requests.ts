import type { ApprovalSource } from '../session/denial.js';
import type { RunRecord } from '../session/run-record.js';
import { frozenMsSince } from '../session/run-time.js';
import { PausableClock } from '../util/pausable-clock.js';

/** If nobody answers, the run's limits stand still for this many times the time limit of one request. */
const MOST_SILENCE = 3;

/** Called if no person answers a request. @param note why, for the record and the agent */
export type Unanswered = (by: Exclude<ApprovalSource, 'person'>, note: string) => void;

interface Waiting {
  /** When the time limit is over, on the run's pausable clock. */
  readonly due: number;
  readonly unanswered: Unanswered;
  readonly forget: () => void;
}

/**
 * What of one run waits for a person: tool calls and questions. All have the same time limit. Each is answered exactly once, by
 * a person, the time limit, or the end of the run.
 */
export class PersonRequests {
  readonly #waiting = new Map<string, Waiting>();
  readonly #clock = new PausableClock();
  readonly #record: RunRecord;
  readonly #timeoutMs: number;
  /**
   * `#silentMs`: how long, on the clock, requests have been open since a person last answered. The next field says when this
   * was last updated.
   */
  #silentMs = 0;
  #silentSince = 0;
  #ended: string | undefined;
  #detached = false;

  /** @param timeoutMs how long a person may take */
  constructor(record: RunRecord, timeoutMs: number) {
    this.#record = record;
    this.#timeoutMs = timeoutMs;
  }

  /** True if a person is being asked now. */
  get waiting(): boolean {
    return this.#waiting.size > 0;
  }

  /**
   * True if the run's limits stand still while a person is asked. They do not stand still if nobody has answered for long. An
   * agent can ask about calls that it never makes, and would otherwise run for as long as it asks.
   */
  get holdsTime(): boolean {
    return this.waiting && this.#silentMs < MOST_SILENCE * this.#timeoutMs;
  }

  /** Why nobody is asked any more. Undefined until the run ends. */
  get ended(): string | undefined {
    return this.#ended;
  }

  /** True if this process is detached from the run. Hooks then wait for the process that takes the run over. */
  get detached(): boolean {
    return this.#detached;
  }

  has(id: string): boolean {
    return this.#waiting.has(id);
  }

  /**
   * The time by which a request has to be answered, in epoch milliseconds.
   *
   * @param askedAt when somebody was asked first, perhaps by an earlier process; the time limit counts from then on, without
   * the time in which the run was frozen
   */
  deadline(askedAt: number): number {
    return askedAt + this.#timeoutMs + frozenMsSince(this.#record.run, askedAt, this.#now());
  }

  /** Begins to wait for the answer to a request. */
  add(id: string, deadline: number, unanswered: Unanswered): void {
    const timeoutMs = Math.min(this.#timeoutMs, Math.max(0, deadline - this.#now()));
    const note = `Nobody answered within ${this.#timeoutMs / 1000} s.`;
    const forget = this.#clock.after(timeoutMs, () => {
      if (this.take(id, 'timeout')) unanswered('timeout', note);
    });
    if (!this.waiting) this.#silentSince = this.#clock.now();
    this.#waiting.set(id, { due: this.#clock.now() + timeoutMs, unanswered, forget });
  }

  /** Ends the wait for an answer. False if the request does not wait. */
  take(id: string, by: ApprovalSource): boolean {
    const waiting = this.#waiting.get(id);
    if (!waiting) return false;
    this.#waiting.delete(id);
    waiting.forget();
    const now = this.#clock.now();
    this.#silentMs = by === 'person' ? 0 : this.#silentMs + now - this.#silentSince;
    this.#silentSince = now;
    return true;
  }

  /** The run is frozen. The time limits stop. */
  pause(): void {
    this.#clock.stop();
  }

  /** The run goes on. @returns the new deadlines, by request */
  resume(): Map<string, number> {
    this.#clock.start();
    const left = this.#now() - this.#clock.now();
    return new Map([...this.#waiting].map(([id, { due }]) => [id, Math.round(left + due)]));
  }

  /** Drops all waiting requests. This process no longer answers any. */
  detach(): void {
    this.#detached = true;
    this.#clock.clear();
  }

  /** Nobody answers any more: neither the waiting requests nor later ones. */
  end(why: string): void {
    this.#ended ??= why;
    for (const [id, { unanswered }] of [...this.#waiting]) if (this.take(id, 'end')) unanswered('end', why);
    this.#clock.clear();
  }

  #now(): number {
    return this.#record.clock.now();
  }
}
