import { constants, type FSWatcher, watch } from 'node:fs';
import { type FileHandle, lstat, open, readdir, realpath } from 'node:fs/promises';
import { basename, dirname, join, relative } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { deferred } from '../deferred.js';
import { CopiedLog } from './copied-log.js';
import { MOST_LINE_BYTES } from './log-follower.js';

const CHUNK_BYTES = 64 * 1024;
/** Looks after the transcript where the system's notifications fail; they are what counts. */
const POLL_MS = 1_000;
/** Until it is there, it is looked for: its folder may not be there either. */
const LOOK_MS = 100;
/** Transcripts besides the conversation's own; an agent could make any number of files. */
const MOST_OTHERS = 1_000;
const CONVERSATION = /^([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})\.jsonl$/;
const SUBAGENT = /^agent-[\w-]{1,100}\.jsonl$/;
const MAIN = '';
const NEWLINE = 0x0a;

export interface TranscriptCopyOptions {
  /** Where Claude keeps the transcripts of the workspace. */
  folder: string;
  /** A UUID, never a path. */
  conversationId: string;
  /** Whether nobody else's conversations are in the folder: then those are copied, too, which a person begins with `/clear`. */
  alone: boolean;
  openLog: () => Promise<FileHandle>;
  /** Opens the log to read what it has by now. */
  readLog: () => Promise<FileHandle>;
}

/**
 * Copies what Claude's terminal UI writes into the transcripts of its conversation and its subagents to the session's log:
 * line by line, and those of a subagent before its result. The agent can write to its transcripts, and take
 * them away again: the log keeps what was in them, and tells the next host how far the copy is.
 */
export class TranscriptCopy {
  readonly #options: TranscriptCopyOptions;
  readonly #appeared = deferred<void>();
  /** Kept open: it may be moved away. */
  #transcript: FileHandle | undefined;
  #log: CopiedLog | undefined;
  #watcher: FSWatcher | undefined;
  #poll: NodeJS.Timeout | undefined;
  /** The copying under way. */
  #copying: Promise<void> | undefined;
  #opening: Promise<void> | undefined;
  #again = false;
  #closed = false;
  /** Whether a last line without an end is all that there will be. */
  #draining = false;

  constructor(options: TranscriptCopyOptions) {
    this.#options = options;
    void this.#begin();
  }

  /** Resolves when there is a transcript; never, where none comes. */
  get appeared(): Promise<void> {
    return this.#appeared.promise;
  }

  /** Copies what is there by now. */
  async look(): Promise<void> {
    await this.#open();
    await this.#copy();
  }

  /** Copies what is there by now, a last line without an end included, and stops. */
  async drain(): Promise<void> {
    await this.#opening; // That may have looked before there was one.
    await this.#open();
    await this.#copying;
    this.#draining = true;
    await this.#copy();
    await this.close();
  }

