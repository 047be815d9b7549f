import { watchFolder } from './folder-watch.js';

/** In one second. A dozen simultaneous tool calls make a hundred changes. */
const MOST_CHANGES = 1_000;
const SECOND_MS = 1_000;
/** How often the folder is scanned while it is not watched. */
const POLL_MS = 50;
/** How long the folder stays unwatched after a flood of changes. */
const CALM_MS = 5_000;

/**
 * Reports changes in a folder that an agent can write to, each name once in a turn of the event loop. Node.js reads the
 * system's notifications until there are no more. An agent can make them faster than that, and then nothing else in the process
 * would run. So if there are too many notifications, the folder is scanned at intervals for some seconds instead.
 */
export class RateLimitedWatch {
  readonly #folder: string;
  readonly #onChange: (name: string | null) => void;
  readonly #changed = new Set<string | null>();
  #changes = 0;
  #stopWatching: (() => void) | undefined;
  #turn: NodeJS.Immediate | undefined;
  #second: NodeJS.Timeout | undefined;
  #poll: NodeJS.Timeout | undefined;
  #calm: NodeJS.Timeout | undefined;

  /**
   * @param onChange called with the name of the entry that has changed, or with null if anything may have changed, or nothing
   */
  constructor(folder: string, onChange: (name: string | null) => void) {
    this.#folder = folder;
    this.#onChange = onChange;
    this.#watch();
  }

  close(): void {
    this.#stopWatching?.();
    clearImmediate(this.#turn);
    clearInterval(this.#poll);
    for (const timer of [this.#second, this.#calm]) clearTimeout(timer);
  }

  #watch(): void {
    this.#stopWatching = watchFolder(this.#folder, (name) => this.#noted(name), { unwatchedPollMs: POLL_MS });
  }

  #noted(name: string | null): void {
    if (this.#calm) return; // The notification came from before the watch was closed.
    this.#changes += 1;
    this.#second ??= setTimeout(() => {
      this.#second = undefined;
      this.#changes = 0;
    }, SECOND_MS).unref();
    if (this.#changes > MOST_CHANGES) this.#calmDown();
    this.#changed.add(name);
    this.#turn ??= setImmediate(() => {
      this.#turn = undefined;
      const names = [...this.#changed];
      this.#changed.clear();
      for (const changed of names) this.#onChange(changed);
    });
  }

  #calmDown(): void {
    this.#stopWatching?.();
    this.#poll = setInterval(() => this.#onChange(null), POLL_MS);
    this.#calm = setTimeout(() => {
      clearInterval(this.#poll);
      this.#calm = undefined;
      this.#changes = 0;
      this.#watch();
      this.#onChange(null); // Covers the changes from before the watch existed.
    }, CALM_MS);
  }
}
