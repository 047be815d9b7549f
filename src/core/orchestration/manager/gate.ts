import { OrchestrationError } from '../util/errors.js';

/** Open until the manager begins to close. */
export class Gate {
  #open = true;

  close(): void {
    this.#open = false;
  }

  /** @throws OrchestrationError `MANAGER_CLOSED` */
  requireOpen(): void {
    if (this.#open) return;
    throw new OrchestrationError('MANAGER_CLOSED', 'This manager was closed; create a new one.');
  }
}
