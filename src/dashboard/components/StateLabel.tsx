import type { AutonomousSession } from '../../handlers/index.js';
import { stateLook, stateWords } from '../waiting.js';

/** A session's state, as a word and a colour: colour alone is not accessible. */
export function StateLabel({ session }: { session: AutonomousSession }): React.ReactNode {
  const { state, queuePosition, result } = session;
  const more =
    state === 'queued' && queuePosition ? ` #${queuePosition}` : state === 'failed' ? `: ${result?.reason}` : '';
  return (
    <span className={`state ${stateLook(session)}`}>
      <span className="dot" aria-hidden="true" />
      {stateWords(session)}
      {more}
    </span>
  );
}
