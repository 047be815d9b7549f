import type { StoredDecision } from './call-ledger.js';

/** How the line of a decision begins. Whatever begins in another way is parsed to find its id. */
const BEGINNING = /^\{"toolUseId":"([\w-]{1,200})",/;

/**
 * The decisions of earlier processes about one run, by the call's id. A long run has more of them than calls that are remembered. So
 * each decision stays the line that it is in the file until the log reports its call.
 */
export class EarlierDecisions {
  /** Several lines if there are several decisions about a call. */
  readonly #lines = new Map<string, string>();

  /** @param line a line of the file; an incomplete one does not count as a decision */
  add(line: string): void {
    const id = BEGINNING.exec(line)?.[1] ?? parsed(line)?.toolUseId;
    if (id === undefined) return;
    const before = this.#lines.get(id);
    this.#lines.set(id, before === undefined ? line : `${before}\n${line}`);
  }

  get isEmpty(): boolean {
    return this.#lines.size === 0;
  }

  /** The decisions that were not taken, those about one call together. */
  *[Symbol.iterator](): Iterator<StoredDecision> {
    for (const lines of this.#lines.values()) yield* decisionsIn(lines);
  }

  /** The decisions about a call, the oldest first. They are then forgotten here. */
  take(toolUseId: string): StoredDecision[] {
    const lines = this.#lines.get(toolUseId);
    if (lines === undefined) return [];
    this.#lines.delete(toolUseId);
    return decisionsIn(lines);
  }
}

function decisionsIn(lines: string): StoredDecision[] {
  return lines.split('\n').flatMap((line) => parsed(line) ?? []);
}

function parsed(line: string): StoredDecision | undefined {
  try {
    const decision = JSON.parse(line) as StoredDecision;
    return typeof decision.toolUseId === 'string' ? decision : undefined;
  } catch {
    return undefined;
  }
}
