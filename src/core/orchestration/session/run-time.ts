import type { SessionRun } from './run.js';

/** How long a run has worked until `at`, in milliseconds. Time in which it was frozen or waited for somebody does not count. */
export function workedMs(run: SessionRun, at: number): number {
  const { startedAt, pausedAt, pausedMs = 0, waitedMs = 0 } = run;
  if (startedAt === undefined) return 0;
  const frozenMs = pausedMs + (pausedAt === undefined ? 0 : at - pausedAt);
  return Math.max(0, at - startedAt - frozenMs - waitedMs - waitedSince(run, at));
}

/**
 * How long the current wait has lasted until `at`, in milliseconds, without the time in which the run was frozen during the
 * wait.
 */
export function waitedSince(run: SessionRun, at: number): number {
  return run.waitingAt === undefined ? 0 : Math.max(0, at - run.waitingAt - frozenMsSince(run, run.waitingAt, at));
}

/** How long a run was frozen between `since` and `at`, in milliseconds. */
export function frozenMsSince(
  { pauses = [], pausedAt }: Pick<SessionRun, 'pauses' | 'pausedAt'>,
  since: number,
  at: number,
): number {
  const all = pausedAt === undefined ? pauses : [...pauses, { pausedAt, resumedAt: at }];
  return all.reduce((ms, pause) => ms + Math.max(0, pause.resumedAt - Math.max(pause.pausedAt, since)), 0);
}
