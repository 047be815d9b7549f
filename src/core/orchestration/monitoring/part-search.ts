/** Searches a text that comes in parts. Only the end of the last part is kept, because what is searched for may be torn. */
export class PartSearch {
  readonly #isIn: (text: string) => boolean;
  readonly #kept: number;
  #end = '';
  #found = false;

  /**
   * @param isIn says whether a text has what is searched for
   * @param kept the length of the longest match, in characters
   */
  constructor(isIn: (text: string) => boolean, kept: number) {
    this.#isIn = isIn;
    this.#kept = kept;
  }

  /** True if the parts so far have what is searched for. */
  get found(): boolean {
    return this.#found;
  }

  add(part: string): void {
    if (this.#found) return;
    const text = this.#end + part;
    this.#found = this.#isIn(text);
    this.#end = text.slice(-this.#kept);
  }
}
