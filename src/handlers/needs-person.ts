// The dashboard's bundle contains this file, too. So nothing here may need Node.js.

import type { SessionStatus, WaitingFor } from '../core/index.js';

/** The fields of a session that show whether it needs a person. */
interface Waiting {
  readonly state: SessionStatus;
  readonly waitingFor?: WaitingFor | undefined;
  readonly approvalCount: number;
  readonly questionCount?: number;
}

/** True if the session cannot go on until a person has answered a question or typed into its terminal. */
export function needsPerson({ state, waitingFor, approvalCount, questionCount = 0 }: Waiting): boolean {
  if (state !== 'waiting_feedback') return false;
  // A session that waits for its children or for a slot needs no person.
  return approvalCount > 0 || questionCount > 0 || (waitingFor !== 'children' && waitingFor !== 'slot');
}
