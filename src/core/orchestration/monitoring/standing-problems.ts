import { factsOf } from '../session/error-codes.js';
import type { Observation } from '../session/observation.js';
import { forgetOldest } from '../util/forget-oldest.js';
import { detachString } from '../util/text.js';

/** How many problems are remembered. An agent can write any number of them into its log. */
const REMEMBERED = 100;

/**
 * Reports a problem that stays once in a run. A full disk fails one command after the other, and would otherwise displace all other
 * errors from the record. Errors that stand for themselves, like a failed test, are all reported.
 */
export class StandingProblems {
  readonly #told = new Set<string>();

  /** The observations without errors that were reported before. */
  news(observations: readonly Observation[]): readonly Observation[] {
    return observations.some(standing) ? observations.filter((observation) => this.#isNews(observation)) : observations;
  }

  #isNews(observation: Observation): boolean {
    const problem = standing(observation);
    if (problem === undefined) return true;
    if (this.#told.has(problem)) return false;
    this.#told.add(detachString(problem));
    forgetOldest(this.#told, REMEMBERED);
    return true;
  }
}

/** What identifies a problem that stays. Undefined for anything else. */
function standing(observation: Observation): string | undefined {
  if (observation.kind !== 'error') return undefined;
  const once = factsOf(observation.code)?.once;
  if (once === undefined) return undefined;
  return once === 'problem' ? observation.code : `${observation.code} ${observation.message}`;
}
