/** Thrown for code that costs more to understand than any honest command. */
export class TooComplex extends Error {
  override readonly name = 'TooComplex';
}

/** A million characters take about 30 ms to parse. Nested substitutions are parsed again at every level. */
const MAX_CHARACTERS = 4_000_000;
/** Functions that call functions can run any number of commands. A dozen commands take a fraction of a millisecond. */
const MAX_COMMANDS = 1_000;
/** The parser and the stack allow much more, and people write much less. */
const MAX_DEPTH = 60;

/** Bounds the work of rating one tool call, or several together, so that hostile input cannot stall the process. */
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
