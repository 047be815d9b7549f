import type { SessionAction } from '../session/actions.js';
import type { UnifiedSession } from '../session/record.js';
import type { SessionRun } from '../session/run.js';
import type { RecordListener, RunRecord } from '../session/run-record.js';
import type { SessionStore } from '../store/store.js';
import type { Clock } from '../util/clock.js';

/** The record of one session in the store, until its run is over. */
export class LiveRecord implements RunRecord {
  readonly clock: Clock;
  readonly #id: string;
  readonly #store: SessionStore;
  readonly #listeners: RecordListener[] = [];
  #open = true;

  constructor(id: string, store: SessionStore, clock: Clock) {
    this.#id = id;
    this.#store = store;
    this.clock = clock;
  }

  get session(): UnifiedSession {
    return this.#store.registry.require(this.#id);
  }

  get run(): SessionRun {
    return lastRun(this.session);
  }

  get open(): boolean {
    return this.#open;
  }

  dispatch(action: SessionAction): boolean {
    if (!this.#open) return false;
    const session = this.#store.dispatch(this.#id, action);
    for (const listener of this.#listeners) listener(session, action);
    return true;
  }

  saved(): Promise<void> {
    return this.#store.journal.saved(this.#id);
  }

  onChange(listener: RecordListener): void {
    this.#listeners.push(listener);
  }

  /** From now on, the run changes nothing in the record. */
  close(): void {
    this.#open = false;
  }
}

/** The last run of a record. */
export function lastRun({ runs }: UnifiedSession): SessionRun {
  return runs.at(-1) ?? { number: 1 };
}
