import type { SessionLimits } from '../session/limits.js';
import type { Observation } from '../session/observation.js';
import type { RunProgress } from '../session/run-progress.js';
import { PausableClock } from '../util/pausable-clock.js';
import { Silence, type SilenceOptions } from './silence.js';

/** A limit that was exceeded, with the reason and the error for the session's result. */
export interface Excess {
  readonly reason: 'timeout' | 'idle' | 'incomplete' | 'no_start' | 'max_cost' | 'max_tokens';
  readonly error: string;
}

/** What a session has cost over all runs, together with the sessions that it leads. */
export interface Spending {
  /** At least. The cost of models whose prices are not known is missing until Claude has reported it. */
  readonly costUsd: number;
  readonly tokens: number;
}

export interface RunLimitsOptions
  extends Pick<SilenceOptions, 'limits' | 'progress' | 'unattended' | 'env' | 'setupMs'> {
  /** What the session has spent by now. */
  readonly spending: () => Spending;
  /** What was seen of a run that has not written its first line, in words. */
  readonly seenAtStart: () => string;
  readonly onExcess: (excess: Excess) => void;
  /** Called when a run is over in all but its process, see `limits.exitMs`. */
  readonly onOverdue: () => void;
}

/** Watches what one run spends and how long it is silent, and reports the first limit that the run exceeds. */
export class RunLimits {
  readonly #options: RunLimitsOptions;
  readonly #limits: SessionLimits;
  readonly #progress: RunProgress;
  /** Runs while the agent can work. */
  readonly #clock = new PausableClock();
  readonly #silence: Silence;
  #reported = false;

  constructor(options: RunLimitsOptions) {
    const { limits, progress } = options;
    this.#options = options;
    this.#limits = limits;
    this.#progress = progress;
    this.#silence = new Silence({
      ...options,
      clock: this.#clock,
      onNoStart: (ms) => this.#report({ reason: 'no_start', error: `${noStart(ms)} ${options.seenAtStart()}` }),
      onIdle: (ms, hasBegun) => this.#idle(ms, hasBegun),
      onOverdue: () => this.#overdue(),
    });
  }

  /**
   * Called when the agent begins to work.
   *
   * @param elapsedMs how long the agent has already worked while an earlier process watched
   */
  start(elapsedMs = 0): void {
    const { durationMs } = this.#limits;
    if (durationMs !== undefined) {
      const error = `The run took longer than limits.durationMs (${durationMs} ms).`;
      this.#clock.after(Math.max(0, durationMs - elapsedMs), () => {
        // All is done, so there is nothing that this limit could save.
        if (this.#progress.isFinal) this.#overdue();
        else this.#report({ reason: 'timeout', error });
      });
    }
    this.#silence.start();
  }

  /** Called when the log has reported something, and the progress has it. */
  observe(observations: readonly Observation[]): void {
    this.#silence.observe(observations);
  }

  /** Called when the record has what the log has reported. */
  recorded(observations: readonly Observation[]): void {
    // A `result` is Claude's account of a run that has ended. Costs that only it reports come too late to end the run.
    if (!observations.some(({ kind }) => kind === 'result')) this.spent();
  }

  /** Called when something was spent. */
  spent(): void {
    const { costUsd: mostCost, tokens: mostTokens } = this.#limits;
    if (mostCost === undefined && mostTokens === undefined) return; // `spending()` takes long if the family is large.
    const { costUsd, tokens } = this.#options.spending();
    if (mostCost !== undefined && costUsd > mostCost) {
      const error = `The session cost $${costUsd.toFixed(4)}, more than limits.costUsd ($${mostCost}).`;
      this.#report({ reason: 'max_cost', error });
    }
    if (mostTokens !== undefined && tokens > mostTokens) {
      const error = `The session used ${tokens} tokens, more than limits.tokens (${mostTokens}).`;
      this.#report({ reason: 'max_tokens', error });
    }
  }

  /** Called when the commands before the agent are over. */
  setup(): void {
    this.#silence.setup();
  }

  /** Called when Claude has written a line. This shows that the agent works. */
  alive(): void {
    this.#silence.alive();
  }

  /** Called when the agent cannot work. From now on, the limits count no time. */
  pause(): void {
    this.#clock.stop();
  }

  resume(): void {
    this.#clock.start();
  }

  /** Called when the run is over. */
  end(): void {
    this.#reported = true;
    this.#silence.end();
    this.#clock.clear();
  }

  #idle(ms: number, hasBegun: boolean): void {
    const error = `The agent gave no sign of life for limits.idleMs (${ms} ms)`;
    const { hasResult, open } = this.#progress;
    const left = [...open.tasks, ...open.calls];
    const what = left.length > 0 ? `while this was open: ${left.join(', ')}` : 'before it answered the end of its work';
    if (hasResult) {
      this.#report({ reason: 'incomplete', error: `${error} after a result, ${what}. It can be continued.` });
    } else {
      const seen = hasBegun || !this.#options.unattended ? '' : ` ${this.#options.seenAtStart()}`;
      this.#report({ reason: 'idle', error: `${error}.${seen}` });
    }
  }

  #overdue(): void {
    if (this.#reported) return;
    this.end();
    this.#options.onOverdue();
  }

  #report(excess: Excess): void {
    if (this.#reported) return;
    this.end();
    this.#options.onExcess(excess);
  }
}

function noStart(ms: number): string {
  return `Claude Code wrote nothing within limits.startMs (${ms} ms).`;
}
