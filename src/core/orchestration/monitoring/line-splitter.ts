import { StringDecoder } from 'node:string_decoder';
import { JsonValueCount } from '../util/value-count.js';
import { CallWords } from './call-words.js';
import { FurtherEvent } from './further-event.js';

/** A longer line is not held in memory: only its beginning is reported. Claude's longest lines, with images, have about 5 MB. */
export const MOST_LINE_BYTES = 8 * 1024 * 1024;

export interface LineListener {
  /** A line without its line end. `complete` is false for a last line that has no line end. */
  onLine(line: string, complete: boolean): void;
  /** A line that is skipped because of its length; `start` is its beginning. */
  onOversized(start: string): void;
  /**
   * The line that was reported as oversized can carry a tool call. Reported once, as soon as this is known. If this is absent, the
   * rest of the line is not examined.
   */
  onOversizedCall?(start: string): void;
  /** A further event begins within such a line. Reported once, after `onOversizedCall`, which has to be present. */
  onOversizedEvent?(start: string): void;
  /**
   * A line with more values than Claude ever writes, see `JsonValueCount`. Parsing it would block the event loop. If this is
   * absent, such lines are left out.
   */
  onDense?(line: string, complete: boolean): void;
  /**
   * One or more complete lines with their line ends, without any word of {@link TELLING}. They are reported together, so a flood
   * of such lines costs next to nothing. If this is absent, `onLine` gets each of them.
   */
  onPlain?(lines: Buffer): void;
}

/**
 * Every line of stream-json has the first word. If a line about a tool call is torn, its rest has at least one of the two words.
 */
const TELLING = [Buffer.from('"type"'), Buffer.from('"tool_use_id"')];
const NEWLINE = 0x0a;

/** Splits bytes into lines. A line that spans several chunks is joined before it is decoded, so that no character is torn. */
export class LineSplitter {
  readonly #listener: LineListener;
  readonly #mostBytes: number;
  readonly #long = new LongLine();
  /** Set while the rest of a line is skipped. */
  #skipping: { readonly start: string; readonly words: CallWords; readonly further: FurtherEvent } | undefined;
  #stopped = false;

  constructor(listener: LineListener, mostBytes = MOST_LINE_BYTES) {
    this.#listener = listener;
    this.#mostBytes = mostBytes;
  }

  /** Reports the lines of a chunk until the deadline, if there is one, and at least one line. Returns how many bytes of the chunk are done. */
  push(chunk: Buffer, deadline = Number.POSITIVE_INFINITY): number {
    const telling = new Telling(chunk);
    let start = 0;
    for (let end = chunk.indexOf(NEWLINE); end >= 0; end = chunk.indexOf(NEWLINE, start)) {
      if (this.#begins && this.#listener.onPlain && !telling.isBetween(start, end)) {
        end = chunk.lastIndexOf(NEWLINE, telling.from(start));
        this.#listener.onPlain?.(chunk.subarray(start, end + 1));
      } else {
        this.#complete(chunk.subarray(start, end));
      }
      start = end + 1;
      if (this.#stopped || performance.now() > deadline) return start;
    }
    if (start < chunk.length) this.#carry(chunk.subarray(start));
    return chunk.length;
  }

  /** Called when the file has ended. Reports a last line that has no line end. */
  end(): void {
    if (this.#long.bytes > 0 && !this.#stopped) this.#complete(Buffer.alloc(0), false);
  }

  /** Reports nothing more, not even the rest of the current chunk. A listener may call this. */
  stop(): void {
    this.#stopped = true;
  }

  get #begins(): boolean {
    return this.#long.bytes === 0 && !this.#skipping;
  }

  #complete(rest: Buffer, complete = true): void {
    if (this.#skipping) {
      this.#examine(rest.toString('latin1'));
      this.#skipping = undefined;
      return;
    }
    if (this.#long.bytes === 0) {
      if (rest.length > 0) this.#listener.onLine(rest.toString('utf8'), complete);
      return;
    }
    if (rest.length > 0) this.#long.add(rest);
    const { text, dense } = this.#long.take();
    if (dense) this.#listener.onDense?.(text, complete);
    else this.#listener.onLine(text, complete);
  }

