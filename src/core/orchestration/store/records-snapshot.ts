import type { UnifiedSession } from '../session/record.js';

/** Records as they were at one moment, read one at a time. A record that is on the disk only is read when its turn comes. */
export class RecordsSnapshot implements IterableIterator<UnifiedSession> {
  /** A record, or the id of a session whose record is on the disk. */
  readonly #left: (UnifiedSession | string)[];
  /** The sessions whose records are on the disk, and were not read yet; with the record if it has changed since. */
  readonly #kept = new Map<string, UnifiedSession | undefined>();
  readonly #read: (id: string) => UnifiedSession | undefined;
  readonly #onEnd: () => void;

  /** @param onEnd called when nothing is read any more */
  constructor(
    records: (UnifiedSession | string)[],
    read: (id: string) => UnifiedSession | undefined,
    onEnd: () => void,
  ) {
    this.#left = records.reverse();
    this.#read = read;
    this.#onEnd = onEnd;
  }

  /** Called before a session changes whose record is on the disk only. `record` is undefined if it cannot be read. */
  keep(id: string, record: UnifiedSession | undefined): void {
    if (!this.#kept.has(id)) this.#kept.set(id, record);
  }

  next(): IteratorResult<UnifiedSession, undefined> {
    for (let next = this.#left.pop(); next !== undefined; next = this.#left.pop()) {
      const record = typeof next === 'string' ? this.#recordOf(next) : next;
      if (record) return { done: false, value: record };
    }
    return this.return();
  }

  return(): { done: true; value: undefined } {
    this.#left.length = 0;
    this.#kept.clear();
    this.#onEnd();
    return { done: true, value: undefined };
  }

  [Symbol.iterator](): this {
    return this;
  }

  #recordOf(id: string): UnifiedSession | undefined {
    return this.#kept.has(id) ? this.#kept.get(id) : this.#read(id);
  }
}
