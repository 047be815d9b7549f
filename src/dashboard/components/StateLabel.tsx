import type { AutonomousSession } from '../../handlers/index.js';
import { plural } from '../format.js';
import { stateLook, stateWords } from '../waiting.js';

/** A session's state, as a word and a colour: colour alone is not accessible. */
export function StateLabel({ session }: { session: AutonomousSession }): React.ReactNode {
  const { state, result } = session;
  const more = state === 'queued' ? waitWords(session) : state === 'failed' ? `: ${result?.reason}` : '';
  return (
    <span className={`state ${stateLook(session)}`}>
      <span className="dot" aria-hidden="true" />
      {stateWords(session)}
      {more}
    </span>
  );
}

/** Where in the queue a session is, or what it waits for before it comes into line. */
function waitWords({ queuePosition, after = [], notBefore = 0 }: AutonomousSession): string {
  if (queuePosition !== undefined) return ` #${queuePosition}`;
  if (notBefore > Date.now()) return ` until ${new Date(notBefore).toLocaleString()}`;
  return after.length > 0 ? ` after ${plural(after.length, 'session')}` : '';
}