  #carry(part: Buffer): void {
    if (this.#skipping) {
      this.#examine(part.toString('latin1'));
      return;
    }
    if (this.#long.bytes + part.length <= this.#mostBytes) {
      this.#long.add(part);
      return;
    }
    const { text } = this.#long.take();
    const start = text.slice(0, SHOWN);
    this.#skipping = { start, words: new CallWords(), further: new FurtherEvent() };
    this.#listener.onOversized(start);
    this.#examine(text);
    this.#examine(part.toString('latin1')); // Bytes are enough: the words have no other characters.
  }

  /** Examines a part of a line that is skipped. */
  #examine(part: string): void {
    const { onOversizedCall, onOversizedEvent } = this.#listener;
    if (!this.#skipping || !onOversizedCall || this.#stopped) return;
    const { start, words, further } = this.#skipping;
    const before = { call: words.found, event: words.found && further.found };
    words.add(part);
    further.add(part);
    if (words.found && !before.call) onOversizedCall.call(this.#listener, start);
    if (words.found && further.found && !before.event) onOversizedEvent?.call(this.#listener, start);
  }
}

const SHOWN = 500;

/** Finds the next word of `TELLING` in a chunk. Each word is searched for once, however many lines there are. */
class Telling {
  readonly #chunk: Buffer;
  readonly #found = TELLING.map(() => -1);

  constructor(chunk: Buffer) {
    this.#chunk = chunk;
  }

  /** Whether a line has one of the words. Almost every line has the first one, and the chunk is not searched for the other. */
  isBetween(start: number, end: number): boolean {
    for (let index = 0; index < TELLING.length; index++) if (this.#next(index, start) < end) return true;
    return false;
  }

  /** The position of the next word. If there is no further word, the length of the chunk. */
  from(start: number): number {
    return Math.min(...TELLING.map((_, index) => this.#next(index, start)));
  }

  #next(index: number, start: number): number {
    const known = this.#found[index] ?? -1;
    if (known >= start) return known;
    const found = this.#chunk.indexOf(TELLING[index] ?? '', start);
    const position = found < 0 ? this.#chunk.length : found;
    this.#found[index] = position;
    return position;
  }
}

const BLOCK_BYTES = 64 * 1024;

/**
 * A line that comes in parts. It is decoded and examined part by part, because doing that at once would block the event loop.
 * The bytes are collected in a block first, because a line may come byte by byte.
 */
class LongLine {
  bytes = 0;
  #block: Buffer | undefined;
  #used = 0;
  #text = '';
  #decoder = new StringDecoder('utf8');
  #values = new JsonValueCount();

  add(part: Buffer): void {
    this.#block ??= Buffer.allocUnsafe(BLOCK_BYTES);
    for (let done = 0; done < part.length; ) {
      const copied = part.copy(this.#block, this.#used, done);
      done += copied;
      this.#used += copied;
      if (this.#used === BLOCK_BYTES) this.#flush(this.#block);
    }
    this.bytes += part.length;
  }

  /** Returns the whole line, and says if the line has too many values. The next part begins a new line. */
  take(): { text: string; dense: boolean } {
    const rest = this.#block?.subarray(0, this.#used) ?? Buffer.alloc(0);
    const taken = { text: this.#text + this.#decoder.end(rest), dense: this.#values.tooMany };
    this.bytes = 0;
    this.#used = 0;
    this.#text = '';
    this.#decoder = new StringDecoder('utf8');
    this.#values = new JsonValueCount();
    return taken;
  }

  #flush(block: Buffer): void {
    this.#text += this.#decoder.write(block);
    this.#values.add(block);
    this.#used = 0;
  }
}
