import { LOG_IN_AGAIN } from '../session/log-in-again.js';
import type { Observation } from '../session/observation.js';
import type { OverageChoice } from '../session/overage.js';
import type { RunStop } from '../session/run.js';
import type { ProviderLimit } from '../session/run-witnesses.js';

type Failed = Extract<Observation, { kind: 'request-failed' }>;
type Window = Extract<Observation, { kind: 'usage-window' }>;

export interface ProviderWatchOptions {
  onOverage: OverageChoice;
  /** True if a person sits at the terminal. The person can log in there, so the run is not ended. */
  attended: boolean;
  stop: (stop: RunStop) => void;
}

/** How long a run may take to end by itself after Claude has given up, in milliseconds. */
const GIVEN_UP_MS = 3_000;
/** The provider has a handful of windows. An agent may invent more. */
const MOST_WINDOWS = 16;
/** The longest of the windows is a week. If an overage is reset later than this, it is a cap of a month. */
const LONGEST_WINDOW_MS = 8 * 86_400_000;

/** Watches what the provider says of one run's account: a refused login, limits, paid extra usage. */
export class ProviderWatch {
  readonly #options: ProviderWatchOptions;
  /** True if Claude can get a new key by itself. Then the first refusal may only mean that the old key has expired. */
  #refreshesKey = false;
  /** How many requests in a row were refused because of the login. */
  #refusals = 0;
  #failed: Failed | undefined;
  /** The windows that are used up, by their type. */
  readonly #rejected = new Map<string, Window>();
  /** What ends the run as soon as everything is read that an earlier process may have read. */
  #stop: RunStop | undefined;
  #replaying = false;
  #timer: NodeJS.Timeout | undefined;

  constructor(options: ProviderWatchOptions) {
    this.#options = options;
  }

  /** Called before lines that an earlier process may have read. What they say may be out of date by the next line. */
  replay(): void {
    this.#replaying = true;
  }

  /** Called when all of these lines are read. */
  caughtUp(): void {
    this.#replaying = false;
    if (this.#stop) this.#options.stop(this.#stop);
    else if (this.#failed) this.#givenUp(this.#failed);
  }

  /** Called with what one line reports. */
  observe(observations: readonly Observation[]): void {
    if (isAnswer(observations)) this.#answered();
    for (const observation of observations) {
      if (observation.kind === 'init') this.#refreshesKey = /^none$|helper/i.test(observation.keySource ?? '');
      if (observation.kind === 'request-failed') this.#requestFailed(observation);
      if (observation.kind === 'usage-window') this.#window(observation);
      if (observation.kind === 'overage') this.#overage(observation.resetsAt);
      if (observation.kind === 'result') this.end(); // The run ends by itself.
    }
  }

  /** Called when the run is over, or goes on without this process. */
  end(): void {
    clearTimeout(this.#timer);
  }

  #answered(): void {
    this.#refusals = 0;
    this.#failed = undefined;
    this.#rejected.clear();
    this.end();
    if (this.#stop?.reason === 'auth') this.#stop = undefined;
  }

  #requestFailed(failed: Failed): void {
    if (failed.final) this.#failed = failed;
    if (failed.cause !== 'auth') return;
    this.#refusals += 1;
    if (failed.final) this.#givenUp(failed);
    else if (!this.#refreshesKey || this.#refusals > 1) this.#ends(refusedLogin(failed));
  }

  /** Usually Claude exits in the next moment. If it does not, a refused login ends the run. */
  #givenUp(failed: Failed): void {
    if (failed.cause !== 'auth' || this.#replaying) return;
    this.end();
    this.#timer = setTimeout(() => this.#ends(refusedLogin(failed)), GIVEN_UP_MS);
  }

  #window(window: Window): void {
    const type = window.type ?? '';
    // The event of one window says nothing about the others, unless the account pays for what is beyond them.
    if (window.overage || (window.status !== 'rejected' && type === '')) this.#rejected.clear();
    else if (window.status !== 'rejected') this.#rejected.delete(type);
    else if (this.#rejected.has(type) || this.#rejected.size < MOST_WINDOWS) this.#rejected.set(type, window);
  }

  /** The limit that the provider's events tell, if it has not answered since. With several windows, the last reset counts. */
  limit(now: number): ProviderLimit | undefined {
    const windows = [...this.#rejected.values()];
    if (windows.length === 0) return undefined;
    const lifted = windows.filter(({ type, resetsAt = Number.POSITIVE_INFINITY }) =>
      type === 'overage' ? resetsAt <= now + LONGEST_WINDOW_MS : true,
    );
    if (lifted.length === 0) return { cause: 'spend_limit' };
    const resets = lifted.flatMap(({ resetsAt }) => resetsAt ?? []);
    return { cause: 'usage_limit', ...(resets.length > 0 && { resetsAt: Math.max(...resets) }) };
  }

  #overage(resetsAt: number | undefined): void {
    const { onOverage } = this.#options;
    if (onOverage === 'continue') return;
    const error = `The account pays extra usage, and onOverage is '${onOverage}'.`;
    const wait = { pausedFor: 'overage' as const, ...(resetsAt !== undefined && { resetsAt }) };
    this.#ends({ status: 'failed', reason: 'overage', error, ...(onOverage === 'wait' && { wait }) });
  }

  #ends(stop: RunStop): void {
    if (this.#options.attended && stop.reason === 'auth') return;
    this.#stop ??= stop;
    if (!this.#replaying) this.#options.stop(stop);
  }
}

function refusedLogin({ text }: Failed): RunStop {
  const error = `The provider refused the login: ${text}. ${LOG_IN_AGAIN}`;
  return { status: 'failed', reason: 'auth', error };
}

/** True if the line shows that the provider answered a request. Claude also reports a failure as a message. */
function isAnswer(observations: readonly Observation[]): boolean {
  let isAnswered = false;
  for (const { kind } of observations) {
    if (kind === 'request-failed') return false;
    if (kind === 'message' || kind === 'tool') isAnswered = true;
  }
  return isAnswered;
}
