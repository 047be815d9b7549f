import { PartSearch } from './part-search.js';

/** A line about a tool call or its result has one of these words. In a text that a line quotes, their quotes are escaped. */
const WORDS = ['"tool_use"', '"tool_use_id"', '"tool_result"'];
/**
 * An escaped letter. Claude escapes control characters this way, and no letters. The whole text is searched at once, because an
 * agent can write millions of beginnings of such a character.
 */
const ESCAPED_LETTER = /\\u00[2-7]/;
/** A word may begin in one part and end in the next one. */
const KEPT = Math.max(...WORDS.map((word) => word.length));

/**
 * Tells whether a line that is too long to be held in memory can carry a tool call. A line in which letters are escaped may carry
 * one, too: Claude writes no such line.
 */
export class CallWords extends PartSearch {
  constructor() {
    super(carriesCall, KEPT);
  }
}

function carriesCall(text: string): boolean {
  return WORDS.some((word) => text.includes(word)) || ESCAPED_LETTER.test(text);
}
