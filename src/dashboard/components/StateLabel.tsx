import type { AutonomousSession } from '../../handlers/index.js';

const WORDS = {
  queued: 'queued',
  starting: 'starting',
  running: 'running',
  paused: 'paused',
  waiting_feedback: 'needs you',
  completed: 'completed',
  failed: 'failed',
  cancelled: 'cancelled',
} as const satisfies Record<AutonomousSession['state'], string>;

/** A session's state: never by colour alone. */
export function StateLabel({ session }: { session: AutonomousSession }): React.ReactNode {
  const { state, queuePosition, result } = session;
  const more =
    state === 'queued' && queuePosition ? ` #${queuePosition}` : state === 'failed' ? `: ${result?.reason}` : '';
  return (
    <span className={`state ${state}`}>
      <span className="dot" aria-hidden="true" />
      {WORDS[state]}
      {more}
    </span>
  );
}
