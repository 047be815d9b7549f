import { exitMsOf, idleMsOf, type SessionLimits, startMsOf } from '../session/limits.js';
import type { Observation } from '../session/observation.js';
import { MOST_OPEN, type RunProgress } from '../session/run-progress.js';
import type { PausableClock } from '../util/pausable-clock.js';

/** Bash's time-out if a call declares none, and the longest that it may declare (Claude Code 2.1.98 and 2.1.332). */
const BASH_TIMEOUT_MS = 120_000;
const BASH_MOST_MS = 600_000;
/** Work in the background may be silent for this long. Claude Code 2.1.332 itself waits ten minutes for it. */
const BACKGROUND_MS = 3_600_000;
/** Shortening a conversation is one request to the model, and the log says nothing meanwhile. */
const COMPACTION_MS = 900_000;

/** What is reported of other lines, and of files. */
const NOT_OF_CLAUDE: ReadonlySet<Observation['kind']> = new Set(['diagnostic', 'error', 'danger', 'tampered']);

/** What happens if a run is silent for too long. */
interface SilenceEvents {
  /** Claude Code has not written its first line within `limits.startMs`. */
  onNoStart(ms: number): void;
  /** The run shows no sign of life although nothing is open that explains it. `hasBegun`: it wrote a line before. */
  onIdle(ms: number, hasBegun: boolean): void;
  /** The run's last word is older than `limits.exitMs`, and its process is still there. */
  onOverdue(): void;
}

export interface SilenceOptions extends SilenceEvents {
  readonly limits: SessionLimits;
  readonly clock: PausableClock;
  readonly progress: RunProgress;
  /** True if no person sits at the agent's terminal. Only then a first line, a result and an exit are to be expected. */
  readonly unattended: boolean;
  /** How long the commands before the agent may take. 0 without such commands. */
  readonly setupMs: number;
  /** The variables of Claude Code, as far as they are known. */
  readonly env: Readonly<Record<string, string | undefined>>;
}

/**
 * Watches how long a run shows no sign of life, and judges the silence by what is open. There is one timer. A log line only
 * notes the time, because a log may have a hundred thousand lines a second.
 */
export class Silence {
  readonly #options: SilenceOptions;
  /** How long Bash may take, without a declared time and at most. Read once: each variable of a process takes a system call. */
  readonly #bashMs: { readonly usual: number; readonly most: number };
  readonly #callsUntil = new Map<string, number>();
  #lastSign: number;
  #hasLine = false;
  /** Until when the commands before the agent explain the silence, on `clock`. */
  #setupUntil = 0;
  #isFinal = false;
  #cancel: () => void = () => {};
  #ended = false;

  constructor(options: SilenceOptions) {
    this.#options = options;
    this.#lastSign = options.clock.now();
    const { BASH_DEFAULT_TIMEOUT_MS, BASH_MAX_TIMEOUT_MS } = options.env;
    const usual = milliseconds(BASH_DEFAULT_TIMEOUT_MS) ?? BASH_TIMEOUT_MS;
    this.#bashMs = { usual, most: Math.max(milliseconds(BASH_MAX_TIMEOUT_MS) ?? BASH_MOST_MS, usual) };
  }

  /** Called when the agent begins to work, or when this process begins to watch it. */
  start(): void {
    this.#lastSign = this.#options.clock.now();
    this.#setupUntil = this.#lastSign + this.#options.setupMs;
    this.#arm();
  }

  /** Called when the commands before the agent are over. */
  setup(): void {
    this.#lastSign = this.#options.clock.now();
    this.#setupUntil = 0;
    this.#arm();
  }

