import type { SessionRun } from './types.js';

/** How long a run has worked until then, in milliseconds: not while it was frozen, and not while it waited for somebody. */
export function workedMs(run: SessionRun, at: number): number {
  const { startedAt, pausedAt, pausedMs = 0, waitedMs = 0 } = run;
  if (startedAt === undefined) return 0;
  const frozenMs = pausedMs + (pausedAt === undefined ? 0 : at - pausedAt);
  return Math.max(0, at - startedAt - frozenMs - waitedMs - waitedSince(run, at));
}

/** How long it has waited since it began to, in milliseconds, without the time for which it was frozen meanwhile. */
export function waitedSince({ waitingAt, pausedAt, pauses = [] }: SessionRun, at: number): number {
  if (waitingAt === undefined) return 0;
  const frozen = pausedAt === undefined ? pauses : [...pauses, { pausedAt, resumedAt: at }];
  const frozenMs = frozen.reduce(
    (sum, pause) => sum + Math.max(0, pause.resumedAt - Math.max(pause.pausedAt, waitingAt)),
    0,
  );
  return Math.max(0, at - waitingAt - frozenMs);
}
