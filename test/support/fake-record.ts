import { lastRun } from '../../src/core/orchestration/run/live-record.js';
import type { SessionAction } from '../../src/core/orchestration/session/actions.js';
import type { Observed } from '../../src/core/orchestration/session/metadata-reducer.js';
import type { UnifiedSession } from '../../src/core/orchestration/session/record.js';
import { reduceSession } from '../../src/core/orchestration/session/reducer.js';
import type { SessionRun } from '../../src/core/orchestration/session/run.js';
import type { RecordListener, RunRecord } from '../../src/core/orchestration/session/run-record.js';
import { type Clock, SYSTEM_CLOCK } from '../../src/core/orchestration/util/clock.js';
import { runningSession } from './sessions.js';

/** A record that collects the dispatched actions. Its session, run and clock are those that the test gives. */
export class FakeRecord implements RunRecord {
  readonly actions: SessionAction[] = [];
  session: UnifiedSession = runningSession();
  run: SessionRun = { number: 1 };
  clock: Clock = SYSTEM_CLOCK;
  open = true;
  readonly #listeners: RecordListener[] = [];

  constructor(given: Partial<Pick<RunRecord, 'session' | 'run' | 'clock' | 'open'>> = {}) {
    Object.assign(this, given);
  }

  dispatch(action: SessionAction): boolean {
    if (!this.open) return false;
    this.actions.push(action);
    for (const listener of this.#listeners) listener(this.session, action);
    return true;
  }

  observe(line: Observed): boolean {
    return this.dispatch({ type: 'observed', ...line });
  }

  close(): void {
    this.open = false;
  }

  async saved(): Promise<void> {}

  onChange(listener: RecordListener): void {
    this.#listeners.push(listener);
  }
}

/** A record that changes like a real record, but is not written to the disk. */
export class ReducedRecord extends FakeRecord {
  override dispatch(action: SessionAction): boolean {
    if (!this.open) return false;
    this.session = reduceSession(this.session, action);
    this.run = lastRun(this.session);
    return super.dispatch(action);
  }
}
