import { close, constants, type FSWatcher, fstat, fstatSync, open, readSync, watch } from 'node:fs';
import { basename, dirname } from 'node:path';
import { promisify } from 'node:util';
import { deferred } from '../deferred.js';

/** What one read takes in; live lines are far smaller. */
const CHUNK_BYTES = 64 * 1024;
/** A longer line is not held in memory: it is reported and skipped. Claude's longest, with images, are near 5 MB. */
export const MOST_LINE_BYTES = 16 * 1024 * 1024;
/** Reading goes on at most this long before the host application gets its turn. */
const SLICE_MS = 2;
/** Looks after the log where the system's notifications fail; they are what counts. */
const POLL_MS = 1_000;
const POLL_WITHOUT_WATCH_MS = 50;

export interface LogListener {
  /** A line, without its end; `complete` is false for a last one that has none. */
  onLine(line: string, complete: boolean): void;
  /** A line that was skipped because of its length. */
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
  readonly #fd: number;
  readonly #lines: LineSplitter;
  readonly #buffer = Buffer.allocUnsafe(CHUNK_BYTES);
  #offset: number;
  #watcher: FSWatcher | undefined;
  #timer: NodeJS.Timeout | undefined;
  #scheduled: NodeJS.Immediate | undefined;
  readonly #caughtUp = deferred<void>();
  /** In bytes. What is appended while it is read is not waited for: somebody may never cease to. */
  readonly #sizeAtFirst: number;
  #drained: (() => void)[] = [];
  /** Where to stop, in bytes. */
  #drainTo = Number.POSITIVE_INFINITY;
  #closed = false;

  /**
   * Begins to follow.
   *
   * @param path an existing regular file; a link is refused, as it could lead anywhere on the host
   * @param offset where to begin, in bytes
   */
  static async open(path: string, offset: number, listener: LogListener): Promise<LogFollower> {
    const fd = await promisify(open)(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
    const stats = await promisify(fstat)(fd);
    if (!stats.isFile()) {
      close(fd);
      throw new Error(`${path} is not a regular file`);
    }
    return new LogFollower(path, fd, { offset, size: stats.size }, listener);
  }

  private constructor(
    path: string,
    fd: number,
    { offset, size }: { offset: number; size: number },
    listener: LogListener,
  ) {
    this.#fd = fd;
    this.#offset = offset;
    this.#sizeAtFirst = size;
    this.#lines = new LineSplitter(listener);
    try {
      const name = basename(path);
      this.#watcher = watch(dirname(path), (_, file) => {
        if (file === name || file === null) this.#pump();
      });
      this.#watcher.on('error', () => this.#pollOnly());
      this.#timer = setInterval(() => this.#pump(), POLL_MS).unref();
    } catch {
      this.#pollOnly(); // The system has no more watches to give.
    }
    this.#pump();
  }

  /** Resolves when it has reported all that was in the file at first, or was closed. */
  get caughtUp(): Promise<void> {
    return this.#caughtUp.promise;
  }

  /**
   * Reads what is there now, a last line without an end included, and stops following. What is appended meanwhile is
   * left out: somebody who goes on writing must not keep a run from its end.
   */
  async drain(): Promise<void> {
    if (this.#closed) return;
    await new Promise<void>((resolve) => {
      this.#drainTo = fstatSync(this.#fd).size;
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
    this.#watcher?.close();
    clearInterval(this.#timer);
    clearImmediate(this.#scheduled);
    close(this.#fd);
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
        this.#scheduled = setImmediate(() => {
          this.#scheduled = undefined;
          this.#pump();
        });
        return;
      }
    }
  }

  #read(): number {
    const wanted = Math.min(CHUNK_BYTES, this.#drainTo - this.#offset);
    if (wanted <= 0) return 0;
    try {
      // Synchronous, and short: 64 KB out of the page cache take some 10 µs, a turn over the thread pool takes more.
      return readSync(this.#fd, this.#buffer, 0, wanted, this.#offset);
    } catch {
      return 0; // Tried again at the next notification.
    }
  }

  #pollOnly(): void {
    this.#watcher?.close();
    this.#watcher = undefined;
    clearInterval(this.#timer);
    if (!this.#closed) this.#timer = setInterval(() => this.#pump(), POLL_WITHOUT_WATCH_MS);
  }
}

const NEWLINE = 0x0a;
/** Most lines fit into one. */
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
