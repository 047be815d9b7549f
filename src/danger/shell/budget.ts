/** Code that costs more to understand than any honest command. */
export class TooComplex extends Error {
  override readonly name = 'TooComplex';
}

/** A parse costs about 30 ms a million characters, and nested substitutions are parsed again at every level. */
const MAX_CHARACTERS = 4_000_000;
/** A script that calls functions which call others reaches any number, in a fraction of a millisecond for each dozen. */
const MAX_COMMANDS = 1_000;
/** Far below what the parser and the stack allow, far above what people write. */
const MAX_DEPTH = 60;

/** Bounds the work that one tool call, or several together, can cause, so that hostile input cannot stall the host. */
export class Budget {
  #characters = 0;
  #commands = 0;
  #depth = 0;

  /** @throws TooComplex */
  read(characters: number): void {
    this.#characters += characters;
    if (this.#characters > MAX_CHARACTERS) throw new TooComplex('too long');
  }

  /** @throws TooComplex */
  command(): void {
    this.#commands += 1;
    if (this.#commands > MAX_COMMANDS) throw new TooComplex('too many commands');
  }

  /** @throws TooComplex */
  nested<T>(body: () => T): T {
    this.#depth += 1;
    if (this.#depth > MAX_DEPTH) throw new TooComplex('nested too deeply');
    try {
      return body();
    } finally {
      this.#depth -= 1;
    }
  }
}
