import type { AutonomousSession } from '../handlers/index.js';
import { needsPerson } from '../handlers/needs-person.js';

type Waiting = Pick<AutonomousSession, 'state' | 'waitingFor' | 'approvalCount'>;

/** Whether it is a person at its terminal whom it waits for. */
export function waitsAtTerminal({ state, waitingFor }: Waiting): boolean {
  return state === 'waiting_feedback' && waitingFor === 'person';
}

const STATES = {
  queued: 'queued',
  starting: 'starting',
  running: 'running',
  paused: 'paused',
  waiting_feedback: 'needs you',
  completed: 'completed',
  failed: 'failed',
  cancelled: 'cancelled',
} as const satisfies Record<AutonomousSession['state'], string>;

const WAITS = {
  person: 'waits for you at its terminal',
  children: 'waits for its children',
  slot: 'waits for a slot',
} as const satisfies Record<NonNullable<AutonomousSession['waitingFor']>, string>;

/** Where a session stands, in a few words. */
export function stateWords(session: Waiting): string {
  const { state, waitingFor, approvalCount } = session;
  // Its questions have a time limit; what it waits for besides has none.
  const waits = state === 'waiting_feedback' && approvalCount === 0 && waitingFor;
  return waits ? WAITS[waitingFor] : STATES[state];
}

/** Its state as the page colours it: who waits for no person is as calm as one that waits for a slot. */
export function stateLook(session: Waiting): AutonomousSession['state'] | 'resting' {
  return session.state === 'waiting_feedback' && !needsPerson(session) ? 'resting' : session.state;
}
