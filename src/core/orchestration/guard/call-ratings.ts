import type { Danger, DangerContext } from '../../../danger/index.js';
import type { Observation } from '../session/observation.js';
import type { ToolCall } from '../session/policy.js';
import { ratedSubject } from './fingerprint.js';

/** The facts that the rating of calls needs: the workspace as the agent sees it, and which of its files may be lost. */
export type RatedPlace = Required<Pick<DangerContext, 'workspace' | 'container' | 'mounts' | 'ignored'>>;

/** The rating of what a call does. */
export interface CallRating {
  /** What the rating depends on, see `ratedSubject`. */
  readonly subject: string;
  /** Undefined if it is not dangerous. */
  readonly danger: Danger | undefined;
  /** True if an earlier process has made the rating, perhaps by older rules. */
  readonly isEarlier?: true;
}

/** The ratings of the calls of a run, by the id of the call. */
interface KnownRatings {
  rated(toolUseId: string, rating: CallRating): void;
  ratingOf(toolUseId: string, subject: string): CallRating | undefined;
}

/**
 * The rules that rate calls. They are more than a third of the library's code, so they are loaded by the first run and not by
 * the main entry.
 */
type Rules = typeof import('../../../danger/index.js');

/**
 * Rates the tool calls of one run. A call is rated once: when its hook asks or when the log reports it, whichever comes first. An
 * agent can write lines with the id of any call. So a rating is only taken over by a call of the same id that does the same: whose
 * command has the same hash, or whose tool and path (and pattern, of a search) are the same.
 */
export class CallRatings {
  readonly #place: RatedPlace;
  readonly #ledger: KnownRatings;
  #rules: Rules | undefined;
  #isSettled = false;

  constructor(place: RatedPlace, ledger: KnownRatings) {
    this.#place = place;
    this.#ledger = ledger;
  }

  /** True if calls can be rated. */
  get isReady(): boolean {
    return this.#rules !== undefined;
  }

  /** Loads the rules, unless they are loaded. */
  async ready(): Promise<void> {
    this.#rules ??= await import('../../../danger/index.js');
  }

  /** Called when it is known which files may be lost. Ratings from before that may be too strict, so they are not taken over. */
  settle(): void {
    this.#isSettled = true;
  }

  /** A call that is asked about. What an earlier process thought of it does not count. */
  rated(call: ToolCall): ToolCall {
    const { rateDanger } = this.#loaded();
    const subject = ratedSubject(call);
    const known = subject === undefined ? undefined : this.#ledger.ratingOf(call.toolUseId, subject);
    if (known && !known.isEarlier) return withDanger(call, known.danger);
    const danger = rateDanger(call, this.#place);
    this.#keep(call, subject, danger);
    return withDanger(call, danger);
  }

  /**
   * The rated calls of a log line. Those whose rating is not known are rated together: all of them together may take as much work as
   * one.
   *
   * @param guarded true if hooks ask about the calls of the run
   */
  ofLine(observations: readonly Observation[], guarded: boolean): ReadonlyMap<Observation, ToolCall> {
    const { rateDangers } = this.#loaded();
    if (!observations.some(isCall)) return NONE;
    const rated = new Map<Observation, ToolCall>();
    const unknown: { tool: Observation; call: ToolCall; subject: string | undefined }[] = [];
    for (const tool of observations) {
      if (tool.kind !== 'tool') continue;
      const call = { toolUseId: tool.id, tool: tool.name, input: tool.input };
      const subject = guarded ? ratedSubject(call) : undefined;
      const known = subject === undefined ? undefined : this.#ledger.ratingOf(tool.id, subject);
      if (known) rated.set(tool, withDanger(call, known.danger));
      else unknown.push({ tool, call, subject });
    }
    if (unknown.length === 0) return rated;
    const calls = unknown.map(({ call }) => call);
    const dangers = rateDangers(calls, this.#place);
    for (const [index, { tool, call, subject }] of unknown.entries()) {
      // Calls that are rated together share the work of one, so their ratings may be stricter than that of each alone.
      if (calls.length === 1) this.#keep(call, subject, dangers[index]);
      rated.set(tool, withDanger(call, dangers[index]));
    }
    return rated;
  }

  #loaded(): Rules {
    if (this.#rules) return this.#rules;
    throw new Error('The rules that rate tool calls are not loaded: ready() was not awaited.');
  }

  #keep({ toolUseId }: ToolCall, subject: string | undefined, danger: Danger | undefined): void {
    if (this.#isSettled && subject !== undefined) this.#ledger.rated(toolUseId, { subject, danger });
  }
}

/** Most lines report no call. */
const NONE: ReadonlyMap<Observation, ToolCall> = new Map();

function isCall({ kind }: Observation): boolean {
  return kind === 'tool';
}

/** The rating becomes part of records, which are frozen. */
function withDanger(call: ToolCall, danger: Danger | undefined): ToolCall {
  return danger ? { ...call, danger: Object.freeze({ ...danger }) } : call;
}
