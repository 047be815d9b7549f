import type { Dirent } from 'node:fs';
import { lstat } from 'node:fs/promises';
import { performance } from 'node:perf_hooks';
import { folderEntries } from './folder-entries.js';

/** Thrown if an agent may have made more entries than anyone would look through. */
export class SearchLimit extends Error {}

export interface SearchLimits {
  entries: number;
  repositories: number;
  durationMs: number;
}

/** Reads folders one by one until a limit is reached, because an agent may have made millions of entries. */
export class BoundedSearch {
  #entries: number;
  #repositories: number;
  readonly #deadline: number;

  constructor({ entries, repositories, durationMs }: SearchLimits) {
    this.#entries = entries;
    this.#repositories = repositories;
    this.#deadline = performance.now() + durationMs;
  }

  /** @throws SearchLimit */
  repository(): void {
    this.#repositories -= 1;
    if (this.#repositories < 0) throw new SearchLimit('too many repositories');
  }

  /** @throws SearchLimit if the search has taken too long */
  goOn(): void {
    if (performance.now() > this.#deadline) throw new SearchLimit('it takes too long');
  }

  /**
   * The entries of a folder. Empty if there is no folder, or a link to one.
   *
   * @throws SearchLimit
   */
  async entries(folder: string): Promise<Dirent[]> {
    this.goOn();
    const stats = await lstat(folder).catch(() => undefined);
    if (!stats?.isDirectory()) return [];
    const entries: Dirent[] = [];
    try {
      for await (const slice of folderEntries(folder, stats.size)) this.#count(entries.push(...slice));
    } catch (error) {
      if (error instanceof SearchLimit) throw error;
      // If nobody can read a folder, git cannot read it either.
    }
    this.#entries -= entries.length;
    if (this.#entries < 0) throw new SearchLimit('too many entries');
    return entries;
  }

  #count(more: number): void {
    if (more > this.#entries) throw new SearchLimit('too many entries');
  }
}
