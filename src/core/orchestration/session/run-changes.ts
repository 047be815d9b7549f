import type { UnifiedSession } from './record.js';
import type { SessionRun } from './run.js';
import { waitedSince } from './run-time.js';

/** How many pauses and how many waits the record of a run keeps. */
const KEPT_TIMES = 50;

/** The runs of a record, with fields of the last one set. */
export function changeRun(session: Pick<UnifiedSession, 'runs'>, change: Partial<SessionRun>): readonly SessionRun[] {
  return replaceRun(session, (run) => ({ ...run, ...change }));
}

function replaceRun(
  { runs }: Pick<UnifiedSession, 'runs'>,
  replace: (last: SessionRun) => SessionRun,
): readonly SessionRun[] {
  const last = runs.at(-1);
  return last ? frozen([...runs.slice(0, -1), replace(last)]) : runs;
}

/** Records the end of a pause. Time in which the run was frozen does not count as work. */
export function unfrozen(session: UnifiedSession, at: number): readonly SessionRun[] {
  return replaceRun(session, ({ pausedAt = at, ...run }) => ({
    ...run,
    pausedMs: (run.pausedMs ?? 0) + Math.max(0, at - pausedAt),
    pauses: latest(run.pauses, { pausedAt, resumedAt: at }),
  }));
}

/** Records the end of a wait: the run has something to do again. */
export function atWork(session: UnifiedSession, at: number): readonly SessionRun[] {
  return replaceRun(session, ({ waitingAt = at, ...run }) => ({
    ...run,
    waitedMs: (run.waitedMs ?? 0) + waitedSince({ ...run, waitingAt }, at),
    waits: latest(run.waits, { waitingAt, workingAt: at }),
  }));
}

function latest<T extends object>(times: readonly T[] = [], time: T): readonly T[] {
  return frozen([...times.slice(1 - KEPT_TIMES), time]);
}

/** The list and its items, frozen. */
export function frozen<T extends object>(items: T[]): readonly T[] {
  return Object.freeze(items.map((item) => Object.freeze(item)));
}
