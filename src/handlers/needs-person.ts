// The page has it in its bundle, too: nothing here may need Node.js.

import type { SessionStatus, WaitingFor } from '../core/index.js';

/** What tells, in a record or in a view of it. */
interface Waiting {
  readonly state: SessionStatus;
  readonly waitingFor?: WaitingFor | undefined;
  readonly approvalCount: number;
}

/** Whether nothing goes on before a person has done something: answered a question, or typed into its terminal. */
export function needsPerson({ state, waitingFor, approvalCount }: Waiting): boolean {
  if (state !== 'waiting_feedback') return false;
  // Who waits for its children, or for a slot to go on in, needs nobody.
  return approvalCount > 0 || (waitingFor !== 'children' && waitingFor !== 'slot');
}
