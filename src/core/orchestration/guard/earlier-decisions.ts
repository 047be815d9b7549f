import { lastOf } from './last-of.js';
import type { StoredDecision } from './stored-decision.js';

/** How the line of a decision begins, in front of the call's id. */
const BEGINNING = '{"toolUseId":"';
/** Other ids may have escaped characters, so their lines are parsed. */
const PLAIN = /^[\w-]+$/;

/**
 * The decisions of earlier processes about one run, by the call's id. A long run has more of them than calls that are remembered. So
 * each decision stays the line that it is in the file, which is parsed when its call is looked at.
 */
export class EarlierDecisions {
  /** The last lines about each call, as the ledger would remember them. */
  readonly #lines = new Map<string, readonly string[]>();

  /** @param line a line of the file; an incomplete one does not count as a decision */
  add(line: string): void {
    const id = idOf(line);
    if (id === undefined) return;
    this.#lines.set(id, lastOf(this.#lines.get(id), line));
  }

  get isEmpty(): boolean {
    return this.#lines.size === 0;
  }

  /** All decisions, those about one call together. */
  *[Symbol.iterator](): Iterator<StoredDecision> {
    for (const lines of this.#lines.values()) yield* decisionsIn(lines);
  }

  /** The decisions about a call, the oldest first. */
  about(toolUseId: string): StoredDecision[] {
    return decisionsIn(this.#lines.get(toolUseId) ?? []);
  }

  /** The call counts as undecided from now on. */
  forget(toolUseId: string): void {
    this.#lines.delete(toolUseId);
  }
}

/** Without parsing the line, because a long run has tens of thousands of them. */
function idOf(line: string): string | undefined {
  const end = line.startsWith(BEGINNING) ? line.indexOf('"', BEGINNING.length) : -1;
  const id = line.slice(BEGINNING.length, Math.max(end, BEGINNING.length));
  return PLAIN.test(id) ? id : parsed(line)?.toolUseId;
}

function decisionsIn(lines: readonly string[]): StoredDecision[] {
  return lines.flatMap((line) => parsed(line) ?? []);
}

function parsed(line: string): StoredDecision | undefined {
  try {
    const decision = JSON.parse(line) as StoredDecision;
    return typeof decision.toolUseId === 'string' ? decision : undefined;
  } catch {
    return undefined;
  }
}
