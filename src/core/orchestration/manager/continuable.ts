import { accountOf } from '../options/account.js';
import type { Spending } from '../run/limits.js';
import { requireEnv } from '../run/required-env.js';
import type { SessionLimits } from '../session/limits.js';
import type { UnifiedSession } from '../session/record.js';
import { OrchestrationError } from '../util/errors.js';
import type { LiveSession } from './live-sessions.js';

/** Refuses a session that cannot have a further run. @throws OrchestrationError `ILLEGAL_TRANSITION`, `ENV_MISSING` */
export function requireContinuable(
  session: UnifiedSession,
  live: LiveSession,
  spending: Spending,
  fresh = false,
): void {
  const { id, status } = session;
  const limit = spentLimit(spending, live.spec.limits);
  const spent = limit && `it has spent its ${limit}. Create a new session`;
  const why = whyNotContinued(session, live, fresh) ?? spent;
  if (why !== undefined) {
    throw new OrchestrationError('ILLEGAL_TRANSITION', `Session ${id} ('${status}') cannot be continued: ${why}.`);
  }
  requireEnv(id, live.missingEnv);
}

/** The account of a session's next run, if the session has another login since its last one. */
export function newAccount(
  { account }: UnifiedSession,
  { spec, specIsPlaceholder, missingEnv }: LiveSession,
): Pick<UnifiedSession, 'account'> {
  // Without its options and its variables, nobody knows its login.
  const now = specIsPlaceholder || missingEnv ? account : accountOf(spec);
  return now === undefined || now === account ? {} : { account: now };
}

function whyNotContinued(
  session: UnifiedSession,
  { specIsPlaceholder, leaving, run }: LiveSession,
  fresh: boolean,
): string | undefined {
  if (specIsPlaceholder)
    return 'the options that it was created with could not be read from the state folder; create a new session';
  if (leaving) return 'it is being removed';
  if (['queued', 'starting'].includes(session.status) || run?.continuing !== undefined)
    return 'it waits for its next run already; let that start first';
  if (run?.stopping) return 'its run is being ended; wait for that with waitFor()';
  if (session.result?.reason === 'log_limit')
    return 'its log is as long as it may get (limits.logBytes), or was flooded; create a new session';
  if (fresh) {
    return session.mode === 'interactive'
      ? "an interactive session keeps its conversation; type /compact or /clear at its terminal instead of 'fresh'"
      : undefined;
  }
  if (session.result?.reason === 'context_full')
    return 'its conversation is full, so a further run of it would fail in the same way; use continue(id, feedback, { fresh: true })';
  if (session.conversationId === undefined)
    return 'Claude has not begun a conversation in it; use continue(id, feedback, { fresh: true }), or create a new session';
  return undefined;
}

/** The limit that the session has used up, over all runs. A further run would end at its first answer. */
export function spentLimit({ costUsd, tokens }: Spending, limits: SessionLimits): string | undefined {
  return (
    (limits.costUsd !== undefined && costUsd >= limits.costUsd && `limits.costUsd ($${limits.costUsd})`) ||
    (limits.tokens !== undefined && tokens > 0 && tokens >= limits.tokens && `limits.tokens (${limits.tokens})`) ||
    undefined
  );
}
