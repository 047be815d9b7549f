import { fstatSync, readSync } from 'node:fs';
import type { FileHandle } from 'node:fs/promises';
import { basename, dirname } from 'node:path';
import { deferred } from '../util/deferred.js';
import { watchFolder } from '../util/fs/folder-watch.js';
import { openRegularFile } from '../util/fs/regular-file.js';
import { Backlog } from './backlog.js';
import { LineSplitter } from './line-splitter.js';
import type { LogListener, LogPlace, LogSource } from './log-source.js';

/** How many bytes one read gets at most. What Claude writes at a time is far smaller. */
const CHUNK_BYTES = 64 * 1024;
/** How long reading may block the event loop before the rest of the process gets its turn. */
const SLICE_MS = 2;
/** How often the file is read even if the system reports no change: a notification may get lost. */
const POLL_MS = 1_000;
const POLL_WITHOUT_WATCH_MS = 50;

type LineLogListener = Omit<LogListener, 'onEvent' | 'onOtherLine'>;

/**
 * Reports the lines of a growing file from an offset on. It reads each byte once and misses no byte.
 *
 * If this library has started the run, this class is used instead of ChannelCoder's `monitorLog`. `monitorLog` drops lines that
 * are not JSON, holds a line of any length in memory, cannot tell that it has reached the end, prints its failures, and leaves
 * its `tail` process behind when this process is killed. A watch on the folder and reads at an offset are as fast, without a
 * process.
 */
export class LogFollower implements LogSource {
  readonly #file: FileHandle;
  readonly #listener: LineLogListener;
  readonly #lines: LineSplitter;
  readonly #backlog: Backlog;
  readonly #buffer = Buffer.allocUnsafe(CHUNK_BYTES);
  #offset: number;
  readonly #stopWatching: () => void;
  #scheduled: NodeJS.Immediate | undefined;
  readonly #caughtUp = deferred<void>();
  /**
   * The size of the file when it was opened, in bytes. `caughtUp` waits for no more, because a process may append without end.
   */
  readonly #sizeAtFirst: number;
  readonly #mostBytes: number;
  #full = false;
  #drained: (() => void)[] = [];
  /** Where reading stops, in bytes from the beginning of the file. */
  #drainTo = Number.POSITIVE_INFINITY;
  #closed = false;

  /**
   * Begins to report.
   *
   * @param path an existing regular file; a link is refused, because it could lead anywhere on the machine
   */
  static async open(path: string, place: LogPlace, listener: LineLogListener): Promise<LogFollower> {
    const file = await openRegularFile(path);
    const { size } = await file.stat();
    return new LogFollower(path, file, { ...place, size }, listener);
  }

  private constructor(
    path: string,
    file: FileHandle,
    { offset, size, mostBytes = Number.POSITIVE_INFINITY }: LogPlace & { size: number },
    listener: LineLogListener,
  ) {
    this.#file = file;
    this.#offset = offset;
    this.#sizeAtFirst = size;
    this.#mostBytes = mostBytes;
    this.#listener = listener;
    this.#lines = new LineSplitter(listener);
    this.#backlog = new Backlog((state) => listener.onBacklog?.(state));
    const name = basename(path);
    const onChange = (changed: string | null): void => {
      // The system reports each change of each file in the folder.
      if (changed === name || changed === null) this.#pumpSoon();
    };
    this.#stopWatching = watchFolder(dirname(path), onChange, {
      pollMs: POLL_MS,
      unwatchedPollMs: POLL_WITHOUT_WATCH_MS,
    });
    this.#measure(size);
    this.#pump();
  }

  /** Resolves when everything is reported that the file held when it was opened, or when the follower is closed. */
  get caughtUp(): Promise<void> {
    return this.#caughtUp.promise;
  }

  /**
   * Reports what the file holds now, including a last line without a line end, and closes the follower. What is appended during
   * this call is left out, because a process that goes on writing must not keep a run from its end. If reading takes too
   * long, the rest is left out as well, and `onBacklog` is called with `flood`.
   *
   * @param most how many bytes are read at most; the rest is left out. Default: no limit
   */
  async drain(most = Number.POSITIVE_INFINITY): Promise<void> {
    if (this.#closed) return;
    this.#backlog.close();
    await new Promise<void>((resolve) => {
      this.#drainTo = Math.min(fstatSync(this.#file.fd).size, this.#offset + most);
      this.#drained.push(resolve);
      this.#pump();
    });
    this.#lines.end();
    this.close();
  }

  /** Stops at once. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#lines.stop();
    this.#stopWatching();
    clearImmediate(this.#scheduled);
    void this.#file.close();
    this.#caughtUp.resolve();
    for (const resolve of this.#drained.splice(0)) resolve();
  }

  /** Reads and reports for one slice of time, and schedules the next slice if there is more. */
  #pump(): void {
    if (this.#closed || this.#scheduled) return;
    const begun = performance.now();
    const deadline = begun + SLICE_MS;
    while (true) {
      const bytes = this.#read();
      // Many short lines may take too long. Those that were not reported in time are read again.
      const done = bytes === 0 ? 0 : this.#lines.push(this.#buffer.subarray(0, bytes), deadline);
      this.#offset += done;
      if (this.#offset >= this.#sizeAtFirst) this.#caughtUp.resolve();
      if (this.#closed) return; // A listener may have closed the follower.
      if (done === bytes && bytes < CHUNK_BYTES) {
        // This is the end of the file or of the part to be read. What is appended later has a notification of its own.
        this.#measure(this.#offset);
        this.#atEnd();
        return;
      }
      if (performance.now() > deadline) {
        this.#behind(begun);
        return;
      }
    }
  }

  #atEnd(): void {
    if (this.#drained.length === 0) this.#backlog.none();
    this.#caughtUp.resolve();
    for (const resolve of this.#drained.splice(0)) resolve();
  }

  /** A slice of time was not enough to read everything. */
  #behind(begun: number): void {
    const size = fstatSync(this.#file.fd).size;
    this.#measure(size);
    const counts = this.#offset > this.#sizeAtFirst;
    this.#backlog.left({ offset: this.#offset, size }, performance.now() - begun, counts);
    if (this.#closed) return;
    if (this.#drained.length > 0 && this.#backlog.flooded) this.#atEnd();
    else this.#pumpSoon();
  }

  #measure(size: number): void {
    if (this.#full || size <= this.#mostBytes) return;
    this.#full = true;
    this.#listener.onFull?.();
  }

  /** Reads once after this turn of the event loop, however often it is called in this turn. */
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
      // A synchronous read is shorter here: 64 KB from the page cache take about 10 µs, the thread pool takes longer.
      return readSync(this.#file.fd, this.#buffer, 0, wanted, this.#offset);
    } catch {
      return 0; // The next notification tries again.
    }
  }
}
