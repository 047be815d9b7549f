import type { FileHandle } from 'node:fs/promises';
import type { Json } from './content-blocks.js';

const CHUNK_BYTES = 64 * 1024;
/** The type of the lines that this library writes. A line of a transcript that begins like one of them is not copied. */
const MARK_TYPE = 'autonomous-orchestration';
/** The beginning of a mark: a line of this library that says from which transcript the following lines are. */
const MARK = `{"type":"${MARK_TYPE}","from":`;
const MARKED_LINE = `\n${MARK}`;
const LONGEST_MARK = 300;
const NEWLINE = 0x0a;

/**
 * A log that is put together from several growing files. The log itself records how far each file is copied: when the next bytes
 * come from another file, or from another place in the same file, a mark in front of them says so. So another process can
 * continue the copy, whenever this one is killed, and nothing is copied twice or left out.
 */
export class CopiedLog {
  readonly #log: FileHandle;
  readonly #positions: Map<string, number>;
  /** The file from which the last bytes of the log are; undefined if the next bytes need a mark. */
  #current: string | undefined;
  /** True if the log ends within a line. */
  #torn: boolean;
  /** A mark, or the part of a mark that a full disk did not take. It is written before anything else. */
  #owed: Buffer = Buffer.alloc(0);
  #length: number;

  /** @throws Error if the log cannot be opened or read */
  static async open(openLog: () => Promise<FileHandle>, readLog: () => Promise<FileHandle>): Promise<CopiedLog> {
    const reader = await readLog();
    try {
      const found = await positionsIn(reader);
      return new CopiedLog(await openLog(), found);
    } finally {
      await reader.close();
    }
  }

  private constructor(log: FileHandle, { positions, current, torn, cut, length }: Found) {
    this.#log = log;
    this.#length = length;
    this.#positions = positions;
    this.#current = current;
    this.#torn = torn && !cut;
    // The log ends within a mark. These bytes belong to no transcript, and the mark is written again.
    if (cut) this.#owed = this.#markOf(current, '\n');
  }

  /** How long the log is, in bytes. */
  get length(): number {
    return this.#length;
  }

  /** How far a file is copied, in bytes. */
  position(name: string): number {
    return this.#positions.get(name) ?? 0;
  }

  /** The file whose last line is not complete in the log. Bytes of another file would tear that line. */
  get unfinished(): string | undefined {
    return this.#torn ? this.#current : undefined;
  }

  /** Continues a file at another position. */
  goOn(name: string, position: number): void {
    this.#positions.set(name, position);
    if (this.#current === name) this.#current = undefined;
  }

  /**
   * Appends the next bytes of a file. They may end within a line only if the rest of the line is appended next.
   *
   * @throws Error if the disk is full; `position` then says how much was written
   */
  async append(name: string, bytes: Buffer): Promise<void> {
    const begins = !(this.#torn && this.#current === name);
    // Together with their rest, these bytes may be a mark.
    if (begins && MARK.startsWith(bytes.toString('latin1', 0, MARK.length + 1))) return;
    const forged = forgedMark(bytes, begins);
    if (forged >= 0) return this.#without(name, bytes, forged);
    await this.#settle();
    if (this.#current !== name) {
      this.#owed = this.#markOf(name, this.#torn ? '\n' : '');
      this.#current = name;
      this.#torn = false;
      await this.#settle();
    }
    for (let done = 0; done < bytes.length; ) {
      const { bytesWritten } = await this.#log.write(bytes, done, bytes.length - done);
      done += bytesWritten;
      this.#length += bytesWritten;
      this.#positions.set(name, this.position(name) + bytesWritten);
      if (bytesWritten > 0) this.#torn = bytes[done - 1] !== NEWLINE;
    }
  }

  /**
   * Records in the log that something is missing in it, see {@link isGap}. Otherwise a reader would take it for complete.
   *
   * @throws Error if the disk is full
   */
  async noteGap(): Promise<void> {
    await this.#settle();
    this.#current ??= '';
    this.#owed = this.#markOf(this.#current, this.#torn ? '\n' : '', ',"gap":true');
    this.#torn = false;
    await this.#settle();
  }

  async close(): Promise<void> {
    await this.#log.close();
  }

  async #without(name: string, bytes: Buffer, at: number): Promise<void> {
    if (at > 0) await this.append(name, bytes.subarray(0, at));
    const end = bytes.indexOf(NEWLINE, at) + 1 || bytes.length;
    this.goOn(name, this.position(name) + end - at);
    if (end < bytes.length) await this.append(name, bytes.subarray(end));
  }

  #markOf(name: string, before: '\n' | '', more = ''): Buffer {
    return Buffer.from(`${before}${MARK}${JSON.stringify(name)},"at":${this.position(name)}${more}}\n`);
  }

