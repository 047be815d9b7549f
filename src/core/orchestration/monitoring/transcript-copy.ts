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

/** How often the transcripts are looked at beside the system's notifications, which tell of one folder only. */
const POLL_MS = 1_000;
/** How often the conversation's transcript is looked for until it is there; its folder may not be there either. */
const LOOK_MS = 100;
/** What a further transcript in the place of the conversation's own counts, in bytes: nobody can go on replacing it for ever. */
const REPLACED_BYTES = 1024 * 1024;
const MAIN = '';

export interface CopyLimits {
  /** What is read of other transcripts before it is the turn of the conversation's own, in bytes. Default 64 MiB. */
  othersBytes: number;
  /** What is read when the run has ended, in bytes. Default 256 MiB: Claude leaves some lines, an agent any amount. */
  drainBytes: number;
}

const LIMITS: CopyLimits = { othersBytes: 64 * 1024 * 1024, drainBytes: 256 * 1024 * 1024 };

export interface TranscriptCopyOptions extends TranscriptPlace {
  openLog: () => Promise<FileHandle>;
  /** Opens the log to read what it has by now. */
  readLog: () => Promise<FileHandle>;
  /** How long the log may be, in bytes: nothing is copied to one that is longer. Default: of any length. */
  mostLogBytes?: number;
  limits?: Partial<CopyLimits>;
}

/**
 * Copies what Claude's terminal UI writes into the transcripts of its conversation and its subagents to the session's log:
 * line by line, and those of a subagent before its result. The agent can write to its transcripts, and take
 * them away again: the log keeps what was in them, and tells the next host how far the copy is.
 *
 * The agent can make any number of files as well, of any size. What goes beyond a limit, or is nothing that Claude writes, is
 * left out, and the log tells that there is a gap.
 */
export class TranscriptCopy {
  readonly #options: TranscriptCopyOptions;
  readonly #limits: CopyLimits;
  readonly #appeared = deferred<void>();
  /** The conversation's own. Kept open: it may be moved away. */
  #transcript: FileHandle | undefined;
  #log: CopiedLog | undefined;
  #stopWatching: (() => void) | undefined;
  readonly #others: OtherTranscripts;
  readonly #lines = new TranscriptLines();
  #onBehind: (behind: boolean) => void = () => {};
  #behind = false;
  /** When the pass over all transcripts began. */
  #passAt = 0;
  /** Whether the log lacks something, and whether it tells so. */
  #gap: 'none' | 'found' | 'noted' = 'none';
  #bytesRead = 0;
  #mostBytes = Number.POSITIVE_INFINITY;
  /** The copying under way. */
  #copying: Promise<void> | undefined;
  #opening: Promise<void> | undefined;
  #again = false;
  #closed = false;
  /** Whether the run has ended: a last line without an end is all that there will be of it. */
  #draining = false;

  constructor(options: TranscriptCopyOptions) {
    this.#options = options;
    this.#limits = { ...LIMITS, ...options.limits };
    this.#others = new OtherTranscripts(options);
    void this.#begin();
  }

  /** Resolves when there is a transcript; never, where none comes. */
  get appeared(): Promise<void> {
    return this.#appeared.promise;
  }

  /** Tells whether transcripts are written faster than they can be copied; at first they are not. */
  watchBacklog(listener: (behind: boolean) => void): void {
    this.#onBehind = listener;
    if (this.#behind) listener(true);
  }

  /** Copies what is there by now. */
  async look(): Promise<void> {
    await this.#open();
    await this.#copy();
  }

  /** The run has ended: copies what is there by now, a last line without an end included, and stops. Never rejects. */
  async drain(): Promise<void> {
    this.#draining = true;
    this.#stopWatching?.(); // Whoever goes on touching files must not keep the run from its end.
    this.#mostBytes = Math.min(this.#mostBytes, this.#bytesRead + this.#limits.drainBytes);
    await this.#opening; // That may have looked before there was a transcript.
    await this.#open();
    await this.#copying;
    await this.#copy();
    await this.close();
  }

  /** Stops, after the line that is being copied. When this has resolved, another host can go on with the copy. Never rejects. */
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
    // The system tells of every file in the folder, as often as anybody touches one.
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
      await transcript.close().catch(() => {}); // The disk may have room again later.
    }
  }

  /** One pass at a time: who asks for one meanwhile has the one under way begin again. */
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
        return; // What a full disk did not take is tried again.
      }
    }
  }

  /** @param most a limit of its own for a part of the copying, held against `#bytesRead` */
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

  /** Copies what belongs to the conversation besides its own transcript. */
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

  /** @param name in the folder */
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

  /** Where another file was put in the place of the conversation's transcript, Claude goes on in that one. */
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

  /** @throws Error where the log takes no more */
  async #copyFrom(log: CopiedLog, name: string, file: FileHandle, most?: number): Promise<void> {
    const { size } = await file.stat();
    // The transcript was cut short: what is there is copied already, or gone.
    if (log.position(name) > size) log.goOn(name, size);
    const transcript = { name, file, size };
    while (this.#mayRead(most) && !this.#lines.isRefused(name)) {
      const line = log.position(name);
      if (size - line > MOST_UNREAD_BYTES || performance.now() - this.#passAt > MOST_LATE_MS) this.#tell(true);
      const next = await this.#lines.next(transcript, line);
      if (next.kind === 'end') {
        if (this.#draining) await this.#copyUnfinished(log, transcript);
        return; // What is appended meanwhile has its own notification.
      }
      this.#bytesRead += next.read;
      if (next.kind === 'lines') await log.append(name, next.bytes);
      if (next.kind === 'refused') this.#foundGap();
    }
  }

  async #copyUnfinished(log: CopiedLog, transcript: TranscriptState): Promise<void> {
    const bytes = await this.#lines.unfinished(transcript, log.position(transcript.name));
    this.#bytesRead += bytes.length;
    if (bytes.length > 0) await log.append(transcript.name, bytes);
  }
}
