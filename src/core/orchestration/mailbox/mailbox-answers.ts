import { unlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { writeAtomically } from '../util/fs/atomic-file.js';
import { serialized } from '../util/serialized.js';

/**
 * A hook reads its answer within milliseconds. So many answers are kept for hooks that were frozen before they could read
 * theirs.
 */
const KEPT_ANSWERS = 256;
/**
 * How often a waiting hook gets a sign that the process is alive. This is more often than the time that the hook waits beyond
 * any approval.
 */
const BEAT_MS = 20_000;
/** The file that tells the hook that messages wait. */
const STEER = 'steer';

/** Writes files for the hooks of a run, into a folder that the agent can only read. */
export class MailboxAnswers {
  readonly #folder: string;
  readonly #answered: string[] = [];
  readonly #beats = new Set<NodeJS.Timeout>();
  readonly #serialized = serialized();
  #closed = false;

  constructor(folder: string) {
    this.#folder = folder;
  }

  /** From here on, no hook gets a sign that the process is alive. */
  close(): void {
    this.#closed = true;
    for (const beat of this.#beats) clearInterval(beat);
  }

  async write(id: string, text: string): Promise<void> {
    this.#answered.push(await this.#place(id, text));
    const old = this.#answered.length > KEPT_ANSWERS ? this.#answered.shift() : undefined;
    if (old !== undefined) await unlink(old).catch(() => {}); // The file disappears together with its folder.
  }

  /**
   * Waits for a decision that may take long, because a person decides or a slot has to become free. During the wait, the hook
   * is told so.
   */
  async awaited<T>(id: string, decision: Promise<T>): Promise<T> {
    if (this.#closed) return decision;
    // If the process dies during the wait, this file tells the hook that a process was there and asked somebody.
    const asked = setTimeout(() => void this.write(`${id}.asked`, '').catch(() => {}), 1_000);
    let beats = 0;
    const beat = setInterval(() => {
      void this.#place(`${id}.beat`, `${++beats}\n`).catch(() => {}); // Another one follows soon.
    }, BEAT_MS).unref();
    this.#beats.add(beat);
    try {
      return await decision;
    } finally {
      clearTimeout(asked);
      clearInterval(beat);
      this.#beats.delete(beat);
      // The file disappears together with its folder.
      if (beats > 0) void unlink(join(this.#folder, `${id}.beat`)).catch(() => {});
    }
  }

  /**
   * Tells the hooks if messages wait. Changes are made one after the other, because the latest state has to be the last on
   * disk.
   */
  flag(waiting: boolean): void {
    const path = join(this.#folder, STEER);
    const work = (): Promise<void> => (waiting ? writeFile(path, '') : unlink(path));
    void this.#serialized(work).catch(() => {}); // The end of the run has removed the folder.
  }

  /** Writes a file in one step, because a hook takes whatever it sees for the whole file. */
  async #place(name: string, text: string): Promise<string> {
    const path = join(this.#folder, name);
    await writeAtomically(path, text, 0o644); // The image's user may be anybody.
    return path;
  }
}
