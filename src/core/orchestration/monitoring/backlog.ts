/** More unread bytes than this are a backlog; Claude writes some kilobytes a second, and a few megabytes with an image. */
export const MOST_UNREAD_BYTES = 8 * 1024 * 1024;
/** So are bytes that were there this long ago and are still unread: lines can be short and slow to read. */
export const MOST_LATE_MS = 500;
/** How long a backlog may be read in all. It takes that long only where the log was made to be slow to read. */
const MOST_READING_MS = 10_000;
/** What of that is forgiven in each millisecond: listeners may be slow now and then, for hours. */
const FORGIVEN = 0.1;

/**
 * What can be said of a log's unread end: `behind` where it is a backlog, `caught-up` where there is none any more, and once
 * `flood` where somebody writes more than can be read.
 */
export type BacklogState = 'behind' | 'caught-up' | 'flood';

/** Finds out whether the reader of a growing file keeps up with its writer. */
export class Backlog {
  readonly #tell: (state: BacklogState) => void;
  #state: 'behind' | 'caught-up' | undefined;
  /** How long the file was when everything before `#markAt` was read, and when that was. */
  #mark = 0;
  #markAt = 0;
  #readingMs = 0;
  #countedAt = performance.now();
  #flooded = false;

  /** @param tell told of each change; at first of `caught-up` when everything is read for the first time */
  constructor(tell: (state: BacklogState) => void) {
    this.#tell = tell;
  }

  /** Whether more came than can be read. */
  get flooded(): boolean {
    return this.#flooded;
  }

  /**
   * Something was read, and there is more.
   *
   * @param counts whether the time for it counts: not for what was there before anybody read
   */
  left(file: { offset: number; size: number }, tookMs: number, counts: boolean): void {
    const now = performance.now();
    if (this.#mark === 0 || file.offset >= this.#mark) {
      this.#mark = file.size;
      this.#markAt = now;
    }
    const late = now - this.#markAt > MOST_LATE_MS || file.size - file.offset > MOST_UNREAD_BYTES;
    if (late && this.#state !== 'behind') this.#become('behind');
    if (counts && this.#state === 'behind') this.#count(now, tookMs);
  }

  /** Everything is read. */
  none(): void {
    this.#mark = 0;
    if (this.#state !== 'caught-up') this.#become('caught-up');
  }

  /** The run has ended: what is left to read counts as a backlog, and nobody has to be told. */
  close(): void {
    this.#state = 'behind';
  }

  #become(state: 'behind' | 'caught-up'): void {
    this.#state = state;
    this.#tell(state);
  }

  #count(now: number, tookMs: number): void {
    this.#readingMs = tookMs + Math.max(0, this.#readingMs - (now - this.#countedAt) * FORGIVEN);
    this.#countedAt = now;
    if (this.#readingMs <= MOST_READING_MS || this.#flooded) return;
    this.#flooded = true;
    this.#tell('flood');
  }
}
