import { constants, type FSWatcher, watch } from 'node:fs';
import { type FileHandle, open, realpath } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { deferred } from '../deferred.js';

const CHUNK_BYTES = 64 * 1024;
/** Looks after the transcript where the system's notifications fail; they are what counts. */
const POLL_MS = 1_000;
/** Until it is there, it is looked for: its folder may not be there either. */
const LOOK_MS = 100;

export interface TranscriptCopyOptions {
  /** Where Claude keeps the transcripts of the workspace. */
  folder: string;
  /** A UUID, never a path. */
  conversationId: string;
  openLog: () => Promise<FileHandle>;
}

/**
 * Copies what Claude's terminal UI writes into the transcript of its conversation to the session's log, byte for byte. The
 * agent can write to its transcript, and take it away again: the log keeps what was in it. As the log holds nothing else, it
 * tells by its length how far the copy is, also to the next host.
 */
export class TranscriptCopy {
  readonly #options: TranscriptCopyOptions;
  readonly #appeared = deferred<void>();
  #transcript: FileHandle | undefined;
  #log: FileHandle | undefined;
  #watcher: FSWatcher | undefined;
  #poll: NodeJS.Timeout | undefined;
  #offset = 0;
  /** The copying under way. */
  #copying: Promise<void> | undefined;
  #again = false;
  #closed = false;

  constructor(options: TranscriptCopyOptions) {
    this.#options = options;
    void this.#begin();
  }

  /** Resolves when there is a transcript; never, where none comes. */
  get appeared(): Promise<void> {
    return this.#appeared.promise;
  }

  /** Copies what is there by now, and stops. */
  async drain(): Promise<void> {
    await this.#open();
    await this.#copy();
    await this.close();
  }

  /** Stops. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#watcher?.close();
    clearInterval(this.#poll);
    await this.#copying;
    await this.#transcript?.close();
    await this.#log?.close();
    this.#transcript = undefined;
    this.#log = undefined;
  }

  async #begin(): Promise<void> {
    while (!this.#closed && !this.#transcript) {
      await this.#open();
      if (!this.#transcript) await delay(LOOK_MS, undefined, { ref: false });
    }
    if (this.#closed) return;
    this.#poll = setInterval(() => void this.#copy(), POLL_MS).unref();
    try {
      this.#watcher = watch(this.#options.folder, () => void this.#copy());
      this.#watcher.on('error', () => this.#watcher?.close());
    } catch {
      // The system has no more watches to give.
    }
    await this.#copy();
  }

  async #open(): Promise<void> {
    const { folder, conversationId, openLog } = this.#options;
    if (this.#transcript || this.#closed) return;
    let transcript: FileHandle | undefined;
    try {
      // A link in the folder's place could lead anywhere on the host.
      const parent = await realpath(dirname(folder));
      if ((await realpath(folder)) !== join(parent, basename(folder))) return;
      const path = join(folder, `${conversationId}.jsonl`);
      transcript = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
      if (!(await transcript.stat()).isFile()) throw new Error('it is no regular file');
      const log = await openLog();
      this.#offset = (await log.stat()).size;
      if (this.#closed || this.#transcript) {
        await Promise.all([transcript.close(), log.close()]);
        return;
      }
      this.#transcript = transcript;
      this.#log = log;
      this.#appeared.resolve();
    } catch {
      await transcript?.close(); // It is not there yet, or nothing that can be read.
    }
  }

  /** One at a time; what is told meanwhile is copied by the one under way. */
  #copy(): Promise<void> {
    this.#again = true;
    this.#copying ??= this.#copyAll().finally(() => {
      this.#copying = undefined;
    });
    return this.#copying;
  }

  async #copyAll(): Promise<void> {
    const buffer = Buffer.allocUnsafe(CHUNK_BYTES);
    while (this.#again && this.#transcript && this.#log) {
      this.#again = false;
      let bytesRead: number;
      do {
        ({ bytesRead } = await this.#transcript
          .read(buffer, 0, CHUNK_BYTES, this.#offset)
          .catch(() => ({ bytesRead: 0 })));
        if (bytesRead === 0) break;
        const { bytesWritten } = await this.#log.write(buffer, 0, bytesRead).catch(() => ({ bytesWritten: 0 }));
        this.#offset += bytesWritten; // What a full disk did not take is tried again.
        if (bytesWritten < bytesRead) break;
      } while (bytesRead === CHUNK_BYTES);
    }
  }
}
