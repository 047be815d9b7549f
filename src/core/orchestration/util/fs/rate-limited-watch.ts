import { watchFolder } from './folder-watch.js';

/** In a second; a dozen tool calls at once make a hundred changes. */
const MOST_CHANGES = 1_000;
const SECOND_MS = 1_000;
/** Interval of looks where the folder is not watched. */
const POLL_MS = 50;
/** How long it is not watched after a flood. */
const CALM_MS = 5_000;

/**
 * Tells of changes in a folder that an agent can write to, each name once a turn of the event loop. The system's
 * notifications are read until there are no more, and an agent can make them faster than that: then nothing else of the
 * process would run. Where they become too many the folder is looked at now and then instead, for some seconds.
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

  /** @param onChange told the name of what has changed; null where it may be anything, or nothing */
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
    if (this.#calm) return; // Told before the watch was ended.
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
      this.#onChange(null); // What came before there was a watch.
    }, CALM_MS);
  }
}
