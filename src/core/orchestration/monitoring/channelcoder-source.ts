import { fstatSync } from 'node:fs';
import type { FileHandle } from 'node:fs/promises';
import { createInterface } from 'node:readline';
import { deferred } from '../util/deferred.js';
import { openRegularFile } from '../util/fs/regular-file.js';
import { type ChannelCoder, loadChannelCoder } from './load-channelcoder.js';
import { LogFollower } from './log-follower.js';
import type { LogEvent, LogListener, LogPlace, LogSource } from './log-source.js';

/** How often the length of the log is compared with its limit. */
const MEASURE_MS = 1_000;

/**
 * Reports the events that ChannelCoder's `monitorLog` finds in a log. It is for runs that ChannelCoder started itself.
 *
 * `monitorLog` reports neither the lines that are not JSON nor the end of the log. So when the run has ended, this class reads
 * the run's part of the log once. It reports the events that `monitorLog` has not reported by then, and all lines that are not
 * events. To know which events are new it counts them, so it splits and parses the log exactly as `monitorLog` does.
 *
 * This class never reports a backlog to a listener, because `monitorLog` does not say how far it has read. Lines of any length
 * are reported: `monitorLog` holds a whole line in memory, and a line of more than 512 MiB ends the process. The length of the
 * log is limited as in `LogFollower`, but checked once a second.
 */
export class ChannelCoderSource implements LogSource {
  readonly #channelCoder: ChannelCoder;
  readonly #file: FileHandle;
  readonly #place: Required<LogPlace>;
  readonly #listener: LogListener;
  readonly #caughtUp = deferred<void>();
  /** What earlier runs have left in the log. */
  #earlier: CompleteEvents = { count: 0, torn: false };
  /** How many events the log held when the source was opened. */
  #countAtOpen = 0;
  /** How many events `monitorLog` has reported. It begins with those of earlier runs. */
  #heard = 0;
  /** How many events, counted from the beginning of the log, must not be reported any more. */
  #done = 0;
  #stopMonitorLog: (() => void) | undefined;
  #monitoring = true;
  #timer: NodeJS.Timeout | undefined;
  #full = false;
  #closed = false;

  /**
   * Begins to report what the log holds after the offset.
   *
   * @returns a `LogFollower` if `monitorLog` cannot be called, or is a mock that does nothing
   * @throws Error if the log is missing, a link, or not a regular file
   */
  static async open(path: string, place: LogPlace, listener: LogListener): Promise<LogSource> {
    const source = new ChannelCoderSource(await loadChannelCoder(), await openRegularFile(path), place, listener);
    try {
      await source.#begin(path);
      return source;
    } catch {
      // ChannelCoder is mocked by a module whose `monitorLog` is missing or does nothing, or `tail` cannot be started.
      source.close();
      return LogFollower.open(path, place, listener);
    }
  }

  private constructor(channelCoder: ChannelCoder, file: FileHandle, place: LogPlace, listener: LogListener) {
    this.#channelCoder = channelCoder;
    this.#file = file;
    this.#place = { mostBytes: Number.POSITIVE_INFINITY, ...place };
    this.#listener = listener;
  }

  /** Resolves when the events are reported that the log held when the source was opened, or when the source is closed. */
  get caughtUp(): Promise<void> {
    return this.#caughtUp.promise;
  }

  /**
   * Ends `monitorLog`, reports what it has not reported, and closes the source. What lies beyond `LogPlace.mostBytes` is left
   * out.
   *
   * @throws Error if the log cannot be read
   */
  async drain(): Promise<void> {
    if (this.#closed) return;
    this.#endMonitorLog();
    const { size } = fstatSync(this.#file.fd);
    this.#measure(size);
    const { offset, mostBytes } = this.#place;
    let { count, torn } = this.#earlier;
    const read = (line: string): void => {
      if (this.#closed) return;
      // To `monitorLog` the rest of a torn line is not a line of its own.
      const event = torn ? null : this.#channelCoder.streamParser.parseStreamEvent(line);
      torn = false;
      if (!event) this.#listener.onOtherLine(line);
      else if (++count > this.#done) this.#listener.onEvent(event);
    };
    await eachLine(this.#file, { start: offset, end: Math.min(size, mostBytes) }, read);
    this.close();
  }

  /** Ends `monitorLog` and reports nothing more. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#endMonitorLog();
    void this.#file.close();
    this.#caughtUp.resolve();
  }

  async #begin(path: string): Promise<void> {
    const { size } = fstatSync(this.#file.fd);
    this.#earlier = await completeEvents(this.#channelCoder, this.#file, this.#place.offset);
    this.#countAtOpen = (await completeEvents(this.#channelCoder, this.#file, size)).count;
    this.#done = this.#earlier.count;
    if (this.#done >= this.#countAtOpen) this.#caughtUp.resolve();
    const hear = (event: LogEvent): void => this.#hear(event);
    // Without a number `monitorLog` reports the last ten lines only.
    const stop: unknown = this.#channelCoder.monitorLog(path, hear, { initialLines: Number.MAX_SAFE_INTEGER });
    if (typeof stop === 'function') this.#stopMonitorLog = () => stop();
    else if (this.#heard === 0) throw new Error('monitorLog is mocked, and reports nothing');
    this.#timer = setInterval(() => this.#measure(fstatSync(this.#file.fd).size), MEASURE_MS).unref();
    this.#measure(size);
  }

  #hear(event: LogEvent): void {
    // After its cleanup function was called, `monitorLog` still reports the lines that it has read already.
    if (!this.#monitoring) return;
    this.#heard++;
    if (this.#heard <= this.#done) return;
    this.#done = this.#heard;
    this.#listener.onEvent(event);
    if (this.#done >= this.#countAtOpen) this.#caughtUp.resolve();
  }

  #measure(size: number): void {
    if (this.#full || size <= this.#place.mostBytes) return;
    this.#full = true;
    this.#endMonitorLog(); // It would hold the next line in memory, however long that is.
    this.#listener.onFull?.();
  }

  #endMonitorLog(): void {
    this.#monitoring = false;
    clearInterval(this.#timer);
    this.#stopMonitorLog?.();
    this.#stopMonitorLog = undefined;
  }
}

/** What the complete lines of a part of the log hold. */
interface CompleteEvents {
  count: number;
  /** True if the part ends within a line. */
  torn: boolean;
}

async function completeEvents({ streamParser }: ChannelCoder, file: FileHandle, end: number): Promise<CompleteEvents> {
  let count = 0;
  let isLastOne = false;
  await eachLine(file, { start: 0, end }, (line) => {
    isLastOne = streamParser.parseStreamEvent(line) !== null;
    if (isLastOne) count++;
  });
  const torn = end > 0 && (await file.read(Buffer.alloc(1), 0, 1, end - 1)).buffer[0] !== NEWLINE;
  return { count: torn && isLastOne ? count - 1 : count, torn };
}

const NEWLINE = 0x0a;

/** Splits a part of the log as `monitorLog` does: with Node's `readline`, to which a lone CR ends a line too. */
async function eachLine(
  file: FileHandle,
  { start, end }: { start: number; end: number },
  onLine: (line: string) => void,
): Promise<void> {
  if (end <= start) return;
  const input = file.createReadStream({ start, end: end - 1, autoClose: false });
  const lines = createInterface({ input, crlfDelay: Number.POSITIVE_INFINITY });
  lines.on('line', onLine);
  await new Promise<void>((resolve, reject) => {
    lines.once('close', resolve);
    input.once('close', resolve); // The file was closed by `close()`.
    input.once('error', reject);
  });
}
