import type { Observation } from '../session/observation.js';
import type { UsageWindow } from '../session/queue-hold.js';
import type { Clock } from '../util/clock.js';

/** The provider has a handful of windows for each account. An agent may invent more, and then the account's oldest are forgotten. */
const MOST_OF_ACCOUNT = 16;
/** Of all accounts. */
const MOST_WINDOWS = 1_000;
/** How often a change is reported at most. An agent can write many events. */
const REPORT_MS = 1_000;

/** What the provider told about the windows of all accounts. */
export class UsageBook {
  readonly #clock: Clock;
  readonly #windows = new Map<string, UsageWindow>();
  readonly #onChange: () => void;
  #timer: NodeJS.Timeout | undefined;

  constructor(clock: Clock, onChange: () => void) {
    this.#clock = clock;
    this.#onChange = onChange;
  }

  /** Without those that were reset since: what was used of them is not known any more. */
  get windows(): readonly UsageWindow[] {
    const now = this.#clock.now();
    return [...this.#windows.values()].filter(({ resetsAt }) => resetsAt === undefined || resetsAt > now);
  }

  /** When the windows are reset for which an account pays extra, in epoch milliseconds. Undefined if that is not known. */
  overageUntil(account: string | undefined): number | undefined {
    const paid = this.windows.filter((window) => window.account === account && window.overage);
    const resets = paid.flatMap(({ resetsAt }) => resetsAt ?? []);
    return resets.length > 0 ? Math.max(...resets) : undefined;
  }

  /** Called with what a session's log reports. */
  observe(account: string, observations: readonly Observation[], at: number): void {
    for (const observation of observations) {
      if (observation.kind !== 'usage-window' || observation.type === undefined) continue;
      const { kind: _, type, ...rest } = observation;
      const key = JSON.stringify([account, type]);
      const before = this.#windows.get(key);
      const window: UsageWindow = Object.freeze({ account, type, ...rest, at });
      if (before && (before.at > at || isSame(before, window))) continue;
      // Deleted first, so that the map has the latest last.
      this.#windows.delete(key);
      this.#windows.set(key, window);
      this.#dropOldest(account);
      this.#timer ??= setTimeout(() => {
        this.#timer = undefined;
        this.#onChange();
      }, REPORT_MS).unref();
    }
  }

  #dropOldest(account: string): void {
    const ofAccount = [...this.#windows].filter(([, window]) => window.account === account);
    const tooMany =
      ofAccount.length > MOST_OF_ACCOUNT ? ofAccount : this.#windows.size > MOST_WINDOWS ? this.#windows : [];
    const [oldest] = [...tooMany];
    if (oldest) this.#windows.delete(oldest[0]);
  }

  close(): void {
    clearTimeout(this.#timer);
  }
}

function isSame({ at: _, ...a }: UsageWindow, { at: __, ...b }: UsageWindow): boolean {
  return (
    a.status === b.status && a.utilization === b.utilization && a.resetsAt === b.resetsAt && a.overage === b.overage
  );
}
