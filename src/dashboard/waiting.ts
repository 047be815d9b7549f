import type { AutonomousSession } from '../handlers/index.js';
import { needsPerson } from '../handlers/needs-person.js';

type Waiting = Pick<AutonomousSession, 'state' | 'waitingFor' | 'approvalCount'> &
  Partial<Pick<AutonomousSession, 'questionCount'>>;

/** Whether the session waits for a person at its terminal. */
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

/** A session's state in a few words. */
export function stateWords(session: Waiting): string {
  const { state, waitingFor, approvalCount, questionCount = 0 } = session;
  // If the session also asks questions, say `needs you`: questions have a time limit, the other waits have none.
  const waits = state === 'waiting_feedback' && approvalCount + questionCount === 0 && waitingFor;
  return waits ? WAITS[waitingFor] : STATES[state];
}

/** The state by which the page colours a session. `resting`: it waits, but not for a person, and gets a calm colour. */
export function stateLook(session: Waiting): AutonomousSession['state'] | 'resting' {
  return session.state === 'waiting_feedback' && !needsPerson(session) ? 'resting' : session.state;
}
