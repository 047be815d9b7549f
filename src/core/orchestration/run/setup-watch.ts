import type { RunHandle } from '../contract/run-handle.js';
import type { RunRecord } from '../session/run-record.js';
import type { RunLimits } from './limits.js';

/** Puts into the record what is to be known of the place of a run, and what its setup does. The limits count no time until it is over. */
export function watchSetup(
  handle: RunHandle,
  record: RunRecord,
  limits: Pick<RunLimits, 'setup'>,
  replay: boolean,
): void {
  const notices = (handle.notices ?? []).map((line) => ({ kind: 'diagnostic' as const, line }));
  if (notices.length > 0) record.dispatch({ type: 'observed', at: record.clock.now(), observations: notices });
  let replaying = replay;
  const caughtUp = handle.setup?.follow((observations) => {
    const at = record.clock.now();
    record.dispatch({ type: 'observed', at, observations, ...(replaying && { replayed: true as const }) });
    if (observations.some((seen) => seen.state === 'ended' && seen.last)) limits.setup();
  });
  void caughtUp?.then(() => {
    replaying = false;
  });
}
