import type { SessionAction } from '../session/actions.js';
import type { Observed } from '../session/metadata-reducer.js';
import type { Observation } from '../session/observation.js';
import type { UnifiedSession } from '../session/record.js';
import type { SessionRun } from '../session/run.js';
import type { RecordListener, RunRecord } from '../session/run-record.js';
import type { SessionStore } from '../store/store.js';
import type { Clock } from '../util/clock.js';

/** What lines have reported that are not in the record yet. */
type Slice = Observed & { readonly observations: Observation[] };

/** What may end a run. The record has it at once, and apart from other lines, so that causes are judged in the order of the log. */
const MAY_END: ReadonlySet<Observation['kind']> = new Set(['breach', 'result', 'request-failed', 'overage']);

/**
 * The record of one session in the store, until its run is over.
 *
 * A log may have a hundred thousand lines a second, and each change of a record makes a new record and tells everybody who follows
 * it. So the lines that are read in one turn of the event loop become one change. A reader of logs takes turns of 2 ms.
 */
export class LiveRecord implements RunRecord {
  readonly clock: Clock;
  readonly #id: string;
  readonly #store: SessionStore;
  readonly #listeners: RecordListener[] = [];
  #open = true;
  #slice: Slice | undefined;

  constructor(id: string, store: SessionStore, clock: Clock) {
    this.#id = id;
    this.#store = store;
    this.clock = clock;
  }

  get session(): UnifiedSession {
    this.#flush();
    return this.#store.registry.require(this.#id);
  }

  get run(): SessionRun {
    return lastRun(this.session);
  }

  get open(): boolean {
    return this.#open;
  }

  observe(line: Observed): boolean {
    if (line.observations.some(({ kind }) => MAY_END.has(kind))) return this.dispatch({ type: 'observed', ...line });
    const { at, replayed } = line;
    if (this.#slice?.at !== at || this.#slice.replayed !== replayed) this.#flush();
    if (!this.#open) return false;
    if (this.#slice) {
      for (const observation of line.observations) this.#slice.observations.push(observation);
    } else {
      this.#slice = { ...line, observations: [...line.observations] };
      queueMicrotask(() => this.#flush());
    }
    return true;
  }

  dispatch(action: SessionAction): boolean {
    this.#flush();
    if (!this.#open) return false;
    this.#change(action);
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
    this.#flush();
    this.#open = false;
  }

  /** Makes the change of the lines that were read. */
  #flush(): void {
    const slice = this.#slice;
    if (!slice) return;
    this.#slice = undefined;
    this.#change({ type: 'observed', ...slice });
  }

  #change(action: SessionAction): void {
    const session = this.#store.dispatch(this.#id, action);
    for (const listener of this.#listeners) listener(session, action);
  }
}

/** The last run of a record. */
export function lastRun({ runs }: UnifiedSession): SessionRun {
  return runs.at(-1) ?? { number: 1 };
}