  async #settle(): Promise<void> {
    while (this.#owed.length > 0) {
      const { bytesWritten } = await this.#log.write(this.#owed, 0, this.#owed.length);
      this.#owed = this.#owed.subarray(bytesWritten);
      this.#length += bytesWritten;
    }
  }
}

/** True if an event of a copied log says that something is missing in the log. */
export function isGap(event: Json): boolean {
  return event.type === MARK_TYPE && event.gap === true;
}

/**
 * The position of the first line that looks like a mark. -1 if there is no such line.
 *
 * @param begins true if the bytes begin with a new line
 */
function forgedMark(bytes: Buffer, begins: boolean): number {
  if (begins && bytes.subarray(0, MARK.length).equals(Buffer.from(MARK))) return 0;
  const found = bytes.indexOf(MARKED_LINE);
  return found < 0 ? -1 : found + 1;
}

interface Found {
  positions: Map<string, number>;
  current: string;
  torn: boolean;
  /** True if the log ends within a mark. */
  cut: boolean;
  /** The length of the log, in bytes. */
  length: number;
}

/**
 * Reads from a log of any length how far each file is copied. The lines before the first mark are from the file without a name.
 */
async function positionsIn(log: FileHandle): Promise<Found> {
  const positions = new Map<string, number>();
  const { size } = await log.stat();
  let current = '';
  /** Where the bytes of the current file begin: in that file, and in the log. */
  let [fileAt, logAt] = [0, 0];
  // The line end in front makes the first line begin like all others.
  let window = Buffer.from('\n');
  let windowAt = -1;
  while (windowAt + window.length < size) {
    const buffer = Buffer.allocUnsafe(CHUNK_BYTES);
    const { bytesRead } = await log.read(buffer, 0, CHUNK_BYTES, windowAt + window.length);
    if (bytesRead === 0) break;
    window = Buffer.concat([window, buffer.subarray(0, bytesRead)]);
    let from = 0;
    for (let found = window.indexOf(MARKED_LINE); found >= 0; found = window.indexOf(MARKED_LINE, from)) {
      const end = window.indexOf(NEWLINE, found + 1);
      if (end < 0) break;
      const mark = parsed(window.subarray(found + 1, end).toString('utf8'));
      if (mark) {
        positions.set(current, fileAt + windowAt + found + 1 - logAt);
        [current, fileAt, logAt] = [mark.from, mark.at, windowAt + end + 1];
      }
      from = end;
    }
    // The end of the chunk is kept: the next chunk may continue a mark.
    const kept = Math.max(from, window.length - LONGEST_MARK, 0);
    windowAt += kept;
    window = window.subarray(kept);
  }
  const tail = window.subarray(window.lastIndexOf(NEWLINE) + 1);
  const cut = tail.length > 0 && MARK.startsWith(tail.toString('latin1', 0, MARK.length));
  positions.set(current, fileAt + size - logAt - (cut ? tail.length : 0));
  return { positions, current, torn: tail.length > 0, cut, length: size };
}

function parsed(line: string): { from: string; at: number } | undefined {
  try {
    const { from, at } = JSON.parse(line) as { from?: unknown; at?: unknown };
    return typeof from === 'string' && Number.isSafeInteger(at) ? { from, at: at as number } : undefined;
  } catch {
    return undefined; // A full disk has cut the mark.
  }
}
