import type { Observation } from '../session/observation.js';
import { saidReset } from '../session/said-reset.js';

/** The provider's clock and ours need not agree to the second. */
const MARGIN_MS = 5_000;
/** The last time that a `Date` can hold. */
const LAST_MS = 8.64e15;

/** Notices that the provider refuses requests because of a limit whose reset is over already. */
export class PastResets {
  /** The last reset that the provider told and that no answer has disproved, in epoch milliseconds. */
  #told: number | undefined;

  /**
   * The warnings for what one line reports.
   *
   * @param now when the line was written, in epoch milliseconds; 0 if nobody knows
   */
  read(observations: readonly Observation[], now: number): Observation[] {
    let past: number | undefined;
    for (const observation of observations) {
      if (!refuses(observation)) continue;
      this.#told = resetOf(observation) ?? this.#told;
      if (this.#told !== undefined && this.#told + MARGIN_MS < now) past = this.#told;
    }
    if (this.#told === undefined) return [];
    if (!observations.some(refuses) && observations.some(allows)) this.#told = undefined;
    return past === undefined ? [] : [warning(past)];
  }
}

function refuses(observation: Observation): boolean {
  const { kind } = observation;
  if (kind === 'usage-window') return observation.status === 'rejected' && !observation.overage;
  if (kind === 'request-failed') return observation.cause === 'usage_limit';
  return kind === 'result' && observation.isError && saidReset(observation.text ?? '') !== undefined;
}

function resetOf(observation: Observation): number | undefined {
  if (observation.kind === 'usage-window') return observation.resetsAt;
  return 'text' in observation ? saidReset(observation.text ?? '') : undefined;
}

function allows({ kind }: Observation): boolean {
  return kind === 'message' || kind === 'tool' || kind === 'usage-window';
}

function warning(resetsAt: number): Observation {
  const when = resetsAt > LAST_MS ? String(resetsAt) : new Date(resetsAt).toISOString();
  const message = `The provider refuses requests until its usage limit is reset at ${when}, and this time is over already.`;
  return { kind: 'error', severity: 'warning', code: 'reset_past', message };
}
