import type { SessionLimits } from '../session/limits.js';
import type { Observation } from '../session/observation.js';
import { PausableClock } from '../util/pausable-clock.js';

/** A limit that was exceeded, with the reason and the error for the session's result. */
export interface Excess {
  readonly reason: 'timeout' | 'idle' | 'max_cost' | 'max_tokens';
  readonly error: string;
}

/** What a session has cost over all runs, together with the sessions that it leads. */
export interface Spending {
  /** At least. The cost of models whose prices are not known is missing until Claude has reported it. */
  readonly costUsd: number;
  readonly tokens: number;
}

/** Bash's own time-out if a call declares none (Claude Code 2.1.98, `BASH_DEFAULT_TIMEOUT_MS`). */
const BASH_TIMEOUT_MS = 120_000;
/** The longest time-out of a call that we believe, whatever the call declares (Claude Code's `BASH_MAX_TIMEOUT_MS`). */
const MOST_TIMEOUT_MS = 600_000;
/** Claude runs a dozen calls at once. If a log has more unfinished calls than this, it was made to keep this process busy. */
const MOST_RUNNING = 1_000;

/** Watches what one run spends, and reports the first limit that the run exceeds. */
export class RunLimits {
  readonly #limits: SessionLimits;
  readonly #spending: () => Spending;
  readonly #onExcess: (excess: Excess) => void;
  /** Runs while the agent can work. */
  readonly #clock = new PausableClock();
  /** For each running tool call: the time on `#clock` at which its declared time-out ends. */
  readonly #toolsUntil = new Map<string, number>();
  #cancelIdle: () => void = () => {};
  #reported = false;

  /** @param spending what the session has spent by now */
  constructor(limits: SessionLimits, spending: () => Spending, onExcess: (excess: Excess) => void) {
    this.#limits = limits;
    this.#spending = spending;
    this.#onExcess = onExcess;
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
      this.#clock.after(Math.max(0, durationMs - elapsedMs), () => this.#report({ reason: 'timeout', error }));
    }
    this.#watchIdle();
  }

  /** Called when the log has reported something and the record has it. */
  observe(observations: readonly Observation[]): void {
    for (const observation of observations) {
      if (observation.kind === 'tool') this.#began(observation);
      if (observation.kind === 'tool-result') this.#toolsUntil.delete(observation.toolUseId);
    }
    this.alive();
    // A `result` is Claude's account of a run that has ended. Costs that only it reports come too late to end the run.
    if (!observations.some(({ kind }) => kind === 'result')) this.spent();
  }

  /** Called when something was spent. */
  spent(): void {
    const { costUsd: mostCost, tokens: mostTokens } = this.#limits;
    if (mostCost === undefined && mostTokens === undefined) return; // `#spending()` takes long if the family is large.
    const { costUsd, tokens } = this.#spending();
    if (mostCost !== undefined && costUsd > mostCost) {
      const error = `The session cost $${costUsd.toFixed(4)}, more than limits.costUsd ($${mostCost}).`;
      this.#report({ reason: 'max_cost', error });
    }
    if (mostTokens !== undefined && tokens > mostTokens) {
      const error = `The session used ${tokens} tokens, more than limits.tokens (${mostTokens}).`;
      this.#report({ reason: 'max_tokens', error });
    }
  }

  /** Called when the log has grown. This shows that the agent works. */
  alive(): void {
    this.#watchIdle();
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
    this.#clock.clear();
  }

  #began(call: Extract<Observation, { kind: 'tool' }>): void {
    this.#toolsUntil.set(call.id, this.#clock.now() + declaredMs(call));
    if (this.#toolsUntil.size <= MOST_RUNNING) return;
    const [oldest] = this.#toolsUntil.keys();
    if (oldest !== undefined) this.#toolsUntil.delete(oldest);
  }

  #watchIdle(): void {
    const { idleMs } = this.#limits;
    if (idleMs === undefined || this.#reported) return;
    this.#cancelIdle();
    const now = this.#clock.now();
    const from = Math.max(now, ...this.#toolsUntil.values());
    this.#cancelIdle = this.#clock.after(from - now + idleMs, () =>
      this.#report({ reason: 'idle', error: `The agent gave no sign of life for limits.idleMs (${idleMs} ms).` }),
    );
  }

  #report(excess: Excess): void {
    if (this.#reported) return;
    this.end();
    this.#onExcess(excess);
  }
}

/** The time-out that a tool call declares, in milliseconds. */
function declaredMs({ name, input }: Extract<Observation, { kind: 'tool' }>): number {
  const declared = (input as { timeout?: unknown } | null | undefined)?.timeout;
  const ms = typeof declared === 'number' && declared > 0 ? declared : name === 'Bash' ? BASH_TIMEOUT_MS : 0;
  return Math.min(ms, MOST_TIMEOUT_MS);
}
