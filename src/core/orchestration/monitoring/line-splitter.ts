import { StringDecoder } from 'node:string_decoder';
import { JsonValueCount } from '../util/value-count.js';

/** A longer line is not held in memory: it is reported and skipped. Claude's longest, with images, are near 5 MB. */
export const MOST_LINE_BYTES = 8 * 1024 * 1024;

export interface LineListener {
  /** A line, without its end; `complete` is false for a last one that has none. */
  onLine(line: string, complete: boolean): void;
  /** A line that was skipped because of its length; `start` are its first characters. */
  onOversized(start: string): void;
  /**
   * A line that holds more values than anybody writes, see `JsonValueCount`: to parse it would hold up the event loop. Absent
   * where nobody wants to know.
   */
  onDense?(line: string, complete: boolean): void;
  /**
   * Complete lines with their ends, at least one, none of which holds a word of {@link TELLING}. A flood of such lines costs
   * next to nothing. Absent where `onLine` is to be told of each.
   */
  onPlain?(lines: Buffer): void;
}

/** A line of stream-json holds the first word; what is left of a line that tells of a call holds one of both. */
const TELLING = [Buffer.from('"type"'), Buffer.from('"tool_use_id"')];
const NEWLINE = 0x0a;

/** Cuts bytes into lines. A line that spans several chunks is put together first, so that no character is torn. */
export class LineSplitter {
  readonly #listener: LineListener;
  readonly #long = new LongLine();
  #skipping = false;
  #stopped = false;

  constructor(listener: LineListener) {
    this.#listener = listener;
  }

  /** Reports the lines in a chunk until the deadline; answers how many bytes are done with. At least one line is. */
  push(chunk: Buffer, deadline: number): number {
    const telling = new Telling(chunk);
    let start = 0;
    for (let end = chunk.indexOf(NEWLINE); end >= 0; end = chunk.indexOf(NEWLINE, start)) {
      const plain = this.#begins && this.#listener.onPlain ? telling.from(start) : -1;
      if (plain > end) {
        end = chunk.lastIndexOf(NEWLINE, plain);
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

  /** The file has ended: what is carried is a line, too. */
  end(): void {
    if (this.#long.bytes > 0 && !this.#stopped) this.#complete(Buffer.alloc(0), false);
  }

  /** Reports nothing more, not even of a chunk that is being read: a listener may call this. */
  stop(): void {
    this.#stopped = true;
  }

  get #begins(): boolean {
    return this.#long.bytes === 0 && !this.#skipping;
  }

  #complete(rest: Buffer, complete = true): void {
    if (this.#skipping) {
      this.#skipping = false;
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
    if (this.#skipping) return;
    if (this.#long.bytes + part.length <= MOST_LINE_BYTES) {
      this.#long.add(part);
      return;
    }
    const { text } = this.#long.take();
    this.#skipping = true;
    this.#listener.onOversized(text.slice(0, SHOWN));
  }
}

const SHOWN = 500;

/** Where in a chunk the next telling word is. Each word is searched once, however many lines there are. */
class Telling {
  readonly #chunk: Buffer;
  readonly #found = TELLING.map(() => -1);

  constructor(chunk: Buffer) {
    this.#chunk = chunk;
  }

  /** Behind the chunk where there is none. */
  from(start: number): number {
    return Math.min(...this.#found.map((found, index) => (found >= start ? found : this.#search(index, start))));
  }

  #search(index: number, start: number): number {
    const found = this.#chunk.indexOf(TELLING[index] ?? '', start);
    const position = found < 0 ? this.#chunk.length : found;
    this.#found[index] = position;
    return position;
  }
}

const BLOCK_BYTES = 64 * 1024;

/**
 * A line that comes in parts. It is decoded and looked through part by part: to do that at once would hold up the event loop.
 * Bytes are collected in a block first, as a line may come in single bytes.
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

  /** The whole line, and whether it holds too many values; what follows is another one. */
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
