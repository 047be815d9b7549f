import { rm } from 'node:fs/promises';
import { writeAtomically } from '../../util/fs/atomic-file.js';
import { readOwnFile } from '../../util/fs/own-file.js';
import { type GitSnapshot, type PlantedFile, plantedSince, snapshotGit } from './snapshot.js';

/** How often we compare while a run is under way. The interval is short, because people's editors run git all the time. */
const LOOK_MS = 15_000;
/** Large enough: a snapshot is bounded. */
const MOST_BYTES = 256 * 1024 * 1024;

/** Looks for files that an agent plants for git on the machine, while the agent works and when the run has ended. */
export class GitWatch {
  /** The file with the snapshot, for a later process. */
  readonly #file: string;
  readonly #onPlanted: (planted: PlantedFile) => void;
  readonly #told = new Set<string>();
  #snapshot: GitSnapshot | undefined;
  #timer: NodeJS.Timeout | undefined;
  #detached = false;
  #looking: Promise<void> | undefined;

  /** @param onPlanted called once for each finding */
  constructor(file: string, onPlanted: (planted: PlantedFile) => void) {
    this.#file = file;
    this.#onPlanted = onPlanted;
  }

  /** Takes a snapshot, before an agent works. */
  async begin(checkout: string): Promise<void> {
    this.#snapshot = await snapshotGit(checkout);
    await writeAtomically(this.#file, JSON.stringify(this.#snapshot));
    this.#lookAgain();
  }

  /** Continues with the snapshot of an earlier process. Without a snapshot, there is nothing to compare with. */
  async resume(): Promise<void> {
    try {
      this.#snapshot = JSON.parse(await readOwnFile(this.#file, { most: MOST_BYTES })) as GitSnapshot;
    } catch {
      return;
    }
    this.#lookAgain();
    void this.#look(); // Nobody has compared since the earlier process died.
  }

  /** Called when the run has ended. Compares for the last time, and deletes the snapshot. */
  async end(): Promise<void> {
    this.detach();
    await this.#look();
    await rm(this.#file, { force: true });
  }

  /** Stops watching. The snapshot stays for a later process. If taking the snapshot is under way, it is still written. */
  detach(): void {
    this.#detached = true;
    clearInterval(this.#timer);
  }

  #lookAgain(): void {
    if (this.#detached) return;
    clearInterval(this.#timer); // A run that was restored and then launched again already has a timer.
    this.#timer = setInterval(() => void this.#look(), LOOK_MS).unref();
  }

  async #look(): Promise<void> {
    await this.#looking;
    this.#looking = this.#compare();
    await this.#looking;
  }

  async #compare(): Promise<void> {
    if (!this.#snapshot) return;
    // A workspace that no longer exists cannot be compared.
    const planted = await plantedSince(this.#snapshot).catch(() => []);
    for (const each of planted) {
      const key = `${each.path}\0${each.reason}`;
      if (this.#told.has(key)) continue;
      this.#told.add(key);
      this.#onPlanted(each);
    }
  }
}
