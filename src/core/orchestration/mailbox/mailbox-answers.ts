import { unlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { writeAtomically } from '../util/fs/atomic-file.js';
import { serialized } from '../util/serialized.js';

/** An answer is read within milliseconds; these many are kept for hooks that were frozen before they could. */
const KEPT_ANSWERS = 256;
/** How often a hook is told that its host is there: within the time that it waits beyond any approval. */
const BEAT_MS = 20_000;
/** Says to the hook that there is something to hear. */
const STEER = 'steer';

/** What the host writes for the hooks of a run, in a folder that the agent can only read. */
export class MailboxAnswers {
  readonly #folder: string;
  readonly #answered: string[] = [];
  readonly #beats = new Set<NodeJS.Timeout>();
  readonly #serialized = serialized();
  #closed = false;

  constructor(folder: string) {
    this.#folder = folder;
  }

  /** No hook is told any more that its host is there. */
  close(): void {
    this.#closed = true;
    for (const beat of this.#beats) clearInterval(beat);
  }

  async write(id: string, text: string): Promise<void> {
    this.#answered.push(await this.#place(id, text));
    const old = this.#answered.length > KEPT_ANSWERS ? this.#answered.shift() : undefined;
    if (old !== undefined) await unlink(old).catch(() => {}); // It is gone with its folder.
  }

  /** Waits for a decision that may take long, as a person or a slot has to be waited for, and tells the hook so meanwhile. */
  async awaited<T>(id: string, decision: Promise<T>): Promise<T> {
    if (this.#closed) return decision;
    // So that a hook whose host dies meanwhile does not take that for a host that never was.
    const asked = setTimeout(() => void this.write(`${id}.asked`, '').catch(() => {}), 1_000);
    let beats = 0;
    const beat = setInterval(() => {
      void this.#place(`${id}.beat`, `${++beats}\n`).catch(() => {}); // There is another soon.
    }, BEAT_MS).unref();
    this.#beats.add(beat);
    try {
      return await decision;
    } finally {
      clearTimeout(asked);
      clearInterval(beat);
      this.#beats.delete(beat);
      if (beats > 0) void unlink(join(this.#folder, `${id}.beat`)).catch(() => {}); // It goes with its folder.
    }
  }

  /** Whether there is something to hear. One after the other: the last word has to be the last on disk. */
  flag(waiting: boolean): void {
    const path = join(this.#folder, STEER);
    const work = (): Promise<void> => (waiting ? writeFile(path, '') : unlink(path));
    void this.#serialized(work).catch(() => {}); // The run's end took the folder along.
  }

  /** In one step: the hook takes what it sees for the whole. */
  async #place(name: string, text: string): Promise<string> {
    const path = join(this.#folder, name);
    await writeAtomically(path, text, 0o644); // The image's user may be anybody.
    return path;
  }
}
