import { constants } from 'node:fs';
import { type FileHandle, rm } from 'node:fs/promises';
import { openOwnFile, readOwnFile } from '../util/fs/own-file.js';
import type { StoredDecision } from './call-ledger.js';

/** More than the decisions of any honest run take: an agent that asks without end is denied in the end. */
const MOST_BYTES = 32 * 1024 * 1024;

/**
 * The guard's decisions about one run on disk, so that a host which takes the run over can tell a call that was allowed
 * from one that went past the guard. Opened at the first decision.
 */
export class DecisionLog {
  readonly #path: string;
  #file: Promise<FileHandle> | undefined;
  #bytes = 0;
  #closed = false;

  constructor(path: string) {
    this.#path = path;
  }

  /** Resolves when the system has the decision: a kill afterwards loses nothing. @throws Error where it was closed or is full */
  async append(decision: StoredDecision): Promise<void> {
    if (this.#closed) throw new Error('the log of decisions was closed');
    this.#file ??= this.#open().catch((error: unknown) => {
      this.#file = undefined; // It may succeed the next time.
      throw error;
    });
    const file = await this.#file;
    // The line before may have been left unfinished, by a full disk for example.
    const line = `\n${JSON.stringify(decision)}\n`;
    this.#bytes += Buffer.byteLength(line);
    if (this.#bytes > MOST_BYTES) throw new Error('the log of decisions is full');
    await file.appendFile(line);
  }

  /** What was decided before; a line that was not finished is no decision. */
  async read(): Promise<StoredDecision[]> {
    const text = await readOwnFile(this.#path, { most: 2 * MOST_BYTES }).catch(() => '');
    return text.split('\n').flatMap((line) => parsed(line) ?? []);
  }

  close(): void {
    this.#closed = true;
    this.#letGo();
  }

  /** Nothing was decided: a new run begins. */
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
    void file?.then((open) => open.close()).catch(() => {}); // Nothing is open then.
  }
}

function parsed(line: string): StoredDecision | undefined {
  try {
    return JSON.parse(line) as StoredDecision;
  } catch {
    return undefined;
  }
}
