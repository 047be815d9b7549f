import type { SessionRun } from './run.js';

/** How long a run has worked until then, in milliseconds: not while it was frozen, and not while it waited for somebody. */
export function workedMs(run: SessionRun, at: number): number {
  const { startedAt, pausedAt, pausedMs = 0, waitedMs = 0 } = run;
  if (startedAt === undefined) return 0;
  const frozenMs = pausedMs + (pausedAt === undefined ? 0 : at - pausedAt);
  return Math.max(0, at - startedAt - frozenMs - waitedMs - waitedSince(run, at));
}

/** How long it has waited since it began to, in milliseconds, without the time for which it was frozen meanwhile. */
export function waitedSince(run: SessionRun, at: number): number {
  return run.waitingAt === undefined ? 0 : Math.max(0, at - run.waitingAt - frozenMsSince(run, run.waitingAt, at));
}

/** For how many of the milliseconds since a time a run was frozen. */
export function frozenMsSince(
  { pauses = [], pausedAt }: Pick<SessionRun, 'pauses' | 'pausedAt'>,
  since: number,
  at: number,
): number {
  const all = pausedAt === undefined ? pauses : [...pauses, { pausedAt, resumedAt: at }];
  return all.reduce((ms, pause) => ms + Math.max(0, pause.resumedAt - Math.max(pause.pausedAt, since)), 0);
}
