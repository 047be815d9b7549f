import { rm } from 'node:fs/promises';
import type { SessionFolder } from '../contract/session-folder.js';
import type { DecisionLog } from '../guard/decision-log.js';
import type { RunGuard } from '../guard/run-guard.js';
import { MailboxFiles } from '../mailbox/mailbox-files.js';
import type { SteeringQueue } from '../mailbox/steering-queue.js';
import type { RunObserver } from './observer.js';

export interface RunNotesOptions {
  folder: SessionFolder;
  guard: Pick<RunGuard, 'restore'>;
  decisions: DecisionLog;
  steering: SteeringQueue;
  observer: Pick<RunObserver, 'restore'>;
}

/** The data of a run that is on disk besides its record, so that the next process can continue the run. */
export class RunNotes {
  readonly #options: RunNotesOptions;

  constructor(options: RunNotesOptions) {
    this.#options = options;
  }

  /** Called before a run is taken over. Continues with what the last process has left. */
  async restore(): Promise<void> {
    const { folder, guard, steering, observer } = this.#options;
    const files = new MailboxFiles(folder.guard);
    await guard.restore();
    await steering.restore((answer) => files.wasAnswered(answer));
    await observer.restore();
  }

  /** Called before a launch. Removes the guard's decisions about an earlier run, because they say nothing about this run. */
  clear(): Promise<void> {
    return this.#options.decisions.clear();
  }

  /**
   * Called when the run is over. Removes the files that are no longer needed. The decisions stay until the next launch: if this
   * process is killed before the session's end is on disk, the log is read again, and each call without a decision would count as
   * a breach.
   */
  async remove(): Promise<void> {
    const { steering, held } = this.#options.folder;
    await Promise.all([steering, held].map((file) => rm(file, { force: true }).catch(() => {})));
  }
}
