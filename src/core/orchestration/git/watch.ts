import { rm } from 'node:fs/promises';
import { writeAtomically } from '../util/fs/atomic-file.js';
import { readOwnFile } from '../util/fs/own-file.js';
import { type GitSnapshot, type PlantedFile, plantedSince, snapshotGit } from './snapshot.js';

/** How often is looked while a run is under way: people's editors run git all the time. */
const LOOK_MS = 15_000;
/** A snapshot is bounded. */
const MOST_BYTES = 256 * 1024 * 1024;

/** Looks for what an agent plants for git on the host, while it works and when it has ended. */
export class GitWatch {
  /** The snapshot, for another host. */
  readonly #file: string;
  readonly #onPlanted: (planted: PlantedFile) => void;
  readonly #told = new Set<string>();
  #snapshot: GitSnapshot | undefined;
  #timer: NodeJS.Timeout | undefined;
  #detached = false;
  #looking: Promise<void> | undefined;

  /** @param onPlanted told once of each finding */
  constructor(file: string, onPlanted: (planted: PlantedFile) => void) {
    this.#file = file;
    this.#onPlanted = onPlanted;
  }

  /** Before an agent comes: notes how things are. */
  async begin(checkout: string): Promise<void> {
    this.#snapshot = await snapshotGit(checkout);
    await writeAtomically(this.#file, JSON.stringify(this.#snapshot));
    this.#lookAgain();
  }

  /** Goes on with what an earlier host has noted; without that there is nothing to compare with. */
  async resume(): Promise<void> {
    try {
      this.#snapshot = JSON.parse(await readOwnFile(this.#file, { most: MOST_BYTES })) as GitSnapshot;
    } catch {
      return;
    }
    this.#lookAgain();
    void this.#look(); // Nobody did since the earlier host was gone.
  }

  /** The run has ended: looks for the last time, and keeps nothing. */
  async end(): Promise<void> {
    this.detach();
    await this.#look();
    await rm(this.#file, { force: true });
  }

  /** Looks away; what was noted stays for another host. A snapshot that is under way is still noted. */
  detach(): void {
    this.#detached = true;
    clearInterval(this.#timer);
  }

  #lookAgain(): void {
    if (this.#detached) return;
    clearInterval(this.#timer); // A run that was restored and then launched anew has one.
    this.#timer = setInterval(() => void this.#look(), LOOK_MS).unref();
  }

  async #look(): Promise<void> {
    await this.#looking;
    this.#looking = this.#compare();
    await this.#looking;
  }

  async #compare(): Promise<void> {
    if (!this.#snapshot) return;
    // A workspace that is gone cannot be looked at.
    const planted = await plantedSince(this.#snapshot).catch(() => []);
    for (const each of planted) {
      const key = `${each.path}\0${each.reason}`;
      if (this.#told.has(key)) continue;
      this.#told.add(key);
      this.#onPlanted(each);
    }
  }
}
