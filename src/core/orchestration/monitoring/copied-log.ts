import type { FileHandle } from 'node:fs/promises';
import type { Json } from './content-blocks.js';

const CHUNK_BYTES = 64 * 1024;
/** The type of the lines that are ours. No line of a transcript is copied that begins like one. */
const MARK_TYPE = 'autonomous-orchestration';
/** Begins a line of ours, which tells from which transcript the lines behind it are. */
const MARK = `{"type":"${MARK_TYPE}","from":`;
const MARKED_LINE = `\n${MARK}`;
const LONGEST_MARK = 300;
const NEWLINE = 0x0a;

/**
 * A log that is put together from several growing files. It tells by itself how far each is copied: what comes from another
 * file than what is before it, or from another place in it, stands behind a line that says so. So a copy can be gone on with
 * whenever its host was killed, and nothing is doubled or left out.
 */
export class CopiedLog {
  readonly #log: FileHandle;
  readonly #positions: Map<string, number>;
  /** The file whose bytes the log ends with; undefined where the next ones have to be marked. */
  #current: string | undefined;
  /** Whether the log ends within a line. */
  #torn: boolean;
  /** A line of ours, or what a full disk left of one: it is written before anything else. */
  #owed: Buffer = Buffer.alloc(0);
  #length: number;

  /** @throws Error where it cannot be opened or read */
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
    // It ends within a line of ours: those bytes are no transcript's, and the line is written anew.
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

  /** The file within a line of which the log ends: what comes next from another one would tear that line. */
  get unfinished(): string | undefined {
    return this.#torn ? this.#current : undefined;
  }

  /** Goes on with a file at another place. */
  goOn(name: string, position: number): void {
    this.#positions.set(name, position);
    if (this.#current === name) this.#current = undefined;
  }

  /**
   * Appends what comes next in a file; a line is only left unfinished where its rest is appended next.
   *
   * @throws Error where the disk takes no more; `position` tells how far it took
   */
  async append(name: string, bytes: Buffer): Promise<void> {
    const begins = !(this.#torn && this.#current === name);
    if (begins && MARK.startsWith(bytes.toString('latin1', 0, MARK.length + 1))) return; // Its rest may make it a line of ours.
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
   * Has the log tell that not everything is in it, see {@link isGap}: nobody may take it for the whole.
   *
   * @throws Error where the disk takes no more
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

/** Whether an event of such a log tells that something is missing in it. */
export function isGap(event: Json): boolean {
  return event.type === MARK_TYPE && event.gap === true;
}

/** Where a line begins that looks like ours. @param begins whether the bytes begin with a line */
function forgedMark(bytes: Buffer, begins: boolean): number {
  if (begins && bytes.subarray(0, MARK.length).equals(Buffer.from(MARK))) return 0;
  const found = bytes.indexOf(MARKED_LINE);
  return found < 0 ? -1 : found + 1;
}

interface Found {
  positions: Map<string, number>;
  current: string;
  torn: boolean;
  /** Whether the log ends within a mark. */
  cut: boolean;
  /** Of the log, in bytes. */
  length: number;
}

/** How far each file is copied, as a log of any length tells. Its first lines are of the file without a name. */
async function positionsIn(log: FileHandle): Promise<Found> {
  const positions = new Map<string, number>();
  const { size } = await log.stat();
  let current = '';
  /** Where the bytes of the current file begin: in that file, and in the log. */
  let [fileAt, logAt] = [0, 0];
  // With a line's end in front, so that the first line begins like all others.
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
    // Enough is kept for a mark that the chunk has cut.
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
    return undefined; // A full disk has cut the line.
  }
}
