/** How much is copied at most. Nobody's dependencies are larger, but an agent could make any number of files. */
export interface CopyLimits {
  readonly files: number;
  readonly bytes: number;
  readonly durationMs: number;
}

/** What may still be copied. Several copies can share it. */
export class CopyBudget {
  readonly #limits: CopyLimits;
  readonly #began = performance.now();
  #files = 0;
  #bytes = 0;

  constructor(limits: CopyLimits) {
    this.#limits = limits;
  }

  /** @throws TooMuch if the copies have taken too long */
  goOn(): void {
    if (performance.now() - this.#began > this.#limits.durationMs) throw new TooMuch('it takes too long');
  }

  /** Counts a file or a folder. @throws TooMuch */
  file(): void {
    if (++this.#files > this.#limits.files) throw new TooMuch(`they are more than ${this.#limits.files} files`);
  }

  /** Counts the content of a file. @throws TooMuch */
  content(bytes: number): void {
    this.#bytes += bytes;
    if (this.#bytes > this.#limits.bytes) throw new TooMuch(`they have more than ${this.#limits.bytes} bytes`);
  }
}

/** Thrown if more would have to be copied than the limits allow. */
export class TooMuch extends Error {}
