import { constants } from 'node:fs';
import { type FileHandle, rm } from 'node:fs/promises';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { openOwnFile, readOwnFile } from '../util/fs/own-file.js';
import { EarlierDecisions } from './earlier-decisions.js';
import type { StoredDecision } from './stored-decision.js';

/** How long reading may block the event loop before the rest of the process gets its turn. */
const SLICE_MS = 2;
/** More than the decisions of any honest run take. If an agent asks without end, its calls are denied in the end. */
const MOST_BYTES = 32 * 1024 * 1024;

/**
 * The guard's decisions about one run on disk. With them, a process that takes the run over can distinguish a call that was
 * allowed from one that bypassed the guard. The file is opened at the first decision.
 */
export class DecisionLog {
  readonly #path: string;
  #file: Promise<FileHandle> | undefined;
  #bytes = 0;
  #closed = false;

  constructor(path: string) {
    this.#path = path;
  }

  /**
   * Resolves when the operating system has the decision. If the process is killed afterwards, nothing is lost. @throws Error if
   * the log was closed or is full
   */
  async append(decision: StoredDecision): Promise<void> {
    if (this.#closed) throw new Error('the log of decisions was closed');
    this.#file ??= this.#open().catch((error: unknown) => {
      this.#file = undefined; // Opening may succeed the next time.
      throw error;
    });
    const file = await this.#file;
    // The previous line may be incomplete, for example because of a full disk.
    const line = `\n${JSON.stringify(decision)}\n`;
    this.#bytes += Buffer.byteLength(line);
    if (this.#bytes > MOST_BYTES) throw new Error('the log of decisions is full');
    await file.appendFile(line);
  }

  /** The earlier decisions. An incomplete line does not count as a decision. */
  async read(): Promise<EarlierDecisions> {
    const text = await readOwnFile(this.#path, { most: 2 * MOST_BYTES }).catch(() => '');
    const decisions = new EarlierDecisions();
    let pause = performance.now() + SLICE_MS;
    for (let start = 0, end = 0; start < text.length; start = end + 1) {
      end = text.indexOf('\n', start);
      if (end < 0) end = text.length;
      if (end > start) decisions.add(text.slice(start, end));
      if (performance.now() < pause) continue;
      await nextTurn();
      pause = performance.now() + SLICE_MS;
    }
    return decisions;
  }

  close(): void {
    this.#closed = true;
    this.#letGo();
  }

  /** Deletes all decisions, because a new run begins. */
  async clear(): Promise<void> {
    this.#letGo();
    await rm(this.#path, { force: true });
  }

  async #open(): Promise<FileHandle> {
    const { O_WRONLY, O_APPEND, O_CREAT } = constants;
    const file = await openOwnFile(this.#path, { flags: O_WRONLY | O_APPEND | O_CREAT, mode: 0o600 });
    this.#bytes = (await file.stat()).size;
    return file;
  }

  #letGo(): void {
    const file = this.#file;
    this.#file = undefined;
    void file?.then((open) => open.close()).catch(() => {}); // If opening failed, there is nothing to close.
  }
}
