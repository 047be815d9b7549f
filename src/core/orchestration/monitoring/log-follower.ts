import { fstatSync, readSync } from 'node:fs';
import type { FileHandle } from 'node:fs/promises';
import { basename, dirname } from 'node:path';
import { deferred } from '../deferred.js';
import { watchFolder } from '../files/folder-watch.js';
import { openRegularFile } from '../files/regular-file.js';

/** What one read takes in; live lines are far smaller. */
const CHUNK_BYTES = 64 * 1024;
/** A longer line is not held in memory: it is reported and skipped. Claude's longest, with images, are near 5 MB. */
export const MOST_LINE_BYTES = 16 * 1024 * 1024;
/** Reading goes on at most this long before the host application gets its turn. */
const SLICE_MS = 2;
/** How often the file is looked at beside the system's notifications, of which some may fail. */
const POLL_MS = 1_000;
const POLL_WITHOUT_WATCH_MS = 50;

export interface LogListener {
  /** A line, without its end; `complete` is false for a last one that has none. */
  onLine(line: string, complete: boolean): void;
  /** A line that was skipped because of its length; `start` are its first characters. */
  onOversized(start: string): void;
}

/**
 * Follows a growing file line by line from an offset on: each byte is read once and nothing is missed.
 *
 * Used in place of ChannelCoder's `monitorLog`, which drops lines that are not JSON, holds a line of any length in
 * memory, cannot tell that it has reached the end, prints its failures, and leaves its `tail` process behind when the
 * host is killed. A watch on the folder and reads at an offset have the same latency without a process.
 */
export class LogFollower {
  readonly #file: FileHandle;
  readonly #lines: LineSplitter;
  readonly #buffer = Buffer.allocUnsafe(CHUNK_BYTES);
  #offset: number;
  readonly #stopWatching: () => void;
  #scheduled: NodeJS.Immediate | undefined;
  readonly #caughtUp = deferred<void>();
  /** Of the file when it was opened, in bytes. `caughtUp` waits for no more: somebody may never cease to append. */
  readonly #sizeAtFirst: number;
  #drained: (() => void)[] = [];
  /** Where in the file reading stops, in bytes. */
  #drainTo = Number.POSITIVE_INFINITY;
  #closed = false;

  /**
   * Begins to follow.
   *
   * @param path an existing regular file; a link is refused, as it could lead anywhere on the host
   * @param offset where to begin, in bytes
   */
  static async open(path: string, offset: number, listener: LogListener): Promise<LogFollower> {
    const file = await openRegularFile(path);
    const { size } = await file.stat();
    return new LogFollower(path, file, { offset, size }, listener);
  }

