import { fstatSync, readSync } from 'node:fs';
import type { FileHandle } from 'node:fs/promises';
import { basename, dirname } from 'node:path';
import { deferred } from '../util/deferred.js';
import { watchFolder } from '../util/fs/folder-watch.js';
import { openRegularFile } from '../util/fs/regular-file.js';
import { Backlog } from './backlog.js';
import { LineSplitter } from './line-splitter.js';
import type { LogListener, LogPlace, LogSource } from './log-source.js';

/** What one read takes in; live lines are far smaller. */
const CHUNK_BYTES = 64 * 1024;
/** Reading goes on at most this long before the host application gets its turn. */
const SLICE_MS = 2;
/** How often the file is looked at beside the system's notifications, of which some may fail. */
const POLL_MS = 1_000;
const POLL_WITHOUT_WATCH_MS = 50;

type LineLogListener = Omit<LogListener, 'onEvent' | 'onOtherLine'>;

/**
 * Follows a growing file line by line from an offset on: each byte is read once and nothing is missed.
 *
 * Used in place of ChannelCoder's `monitorLog`, which drops lines that are not JSON, holds a line of any length in
 * memory, cannot tell that it has reached the end, prints its failures, and leaves its `tail` process behind when the
 * host is killed. A watch on the folder and reads at an offset have the same latency without a process.
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
  /** Of the file when it was opened, in bytes. `caughtUp` waits for no more: somebody may never cease to append. */
  readonly #sizeAtFirst: number;
  readonly #mostBytes: number;
  #full = false;
  #drained: (() => void)[] = [];
  /** Where in the file reading stops, in bytes. */
  #drainTo = Number.POSITIVE_INFINITY;
  #closed = false;

  /**
   * Begins to follow.
   *
   * @param path an existing regular file; a link is refused, as it could lead anywhere on the host
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
      // The system tells of every file in the folder, as often as anybody touches one.
      if (changed === name || changed === null) this.#pumpSoon();
    };
    this.#stopWatching = watchFolder(dirname(path), onChange, {
      pollMs: POLL_MS,
      unwatchedPollMs: POLL_WITHOUT_WATCH_MS,
    });
    this.#measure(size);
    this.#pump();
  }

  /** Resolves when all is reported that the file held when it was opened, or when the follower is closed. */
  get caughtUp(): Promise<void> {
    return this.#caughtUp.promise;
  }

  /**
   * Reads what is there now, a last line without an end included, and stops following. What is appended meanwhile is
   * left out: somebody who goes on writing must not keep a run from its end. So is the rest of what is too slow to read; the
   * listener is told of a `flood` then.
   *
   * @param most how much is read at most, in bytes; the rest is left out. Default: all there is
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

  /** Stops following at once. */
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

  /** Reads and reports for one slice of time, and schedules the next where there is more. */
  #pump(): void {
    if (this.#closed || this.#scheduled) return;
    const begun = performance.now();
    const deadline = begun + SLICE_MS;
    while (true) {
      const bytes = this.#read();
      // Many short lines take longer than their bytes let expect, so what was not done in time is read again.
      const done = bytes === 0 ? 0 : this.#lines.push(this.#buffer.subarray(0, bytes), deadline);
      this.#offset += done;
      if (this.#offset >= this.#sizeAtFirst) this.#caughtUp.resolve();
      if (this.#closed) return; // A listener may have done that.
      if (done === bytes && bytes < CHUNK_BYTES) {
        // The end of the file, or of what is wanted. What was appended since then has its own notification.
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

  /** There is more to read than a slice of time was enough for. */
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
