import { priceWarnings } from '../monitoring/prices.js';
import { PastResets } from '../monitoring/reset-past.js';
import { StandingProblems } from '../monitoring/standing-problems.js';
import { releaseWarning } from '../monitoring/tested-releases.js';
import type { Observation } from '../session/observation.js';
import type { RunRecord } from '../session/run-record.js';

/** Almost all lines give rise to nothing. */
const NONE: readonly Observation[] = [];

/** What a run's log says, but not in one of its lines: an untested release, an unknown price, a reset that is over. */
export class RunWarnings {
  readonly #record: Pick<RunRecord, 'session' | 'clock'>;
  readonly #costUsd: number | undefined;
  readonly #problems = new StandingProblems();
  readonly #resets = new PastResets();

  /** @param costUsd the session's limit */
  constructor(record: Pick<RunRecord, 'session' | 'clock'>, costUsd: number | undefined) {
    this.#record = record;
    this.#costUsd = costUsd;
  }

  /**
   * The warnings that the observations of a line give rise to, each once.
   *
   * @param run.hooked true if the guard depends on the release of Claude Code
   * @param run.isReplay true if the line was written before, so that the time now says nothing about it
   */
  about(observations: readonly Observation[], run: { hooked: boolean; isReplay: boolean }): readonly Observation[] {
    const untested = run.hooked ? releaseWarning(observations) : undefined;
    const unpriced =
      this.#costUsd === undefined || !observations.some(isUnpriced)
        ? []
        : priceWarnings(observations, this.#costUsd, this.#record.session.metadata.errors);
    const past = this.#resets.read(observations, run.isReplay ? 0 : this.#record.clock.now());
    if (!untested && unpriced.length === 0 && past.length === 0) return NONE;
    return this.#problems.news([untested ?? [], unpriced, past].flat());
  }
}

function isUnpriced(observation: Observation): boolean {
  return observation.kind === 'usage' && observation.unpriced !== undefined;
}
