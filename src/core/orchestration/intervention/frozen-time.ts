import type { SessionRun } from '../types.js';

/** For how many of the milliseconds since a time a run was frozen, by its record. */
export function frozenMsSince(
  { pauses = [], pausedAt }: Pick<SessionRun, 'pauses' | 'pausedAt'>,
  since: number,
  now: number,
): number {
  const all = pausedAt === undefined ? pauses : [...pauses, { pausedAt, resumedAt: now }];
  return all.reduce((ms, pause) => ms + Math.max(0, pause.resumedAt - Math.max(pause.pausedAt, since)), 0);
}
