import { totalTokens } from '../session/observation.js';
import type { Outcome } from '../session/outcome.js';
import type { UnifiedSession } from '../session/record.js';
import type { ResolvedRetry, RetryCause } from '../session/retry.js';
import type { RunFailure, SessionRun } from '../session/run.js';
import { workedMs } from '../session/run-time.js';
import { truncate } from '../util/text.js';
import { outputRetry } from './output-retry.js';

/** What follows a run that is over. */
export type NextStep =
  /** The session ends, as the outcome says. `failedAttempts` is set if it tried again in vain. */
  | { readonly kind: 'end'; readonly failedAttempts?: number }
  /** A further run of the conversation begins. */
  | { readonly kind: 'go-on'; readonly feedback: string; readonly outputRetry?: number }
  /** The session waits, and then goes on by itself. */
  | { readonly kind: 'wait'; readonly failure: RunFailure; readonly resetsAt?: number };

/** A run that worked for so long, and got answers, has made progress. Shorter ones may fail again and again at the same place. */
const PROGRESS_MS = 60_000;
/** The log is the agent's word. So without this, a session could go on for ever, and its record grow with each run. */
const MOST_AUTOMATIC = 100;
const ERROR_LENGTH = 1_000;

/** What the decision depends on, besides the record and the outcome. */
interface AfterRunOptions {
  /** Set if the run was stopped to go on with it. */
  feedback?: string | undefined;
  retry: ResolvedRetry;
  now: number;
  /** True if a limit of the session is used up, so that a further run would end at its first answer. Default `false`. */
  isSpent?: boolean;
}

/** Decides what follows a run. Pure. */
export function afterRun(session: UnifiedSession, outcome: Outcome, options: AfterRunOptions): NextStep {
  const step = stepAfter(session, outcome, options);
  const failedAttempts = automaticRuns(session.runs);
  return step.kind === 'wait' && failedAttempts >= MOST_AUTOMATIC ? { kind: 'end', failedAttempts } : step;
}

function stepAfter(
  session: UnifiedSession,
  outcome: Outcome,
  { feedback, retry, now, isSpent = false }: AfterRunOptions,
): NextStep {
  const hasProgress = (run: SessionRun) => usedTokens(run) && workedMs(run, run.endedAt ?? now) >= PROGRESS_MS;
  if (feedback !== undefined && !outcome.final) return { kind: 'go-on', feedback };
  const { stop } = session.runs.at(-1) ?? {};
  const { reason, error = '' } = outcome.result;
  const failed = { reason, error: truncate(error, ERROR_LENGTH) };
  if (stop?.wait && stop.reason === reason) {
    const { resetsAt, pausedFor } = stop.wait;
    const attempt = attemptOf(session.runs, (earlier) => earlier?.pausedFor === pausedFor, hasProgress);
    return { kind: 'wait', failure: { pausedFor, ...failed, attempt }, ...(resetsAt !== undefined && { resetsAt }) };
  }
  if (stop) return { kind: 'end' };
  if (outcome.usageLimit) {
    const { resetsAt } = outcome.usageLimit;
    const attempt = attemptOf(session.runs, (earlier) => earlier?.pausedFor === 'usage_limit', hasProgress);
    const failure: RunFailure = { pausedFor: 'usage_limit', ...failed, attempt };
    return { kind: 'wait', failure, ...(resetsAt !== undefined && { resetsAt }) };
  }
  if (isSpent) return { kind: 'end' };
  const cause = retryCause(outcome);
  if (!cause || !retry.on.includes(cause)) return outputRetry(session, outcome) ?? { kind: 'end' };
  const attempt = attemptOf(
    session.runs,
    (earlier) => earlier?.pausedFor === 'retry',
    (run) => cause === 'provider' && hasProgress(run),
  );
  if (attempt > retry.attempts) return { kind: 'end', ...(attempt > 1 && { failedAttempts: attempt - 1 }) };
  return { kind: 'wait', failure: { pausedFor: 'retry', ...failed, attempt } };
}

/** Which attempt in a row the last run was. A run that made progress is the first of its row. */
function attemptOf(
  runs: readonly SessionRun[],
  isSame: (earlier: RunFailure | undefined) => boolean,
  hasProgress: (run: SessionRun) => boolean,
): number {
  let attempt = 1;
  for (let index = runs.length - 1; index > 0; index--) {
    const [earlier, run] = [runs[index - 1], runs[index]];
    if (!run || hasProgress(run) || !isSame(earlier?.failure)) break;
    attempt += 1;
  }
  return attempt;
}

/** How many runs have begun by themselves since somebody last asked for one. */
function automaticRuns(runs: readonly SessionRun[]): number {
  let first = runs.length - 1;
  while (first > 0 && (runs[first]?.outputRetry !== undefined || runs[first - 1]?.failure)) first -= 1;
  return runs.length - 1 - first;
}

function usedTokens({ tokens }: SessionRun): boolean {
  return tokens !== undefined && totalTokens(tokens) > 0;
}

function retryCause({ cause, result: { reason } }: Outcome): RetryCause | undefined {
  if (cause === 'transient') return 'provider';
  return reason === 'oom' || reason === 'lost' || reason === 'error' ? reason : undefined;
}
