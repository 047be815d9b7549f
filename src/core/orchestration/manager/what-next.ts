import type { UnifiedSession } from '../session/record.js';
import type { SessionRun } from '../session/run.js';
import { defined } from '../util/defined.js';
import { goOnText } from './go-on-text.js';

/**
 * What the next run of a session is told that goes on by itself. If the last run failed before its conversation began, nobody has
 * heard its feedback, so the next run is told the same. Pure.
 */
export function whatNext(session: UnifiedSession): Pick<SessionRun, 'feedback' | 'fresh' | 'outputRetry'> {
  const { feedback, fresh, outputRetry, failure, begun } = session.runs.at(-1) ?? {};
  // The runs of earlier releases have no `failure`. Whether they began is not known.
  const unheard = failure !== undefined && !begun;
  if (unheard && feedback !== undefined) return defined({ feedback, fresh, outputRetry });
  // Without a conversation, the run begins anew with the prompt.
  const told = session.conversationId === undefined ? undefined : goOnText(session);
  // A run that only goes on where the last one stopped does not begin a new count.
  return defined({ feedback: told, outputRetry });
}
