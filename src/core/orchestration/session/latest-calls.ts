import { pushLatest } from '../util/push-latest.js';
import type { ToolOutcome, ToolUsageRecord } from './metadata.js';

/** How many tool calls a record keeps. */
const KEPT_CALLS = 100;

/** What has to be known of a call to say how it ended. */
export type KnownCall = Pick<ToolUsageRecord, 'id' | 'name' | 'startedAt' | 'durationMs'>;

/** How a call ended, and when its line was read. */
interface CallEnd {
  readonly toolUseId: string;
  readonly outcome: ToolOutcome;
  readonly at: number;
  /** Set if an earlier process may have read the line. Then `at` is not the time when the call ended. */
  readonly replayed?: true | undefined;
}

/** The latest calls of a session, while what log lines report is added. */
export class LatestCalls<Call extends KnownCall> {
  readonly #calls: Call[];

  /** @param before the calls of the record; this list is not changed */
  constructor(before: readonly Call[]) {
    this.#calls = [...before];
  }

  get list(): Call[] {
    return this.#calls;
  }

  add(call: Call): void {
    pushLatest(this.#calls, call, KEPT_CALLS);
  }

  /** Returns the call as it is when it has ended. Undefined if the record does not have the call, or has it no more. */
  end({ toolUseId, outcome, at, replayed }: CallEnd): Call | undefined {
    const index = this.#calls.findLastIndex(({ id }) => id === toolUseId);
    const call = this.#calls[index];
    if (!call) return undefined;
    const ended = Object.freeze({ ...call, outcome, ...(!replayed && { durationMs: at - call.startedAt }) });
    this.#calls[index] = ended;
    return ended;
  }
}
