import { detachString, singleLine } from '../util/text.js';

/** How much of a line is shown, in characters. */
export const SHOWN_LENGTH = 500;
/** How many of the last lines are kept for the end of the run. */
const KEPT = 5;
/** How much of the last unshown lines is kept, in bytes. */
const KEPT_BYTES = KEPT * SHOWN_LENGTH * 4;
/** How many lines are shown before the limit by time applies. Entrypoints and installers write some hundred. */
const MOST_AT_ONCE = 500;
/** How many more lines are shown in each second. */
const MORE_EACH_SECOND = 50;
const NEWLINE = 0x0a;

/**
 * The lines of a log that are not stream-json. They come from entrypoints, from Claude's standard error, or from the agent. All
 * are shown until there are more than a person would read. After that only the last lines are shown, at the end of the run,
 * because they say why it failed.
 */
export class OtherLines {
  readonly #show: (line: string) => void;
  #last: string[] = [];
  #left = MOST_AT_ONCE;
  #countedAt = performance.now();
  /** The last lines that were not shown. */
  #unshown: Buffer | undefined;

  /** @param show called with a line, without control sequences of terminals, and cut if it is long */
  constructor(show: (line: string) => void) {
    this.#show = show;
  }

  /** The last five lines that were shown. */
  get last(): readonly string[] {
    return this.#last;
  }

  /** @param lines complete lines with their line ends */
  read(lines: Buffer): void {
    let start = 0;
    while (start < lines.length && this.#may()) {
      const end = lines.indexOf(NEWLINE, start);
      this.#take(lines.subarray(start, Math.min(end, start + SHOWN_LENGTH * 4)).toString('utf8'));
      start = end + 1;
    }
    if (start < lines.length) this.#keep(lines.subarray(Math.max(start, lines.length - KEPT_BYTES)));
  }

  add(line: string): void {
    if (this.#may()) this.#take(line);
    else this.#keep(Buffer.from(`${line.slice(0, SHOWN_LENGTH)}\n`));
  }

  /** Called when the log has ended. Shows the last lines. */
  end(): void {
    const lines =
      this.#unshown
        ?.toString('utf8')
        .split('\n')
        .slice(-KEPT - 1) ?? [];
    this.#unshown = undefined;
    for (const line of lines) this.#take(line);
  }

  #may(): boolean {
    if (this.#left < 1) {
      const now = performance.now();
      this.#left = Math.min(MOST_AT_ONCE, ((now - this.#countedAt) / 1000) * MORE_EACH_SECOND);
      if (this.#left < 1) return false;
      this.#countedAt = now;
    }
    return true;
  }

  #take(text: string): void {
    this.#left -= 1;
    if (text.trim() === '') return;
    this.#unshown = undefined;
    const line = detachString(singleLine(text.slice(0, SHOWN_LENGTH)));
    this.#last = [...this.#last.slice(1 - KEPT), line];
    this.#show(line);
  }

  #keep(lines: Buffer): void {
    const before = this.#unshown?.subarray(-KEPT_BYTES) ?? Buffer.alloc(0);
    this.#unshown =
      lines.length >= KEPT_BYTES ? Buffer.from(lines) : Buffer.concat([before, lines]).subarray(-KEPT_BYTES);
  }
}