  private constructor(
    path: string,
    file: FileHandle,
    { offset, size }: { offset: number; size: number },
    listener: LogListener,
  ) {
    this.#file = file;
    this.#offset = offset;
    this.#sizeAtFirst = size;
    this.#lines = new LineSplitter(listener);
    const name = basename(path);
    const onChange = (changed: string | null): void => {
      // The system tells of every file in the folder, as often as anybody touches one.
      if (changed === name || changed === null) this.#pumpSoon();
    };
    this.#stopWatching = watchFolder(dirname(path), onChange, {
      pollMs: POLL_MS,
      unwatchedPollMs: POLL_WITHOUT_WATCH_MS,
    });
    this.#pump();
  }

  /** Resolves when all is reported that the file held when it was opened, or when the follower is closed. */
  get caughtUp(): Promise<void> {
    return this.#caughtUp.promise;
  }

  /**
   * Reads what is there now, a last line without an end included, and stops following. What is appended meanwhile is
   * left out: somebody who goes on writing must not keep a run from its end.
   *
   * @param most how much is read at most, in bytes; the rest is left out. Default: all there is
   */
  async drain(most = Number.POSITIVE_INFINITY): Promise<void> {
    if (this.#closed) return;
    await new Promise<void>((resolve) => {
      this.#drainTo = Math.min(fstatSync(this.#file.fd).size, this.#offset + most);
      this.#drained.push(resolve);
      this.#pump();
    });
    this.#lines.end();
    this.close();
  }

  /** Stops following at once. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#stopWatching();
    clearImmediate(this.#scheduled);
    void this.#file.close();
    this.#caughtUp.resolve();
    for (const resolve of this.#drained.splice(0)) resolve();
  }

  /** Reads and reports for one slice of time, and schedules the next where there is more. */
  #pump(): void {
    if (this.#closed || this.#scheduled) return;
    const deadline = performance.now() + SLICE_MS;
    while (true) {
      const bytes = this.#read();
      // Many short lines take longer than their bytes let expect, so what was not done in time is read again.
      const done = bytes === 0 ? 0 : this.#lines.push(this.#buffer.subarray(0, bytes), deadline);
      this.#offset += done;
      if (this.#offset >= this.#sizeAtFirst) this.#caughtUp.resolve();
      if (this.#closed) return; // A listener may have done that.
      if (done === bytes && bytes < CHUNK_BYTES) {
        // The end of the file, or of what is wanted. What was appended since then has its own notification.
        this.#caughtUp.resolve();
        for (const resolve of this.#drained.splice(0)) resolve();
        return;
      }
      if (performance.now() > deadline) {
        this.#pumpSoon();
        return;
      }
    }
  }

  /** Pumps once after this turn of the event loop, however often it is called in it. */
  #pumpSoon(): void {
    if (this.#closed) return;
    this.#scheduled ??= setImmediate(() => {
      this.#scheduled = undefined;
      this.#pump();
    });
  }

  #read(): number {
    const wanted = Math.min(CHUNK_BYTES, this.#drainTo - this.#offset);
    if (wanted <= 0) return 0;
    try {
      // Synchronous, and short: 64 KB out of the page cache take some 10 µs, a turn over the thread pool takes more.
      return readSync(this.#file.fd, this.#buffer, 0, wanted, this.#offset);
    } catch {
      return 0; // Tried again at the next notification.
    }
  }
}

const NEWLINE = 0x0a;
/** Size of a block of carried bytes; most lines fit into one. */
const CARRIED_BLOCK_BYTES = 16 * 1024;

/** Cuts bytes into lines; a line that spans several chunks is carried as bytes, so that no character is torn. */
class LineSplitter {
  readonly #listener: LogListener;
  /** In blocks that are filled up: a line may come in single bytes, and each buffer costs more than that. */
  #carried: { block: Buffer; used: number }[] = [];
  #carriedBytes = 0;
  #skipping = false;

  constructor(listener: LogListener) {
    this.#listener = listener;
  }

  /** Reports the lines in a chunk until the deadline; answers how many bytes are done with. At least one line is. */
  push(chunk: Buffer, deadline: number): number {
    let start = 0;
    for (let end = chunk.indexOf(NEWLINE); end >= 0; end = chunk.indexOf(NEWLINE, start)) {
      this.#complete(chunk.subarray(start, end));
      start = end + 1;
      if (performance.now() > deadline) return start;
    }
    if (start < chunk.length) this.#carry(chunk.subarray(start));
    return chunk.length;
  }

  /** The file has ended: what is carried is a line, too. */
  end(): void {
    if (this.#carriedBytes > 0) this.#complete(Buffer.alloc(0), false);
  }

  #complete(rest: Buffer, complete = true): void {
    if (this.#skipping) {
      this.#skipping = false;
      return;
    }
    if (this.#carriedBytes === 0) {
      if (rest.length > 0) this.#listener.onLine(rest.toString('utf8'), complete);
      return;
    }
    const line = Buffer.concat([...this.#parts(), rest]);
    this.#drop();
    this.#listener.onLine(line.toString('utf8'), complete);
  }

  #carry(part: Buffer): void {
    if (this.#skipping) return;
    if (this.#carriedBytes + part.length > MOST_LINE_BYTES) {
      const [start = part] = this.#parts();
      const shown = start.subarray(0, 500).toString('utf8');
      this.#drop();
      this.#skipping = true;
      this.#listener.onOversized(shown);
      return;
    }
    let last = this.#carried.at(-1);
    if (!last || last.block.length - last.used < part.length) {
      last = { block: Buffer.allocUnsafe(Math.max(CARRIED_BLOCK_BYTES, part.length)), used: 0 };
      this.#carried.push(last);
    }
    last.used += part.copy(last.block, last.used);
    this.#carriedBytes += part.length;
  }

  #parts(): Buffer[] {
    return this.#carried.map(({ block, used }) => block.subarray(0, used));
  }

  #drop(): void {
    this.#carried = [];
    this.#carriedBytes = 0;
  }
}
