import type { Danger, DangerContext } from '../../../danger/index.js';
import type { Observation } from '../session/observation.js';
import type { ToolCall } from '../session/policy.js';
import type { CallLedger } from './call-ledger.js';
import { commandHash } from './fingerprint.js';

/** The facts that the rating of calls needs: the workspace as the agent sees it, and which of its files may be lost. */
export type RatedPlace = Required<Pick<DangerContext, 'workspace' | 'container' | 'mounts' | 'ignored'>>;

/** The rating of a shell command. It depends on nothing of the call but the command. */
export interface CommandRating {
  /** The hash of the command. */
  readonly command: string;
  /** Undefined if the command is not dangerous. */
  readonly danger: Danger | undefined;
  /** True if an earlier process has rated the command, perhaps by older rules. */
  readonly isEarlier?: true;
}

/**
 * The rules that rate calls. They are more than a third of the library's code, so they are loaded by the first run and not by
 * the main entry.
 */
type Rules = typeof import('../../../danger/index.js');

/**
 * Rates the tool calls of one run. A shell command is rated once: when its hook asks or when the log reports it, whichever comes
 * first. The rating belongs to the command, and not to the id of the call, because an agent can write lines with any id: it is
 * only taken over by a call of the same id whose command has the same hash.
 */
export class CallRatings {
  readonly #place: RatedPlace;
  readonly #ledger: Pick<CallLedger, 'rated' | 'ratingOf'>;
  #rules: Rules | undefined;
  #isSettled = false;

  constructor(place: RatedPlace, ledger: Pick<CallLedger, 'rated' | 'ratingOf'>) {
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
    const command = commandHash(call);
    const known = command === undefined ? undefined : this.#ledger.ratingOf(call.toolUseId, command);
    if (known && !known.isEarlier) return withDanger(call, known.danger);
    const danger = rateDanger(call, this.#place);
    this.#keep(call, command, danger);
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
    const rated = new Map<Observation, ToolCall>();
    const unknown: { tool: Observation; call: ToolCall; command: string | undefined }[] = [];
    for (const tool of observations) {
      if (tool.kind !== 'tool') continue;
      const call = { toolUseId: tool.id, tool: tool.name, input: tool.input };
      const command = guarded ? commandHash(call) : undefined;
      const known = command === undefined ? undefined : this.#ledger.ratingOf(tool.id, command);
      if (known) rated.set(tool, withDanger(call, known.danger));
      else unknown.push({ tool, call, command });
    }
    if (unknown.length === 0) return rated;
    const calls = unknown.map(({ call }) => call);
    const dangers = rateDangers(calls, this.#place);
    for (const [index, { tool, call, command }] of unknown.entries()) {
      // Calls that are rated together share the work of one, so their ratings may be stricter than that of each alone.
      if (calls.length === 1) this.#keep(call, command, dangers[index]);
      rated.set(tool, withDanger(call, dangers[index]));
    }
    return rated;
  }

  #loaded(): Rules {
    if (this.#rules) return this.#rules;
    throw new Error('The rules that rate tool calls are not loaded: ready() was not awaited.');
  }

  #keep({ toolUseId }: ToolCall, command: string | undefined, danger: Danger | undefined): void {
    if (this.#isSettled && command !== undefined) this.#ledger.rated(toolUseId, { command, danger });
  }
}

/** The rating becomes part of records, which are frozen. */
function withDanger(call: ToolCall, danger: Danger | undefined): ToolCall {
  return danger ? { ...call, danger: Object.freeze({ ...danger }) } : call;
}
