import { type FileHandle, lstat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { deferred } from '../util/deferred.js';
import { watchFolder } from '../util/fs/folder-watch.js';
import { MOST_LATE_MS, MOST_UNREAD_BYTES } from './backlog.js';
import { CopiedLog } from './copied-log.js';
import { OtherTranscripts, type TranscriptPlace } from './other-transcripts.js';
import { openTranscript } from './transcript-file.js';
import { TranscriptLines, type TranscriptState } from './transcript-lines.js';

/** How often the transcripts are read without a notification: the system reports changes in one folder only. */
const POLL_MS = 1_000;
/** How often the conversation's transcript is looked for until it exists. Its folder may not exist yet, either. */
const LOOK_MS = 100;
/**
 * How many bytes each replacement of the conversation's transcript counts, so that an agent cannot go on replacing it for ever.
 */
const REPLACED_BYTES = 1024 * 1024;
const MAIN = '';

export interface CopyLimits {
  /** How much of the other transcripts is read before the conversation's own gets its turn, in bytes. Default 64 MiB. */
  othersBytes: number;
  /**
   * How much is read when the run has ended, in bytes. Default 256 MiB: Claude leaves some lines, but an agent may leave any
   * amount.
   */
  drainBytes: number;
}

const LIMITS: CopyLimits = { othersBytes: 64 * 1024 * 1024, drainBytes: 256 * 1024 * 1024 };

export interface TranscriptCopyOptions extends TranscriptPlace {
  /** Opens the log to append to it. */
  openLog: () => Promise<FileHandle>;
  /** Opens the log to read how far each transcript is copied. */
  readLog: () => Promise<FileHandle>;
  /** How long the log may be, in bytes. Nothing is copied to a longer one. Default: no limit. */
  mostLogBytes?: number;
  limits?: Partial<CopyLimits>;
}

/**
 * Copies the transcripts of Claude's terminal UI to the session's log, line by line: those of the conversation, and those of its
 * subagents. The lines of a subagent are copied before its result. The agent can write to its transcripts and remove them. The
 * log keeps what was copied, and records how far the copy is, so that another process can continue it.
 *
 * The agent can also make any number of files of any size. What is beyond a limit, or is not written by Claude, is left out, and
 * the log records a gap.
 */
export class TranscriptCopy {
  readonly #options: TranscriptCopyOptions;
  readonly #limits: CopyLimits;
  readonly #appeared = deferred<void>();
  /** The conversation's own transcript. It is kept open, because the agent may move it away. */
  #transcript: FileHandle | undefined;
  #log: CopiedLog | undefined;
  #stopWatching: (() => void) | undefined;
  readonly #others: OtherTranscripts;
  readonly #lines = new TranscriptLines();
  #onBehind: (behind: boolean) => void = () => {};
  #behind = false;
  /** When the current pass over all transcripts began. */
  #passAt = 0;
  /** Whether something is missing in the log, and whether the log says so. */
  #gap: 'none' | 'found' | 'noted' = 'none';
  #bytesRead = 0;
  #mostBytes = Number.POSITIVE_INFINITY;
  #copying: Promise<void> | undefined;
  #opening: Promise<void> | undefined;
  #again = false;
  #closed = false;
  /** True if the run has ended. Then a last line without a line end will never be completed. */
  #draining = false;

  constructor(options: TranscriptCopyOptions) {
    this.#options = options;
    this.#limits = { ...LIMITS, ...options.limits };
    this.#others = new OtherTranscripts(options);
    void this.#begin();
  }

  /** Resolves when there is a transcript. Never resolves if there is no transcript. */
  get appeared(): Promise<void> {
    return this.#appeared.promise;
  }

  /** Calls the listener when transcripts are written faster than they are copied, and when the copy has caught up. */
  watchBacklog(listener: (behind: boolean) => void): void {
    this.#onBehind = listener;
    if (this.#behind) listener(true);
  }

  /** Copies what is there now. */
  async look(): Promise<void> {
    await this.#open();
    await this.#copy();
  }

  /**
   * Called when the run has ended. Copies what is there now, including a last line without a line end, and stops. Never rejects.
   */
  async drain(): Promise<void> {
    this.#draining = true;
    this.#stopWatching?.(); // A process that goes on touching files must not keep the run from its end.
    this.#mostBytes = Math.min(this.#mostBytes, this.#bytesRead + this.#limits.drainBytes);
    await this.#opening; // This may have looked before there was a transcript. So the transcript is opened again below.
    await this.#open();
    await this.#copying;
    await this.#copy();
    await this.close();
  }

  /** Stops after the line that is being copied. Once this has resolved, another process can continue the copy. Never rejects. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#stopWatching?.();
    await this.#opening;
    await this.#copying;
    const [transcript, log] = [this.#transcript, this.#log];
    this.#transcript = undefined;
    this.#log = undefined;
    await Promise.allSettled([transcript?.close(), log?.close()]);
  }

  async #begin(): Promise<void> {
    while (!this.#closed && !this.#transcript) {
      await this.#open();
      if (!this.#transcript) await delay(LOOK_MS, undefined, { ref: false });
    }
    if (this.#closed || this.#draining) return;
    const { folder, conversationId } = this.#options;
    // The system reports each change of each file in the folder.
    const onChange = (name: string | null): void => {
      if (name === null || name === `${conversationId}.jsonl` || this.#others.isConversation(name)) void this.#copy();
    };
    this.#stopWatching = watchFolder(folder, onChange, { pollMs: POLL_MS, unwatchedPollMs: POLL_MS });
    await this.#copy();
  }

  #open(): Promise<void> {
    if (this.#transcript || this.#closed) return Promise.resolve();
    this.#opening ??= this.#openBoth().finally(() => {
      this.#opening = undefined;
    });
    return this.#opening;
  }

  async #openBoth(): Promise<void> {
    const { folder, conversationId, openLog, readLog } = this.#options;
    const transcript = await openTranscript(folder, `${conversationId}.jsonl`);
    if (!transcript) return;
    try {
      this.#log = await CopiedLog.open(openLog, readLog);
      this.#transcript = transcript;
      this.#appeared.resolve();
    } catch {
      await transcript.close().catch(() => {}); // The disk may be full. Opening is tried again.
    }
  }

  /** Copies in one pass. Passes never overlap: a request during a pass triggers one more pass. */
  #copy(): Promise<void> {
    this.#again = true;
    this.#copying ??= this.#copyAll().finally(() => {
      this.#copying = undefined;
      this.#tell(false);
    });
    return this.#copying;
  }

  async #copyAll(): Promise<void> {
    while (this.#again && this.#mayRead() && this.#transcript && this.#log) {
      this.#again = false;
      this.#passAt = performance.now();
      try {
        const { unfinished } = this.#log;
        if (unfinished === MAIN) await this.#copyFrom(this.#log, MAIN, this.#transcript);
        else if (unfinished !== undefined) await this.#copyOther(this.#log, unfinished);
        await this.#copyOthers(this.#log);
        await this.#copyFrom(this.#log, MAIN, this.#transcript);
        await this.#replaced(this.#transcript);
        await this.#noteGap(this.#log);
      } catch {
        return; // The disk may be full. The next pass tries again.
      }
    }
  }

  /** @param most a further limit for `#bytesRead`, for a part of the copying */
  #mayRead(most = Number.POSITIVE_INFINITY): boolean {
    const { mostLogBytes = Number.POSITIVE_INFINITY } = this.#options;
    const isFull = (this.#log?.length ?? 0) > mostLogBytes;
    return (!this.#closed || this.#draining) && !isFull && this.#bytesRead < Math.min(most, this.#mostBytes);
  }

  #tell(behind: boolean): void {
    if (behind === this.#behind) return;
    this.#behind = behind;
    this.#onBehind(behind);
  }

  #foundGap(): void {
    if (this.#gap === 'none') this.#gap = 'found';
  }

  async #noteGap(log: CopiedLog): Promise<void> {
    if (this.#bytesRead >= this.#mostBytes) this.#foundGap();
    if (this.#gap !== 'found') return;
    await log.noteGap();
    this.#gap = 'noted';
  }

  /** Copies the transcripts that belong to the conversation besides its own. */
  async #copyOthers(log: CopiedLog): Promise<void> {
    const most = this.#bytesRead + this.#limits.othersBytes;
    const { names, complete } = await this.#others.find();
    if (!complete) this.#foundGap();
    for (const name of names) {
      if (!this.#mayRead(most)) break;
      await this.#copyOther(log, name, most);
    }
    if (this.#bytesRead >= most) this.#again = true;
  }

  /** @param name a path inside the folder */
  async #copyOther(log: CopiedLog, name: string, most?: number): Promise<void> {
    const { folder } = this.#options;
    const path = join(folder, name);
    const size = await lstat(path).then(
      (stats) => stats.size,
      () => undefined,
    );
    if (size === undefined) return;
    const copied = log.position(name);
    if (size === (this.#draining ? copied : this.#lines.searchedTo(name, copied, size))) return;
    const file = await openTranscript(dirname(path), basename(path), dirname(folder));
    if (!file) return;
    try {
      await this.#copyFrom(log, name, file, most);
    } finally {
      await file.close();
    }
  }

  /**
   * If another file is in the place of the conversation's transcript, Claude writes to that file, so it is copied from now on.
   */
  async #replaced(transcript: FileHandle): Promise<void> {
    const { folder, conversationId } = this.#options;
    const now = await openTranscript(folder, `${conversationId}.jsonl`);
    if (!now) return;
    const [before, after] = await Promise.all([transcript.stat(), now.stat()]).catch(() => []);
    if (!before || !after || (before.ino === after.ino && before.dev === after.dev)) return now.close();
    this.#log?.goOn(MAIN, 0);
    this.#lines.forget(MAIN);
    this.#transcript = now;
    this.#again = true;
    this.#bytesRead += REPLACED_BYTES;
    await transcript.close();
  }

  /** @throws Error if the disk is full */
  async #copyFrom(log: CopiedLog, name: string, file: FileHandle, most?: number): Promise<void> {
    const { size } = await file.stat();
    // The transcript was cut short. What it still holds is copied already.
    if (log.position(name) > size) log.goOn(name, size);
    const transcript = { name, file, size };
    while (this.#mayRead(most) && !this.#lines.isRefused(name)) {
      const line = log.position(name);
      if (size - line > MOST_UNREAD_BYTES || performance.now() - this.#passAt > MOST_LATE_MS) this.#tell(true);
      const next = await this.#lines.next(transcript, line);
      if (next.kind === 'end') {
        if (this.#draining) await this.#copyUnfinished(log, transcript);
        return; // What is appended later has a notification of its own.
      }
      this.#bytesRead += next.read;
      if (next.kind === 'lines') await log.append(name, next.bytes);
      if (next.kind === 'skipped') log.goOn(name, next.to);
      if (next.kind === 'refused') this.#foundGap();
    }
  }

  async #copyUnfinished(log: CopiedLog, transcript: TranscriptState): Promise<void> {
    const bytes = await this.#lines.unfinished(transcript, log.position(transcript.name));
    this.#bytesRead += bytes.length;
    if (bytes.length > 0) await log.append(transcript.name, bytes);
  }
}
