import type { RunHandle } from '../contract/run-handle.js';
import type { RunRecord } from '../session/run-record.js';
import type { RunLimits } from './limits.js';

/** Puts into the record what the setup of a run does. The limits count no time until it is over. */
export function watchSetup(
  handle: RunHandle,
  record: RunRecord,
  limits: Pick<RunLimits, 'setup'>,
  replay: boolean,
): void {
  handle.setup?.follow((observations) => {
    const at = record.clock.now();
    record.dispatch({ type: 'observed', at, observations, ...(replay && { replayed: true as const }) });
    if (observations.some((seen) => seen.state === 'ended' && seen.last)) limits.setup();
  });
}
