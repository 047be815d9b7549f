import { type FileHandle, open, readFile, rm } from 'node:fs/promises';
import type { StoredDecision } from './call-ledger.js';

/**
 * The guard's decisions about one run on disk, so that a host which takes the run over can tell a call that was allowed
 * from one that went past the guard. Opened at the first decision.
 */
export class DecisionLog {
  readonly #path: string;
  #file: Promise<FileHandle> | undefined;
  #closed = false;

  constructor(path: string) {
    this.#path = path;
  }

  /** Resolves when the system has it: a kill afterwards loses nothing. @throws Error where it was closed */
  async append(decision: StoredDecision): Promise<void> {
    if (this.#closed) throw new Error('the log of decisions was closed');
    this.#file ??= open(this.#path, 'a', 0o600).catch((error: unknown) => {
      this.#file = undefined; // It may succeed the next time.
      throw error;
    });
    // The line before may have been left unfinished, by a full disk for example.
    await (await this.#file).appendFile(`\n${JSON.stringify(decision)}\n`);
  }

  /** What was decided before; a line that was not finished is no decision. */
  async read(): Promise<StoredDecision[]> {
    const text = await readFile(this.#path, 'utf8').catch(() => '');
    return text.split('\n').flatMap((line) => parsed(line) ?? []);
  }

  close(): void {
    this.#closed = true;
    this.#letGo();
  }

  /** Nothing was decided: a new run begins, or the last is over. */
  async clear(): Promise<void> {
    this.#letGo();
    await rm(this.#path, { force: true });
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
