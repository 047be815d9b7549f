/** A line about a tool call or its result has one of these words. In a text that a line quotes, their quotes are escaped. */
const WORDS = ['"tool_use"', '"tool_use_id"', '"tool_result"'];
/** The beginning of an escaped character. Claude escapes control characters this way, and no letters. */
const ESCAPE = '\\u00';
const LETTERS = /[2-7]/;
/** A word may begin in one part and end in the next one. */
const KEPT = Math.max(...WORDS.map((word) => word.length));

/**
 * Tells whether a line that is too long to be held in memory can carry a tool call. It comes in parts, and only the end of the
 * last part is kept. A line in which letters are escaped may carry a call, too: Claude writes no such line.
 */
export class CallWords {
  #end = '';
  #found = false;

  /** True if the parts so far can carry a tool call. */
  get found(): boolean {
    return this.#found;
  }

  add(part: string): void {
    if (this.#found) return;
    const text = this.#end + part;
    this.#found = WORDS.some((word) => text.includes(word)) || hasEscapedLetter(text);
    this.#end = text.slice(-KEPT);
  }
}

function hasEscapedLetter(text: string): boolean {
  for (let at = text.indexOf(ESCAPE); at >= 0; at = text.indexOf(ESCAPE, at + 1)) {
    if (LETTERS.test(text[at + ESCAPE.length] ?? '')) return true;
  }
  return false;
}