  /** Stops. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#watcher?.close();
    clearInterval(this.#poll);
    await this.#opening;
    await this.#copying;
    const [transcript, log] = [this.#transcript, this.#log];
    this.#transcript = undefined;
    this.#log = undefined;
    await Promise.all([transcript?.close(), log?.close()]);
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

  #open(): Promise<void> {
    if (this.#transcript || this.#closed) return Promise.resolve();
    this.#opening ??= this.#openBoth().finally(() => {
      this.#opening = undefined;
    });
    return this.#opening;
  }

  async #openBoth(): Promise<void> {
    const { folder, conversationId, openLog, readLog } = this.#options;
    const transcript = await opened(folder, `${conversationId}.jsonl`);
    if (!transcript) return;
    try {
      this.#log = await CopiedLog.open(openLog, readLog);
      this.#transcript = transcript;
      this.#appeared.resolve();
    } catch {
      await transcript.close(); // The disk may have room again later.
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
    while (this.#again && this.#transcript && this.#log) {
      this.#again = false;
      try {
        const { unfinished } = this.#log;
        if (unfinished === MAIN) await this.#copyFrom(this.#log, MAIN, this.#transcript);
        else if (unfinished !== undefined) await this.#copyOther(this.#log, unfinished);
        await this.#copyOthers(this.#log);
        await this.#copyFrom(this.#log, MAIN, this.#transcript);
        await this.#replaced(this.#transcript);
      } catch {
        return; // What a full disk did not take is tried again.
      }
    }
  }

  /** What belongs to the conversation besides its own transcript. */
  async #copyOthers(log: CopiedLog): Promise<void> {
    const { folder, conversationId, alone } = this.#options;
    const names = alone ? await readdir(folder).catch(() => []) : [];
    const others = names.flatMap((name) => CONVERSATION.exec(name)?.[1] ?? []).filter((id) => id !== conversationId);
    let copied = 0;
    for (const id of [conversationId, ...others]) {
      const subagents = join(folder, id, 'subagents');
      for (const name of (await readdir(subagents).catch(() => [])).filter((one) => SUBAGENT.test(one))) {
        if (++copied > MOST_OTHERS) return;
        await this.#copyOther(log, join(id, 'subagents', name));
      }
      if (id !== conversationId) await this.#copyOther(log, `${id}.jsonl`);
    }
  }

  /** @param name in the folder */
  async #copyOther(log: CopiedLog, name: string): Promise<void> {
    const { folder } = this.#options;
    const path = join(folder, name);
    const size = await lstat(path).then(
      (stats) => stats.size,
      () => 0,
    );
    if (size === log.position(name)) return;
    const file = await opened(dirname(path), basename(path), dirname(folder));
    if (!file) return;
    try {
      await this.#copyFrom(log, name, file);
    } finally {
      await file.close();
    }
  }

  /** Whoever puts another file in its place is followed there: Claude goes on in that one. */
  async #replaced(transcript: FileHandle): Promise<void> {
    const { folder, conversationId } = this.#options;
    const now = await opened(folder, `${conversationId}.jsonl`);
    if (!now) return;
    const [before, after] = await Promise.all([transcript.stat(), now.stat()]).catch(() => []);
    if (!before || !after || (before.ino === after.ino && before.dev === after.dev)) return now.close();
    this.#log?.goOn(MAIN, 0);
    this.#transcript = now;
    this.#again = true;
    await transcript.close();
  }

  /** @throws Error where the log takes no more */
  async #copyFrom(log: CopiedLog, name: string, file: FileHandle): Promise<void> {
    const { size } = await file.stat();
    // It was cut short: what is there is copied already, or gone.
    if (log.position(name) > size) log.goOn(name, size);
    const buffer = Buffer.allocUnsafe(CHUNK_BYTES);
    while (true) {
      const at = log.position(name);
      const { bytesRead } = await file.read(buffer, 0, CHUNK_BYTES, at);
      if (bytesRead === 0) return;
      const read = buffer.subarray(0, bytesRead);
      const whole = read.lastIndexOf(NEWLINE) + 1;
      if (whole > 0) {
        await log.append(name, read.subarray(0, whole));
        continue;
      }
      const end = await endOfLine(file, at + bytesRead, at + MOST_LINE_BYTES);
      if (end === undefined && !this.#draining) return;
      await copyLine(log, name, { file, at, end: end ?? size });
      if (end === undefined) return;
    }
  }
}

/** A regular file that is where it seems to be: a link in its place, or a folder's, could lead anywhere on the host. */
async function opened(folder: string, name: string, root = dirname(folder)): Promise<FileHandle | undefined> {
  let file: FileHandle | undefined;
  try {
    if ((await realpath(folder)) !== join(await realpath(root), relative(root, folder))) return undefined;
    file = await open(join(folder, name), constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
    if ((await file.stat()).isFile()) return file;
  } catch {
    // It is not there yet, or nothing that can be read.
  }
  await file?.close();
  return undefined;
}

/** Where a long line ends; undefined where that is not written yet. One without an end within `most` is taken for two. */
async function endOfLine(file: FileHandle, from: number, most: number): Promise<number | undefined> {
  const buffer = Buffer.allocUnsafe(CHUNK_BYTES);
  for (let at = from; at < most; ) {
    const { bytesRead } = await file.read(buffer, 0, CHUNK_BYTES, at);
    if (bytesRead === 0) return undefined;
    const found = buffer.subarray(0, bytesRead).indexOf(NEWLINE);
    if (found >= 0) return at + found + 1;
    at += bytesRead;
  }
  return most;
}

interface Line {
  file: FileHandle;
  at: number;
  end: number;
}

async function copyLine(log: CopiedLog, name: string, { file, at, end }: Line): Promise<void> {
  const buffer = Buffer.allocUnsafe(CHUNK_BYTES);
  for (let from = at; from < end; ) {
    const { bytesRead } = await file.read(buffer, 0, Math.min(CHUNK_BYTES, end - from), from);
    if (bytesRead === 0) return; // It was cut short meanwhile.
    await log.append(name, buffer.subarray(0, bytesRead));
    from += bytesRead;
  }
}
