/** More unread bytes than this are a backlog. Claude writes some kilobytes a second, and a few megabytes with an image. */
export const MOST_UNREAD_BYTES = 8 * 1024 * 1024;
/** Bytes that stay unread for longer than this are a backlog, too: lines can be short and slow to read. */
export const MOST_LATE_MS = 500;
/** How long reading a backlog may take in total. It takes that long only if somebody made the log slow to read. */
const MOST_READING_MS = 10_000;
/**
 * How much of the reading time is forgotten in each millisecond, because listeners may be slow now and then in a run of hours.
 */
const FORGIVEN = 0.1;

/**
 * The state of the unread part of a log. `behind`: a backlog begins. `caught-up`: everything is read. `flood`, only once:
 * somebody writes more than can be read.
 */
export type BacklogState = 'behind' | 'caught-up' | 'flood';

/** Decides whether the reader of a growing file keeps up with its writer. */
export class Backlog {
  readonly #tell: (state: BacklogState) => void;
  #state: 'behind' | 'caught-up' | undefined;
  /** The size of the file when the mark was set, and when that was. The mark is set again when everything before it is read. */
  #mark = 0;
  #markAt = 0;
  #readingMs = 0;
  #countedAt = performance.now();
  #flooded = false;

  /** @param tell called with each new state; the first state may be `caught-up`, when everything is read for the first time */
  constructor(tell: (state: BacklogState) => void) {
    this.#tell = tell;
  }

  /** True if `flood` was reported. */
  get flooded(): boolean {
    return this.#flooded;
  }

  /**
   * Called when something was read and there is more to read.
   *
   * @param counts true if the time counts; false while we read what the log held before it was opened
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

  /** Called when everything is read. */
  none(): void {
    this.#mark = 0;
    if (this.#state !== 'caught-up') this.#become('caught-up');
  }

  /** Called when the run has ended. What is left to read counts as a backlog, but `behind` is not reported any more. */
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