  /** Called for each line of Claude's. */
  alive(): void {
    this.#lastSign = this.#options.clock.now();
    if (!this.#hasLine) {
      this.#hasLine = true;
      this.#arm();
    } else if (this.#isFinal) this.#arm();
  }

  /** Called when the log has reported something, and the progress has it. */
  observe(observations: readonly Observation[]): void {
    // What an entrypoint prints is a sign of life, but it is no line of Claude's.
    if (observations.some(isOfClaude)) this.alive();
    else this.#lastSign = this.#options.clock.now();
    for (const observation of observations) {
      if (observation.kind === 'tool') this.#began(observation);
      else if (observation.kind === 'tool-result') this.#callsUntil.delete(observation.toolUseId);
    }
    if (this.#isFinal === this.#options.progress.isFinal) return;
    this.#isFinal = !this.#isFinal;
    this.#arm();
  }

  /** Called when the run is over. */
  end(): void {
    this.#ended = true;
    this.#cancel();
  }

  #arm(): void {
    this.#cancel();
    if (this.#ended) return;
    const { limits, clock, unattended, onOverdue, onNoStart } = this.#options;
    const startMs = startMsOf(limits);
    const idleMs = idleMsOf(limits, unattended);
    if (this.#isFinal && unattended) this.#cancel = clock.after(exitMsOf(limits), onOverdue);
    else if (!this.#hasLine && unattended && startMs <= (limits.idleMs ?? startMs))
      this.#cancel = clock.after(this.#setupLeft() + startMs, () => onNoStart(startMs));
    else if (idleMs !== undefined) this.#cancel = clock.after(this.#setupLeft() + idleMs, () => this.#look(idleMs));
  }

  #setupLeft(): number {
    return this.#hasLine ? 0 : Math.max(0, this.#setupUntil - this.#options.clock.now());
  }

  /** Called when a sign of life could be too old. */
  #look(idleMs: number): void {
    const { clock, onIdle } = this.#options;
    const left = this.#silentUntil() + idleMs - clock.now();
    if (left <= 0) onIdle(idleMs, this.#hasLine);
    // What is open may end at any time. So the next look is never later than if nothing were open.
    else this.#cancel = clock.after(Math.min(left, idleMs), () => this.#look(idleMs));
  }

  /** Until when the silence is explained, on `clock`. */
  #silentUntil(): number {
    const { progress } = this.#options;
    const { tasks } = progress.open;
    const explained = [
      this.#lastSign,
      ...this.#openCallsUntil(),
      ...(tasks.length > 0 ? [this.#lastSign + BACKGROUND_MS] : []),
      ...(progress.isCompacting ? [this.#lastSign + COMPACTION_MS] : []),
    ];
    const until = explained.reduce((latest, time) => Math.max(latest, time));
    // After a result, even a call without a time limit may not hold the run for good.
    return progress.hasResult ? Math.min(until, this.#lastSign + BACKGROUND_MS) : until;
  }

  #openCallsUntil(): number[] {
    const { openCalls } = this.#options.progress;
    for (const id of this.#callsUntil.keys()) if (!openCalls.has(id)) this.#callsUntil.delete(id);
    return [...this.#callsUntil.values()];
  }

  #began(call: Extract<Observation, { kind: 'tool' }>): void {
    this.#callsUntil.set(call.id, this.#options.clock.now() + this.#declaredMs(call));
    if (this.#callsUntil.size > 2 * MOST_OPEN) this.#openCallsUntil();
  }

  /** How long a call may take. Only Bash has a time limit that is known here. Other tools take as long as they take. */
  #declaredMs({ name, input }: Pick<Extract<Observation, { kind: 'tool' }>, 'name' | 'input'>): number {
    if (name !== 'Bash') return Number.POSITIVE_INFINITY;
    const { usual, most } = this.#bashMs;
    const { timeout } = (input ?? {}) as { timeout?: unknown };
    return Math.min(typeof timeout === 'number' && timeout > 0 ? timeout : usual, most);
  }
}

function isOfClaude({ kind }: Observation): boolean {
  return !NOT_OF_CLAUDE.has(kind);
}

/** Claude Code reads its variables like this. */
function milliseconds(text: string | undefined): number | undefined {
  const number = Number.parseInt(text ?? '', 10);
  return number > 0 ? number : undefined;
}
