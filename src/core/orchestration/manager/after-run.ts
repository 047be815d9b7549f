import type { Outcome } from '../session/outcome.js';
import type { UnifiedSession } from '../session/record.js';
import { outputRetry } from './output-retry.js';

/** What follows a run that is over. */
export type NextStep =
  /** The session ends, as the outcome says. */
  | { readonly kind: 'end' }
  /** A further run of the conversation begins. */
  | { readonly kind: 'go-on'; readonly feedback: string; readonly outputRetry?: number }
  /** The session waits for its provider's usage limit, and then goes on by itself. */
  | { readonly kind: 'wait'; readonly resetsAt?: number };

/**
 * Decides what follows a run. Pure.
 *
 * @param feedback set if the run was stopped to go on with it
 */
export function afterRun(session: UnifiedSession, outcome: Outcome, feedback: string | undefined): NextStep {
  if (feedback !== undefined && !outcome.final) return { kind: 'go-on', feedback };
  const isStopped = session.runs.at(-1)?.stop !== undefined;
  if (isStopped || session.conversationId === undefined) return { kind: 'end' };
  if (outcome.usageLimit) return { kind: 'wait', ...outcome.usageLimit };
  return outputRetry(session, outcome) ?? { kind: 'end' };
}
