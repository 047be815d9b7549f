/**
 * Texts can have unknown parts. Unicode noncharacters stand for those parts, so that a text can be cut, joined and parsed again
 * without losing them. If the input itself holds such a character, its text only becomes less known.
 */

/** Any text at all. */
export const ANY = '\uFDD0';
/** Any text without `/`, like the glob `*`. */
export const SEGMENT = '\uFDD1';
/** One character, like the glob `?`. */
export const CHARACTER = '\uFDD2';

const HOLE = /[\uFDD0-\uFDD2]/;
const WIDE_HOLE = /[\uFDD0\uFDD1]/;

/**
 * Where a text comes from, as flags. `everyFile`: the text names every file of a folder. `folder`: the text is the content of a
 * whole folder or database.
 */
export const Origin = {
  none: 0,
  network: 1,
  credentials: 2,
  environment: 4,
  secretVariable: 8,
  everyFile: 16,
  folder: 32,
} as const;
export const SECRET = Origin.credentials | Origin.environment | Origin.secretVariable;

/** What a command writes to its standard output. */
export interface Stream {
  /** May hold unknown parts; `undefined` if nothing is known. */
  readonly text: string | undefined;
  readonly origin: number;
}

/** One field of a command line. */
export interface Value {
  readonly text: string;
  readonly origin: number;
  /** For process substitutions: what a program reads when it opens the file of this name. */
  readonly content?: Stream;
}

export const SILENT: Stream = { text: '', origin: Origin.none };
export const UNKNOWN: Stream = { text: undefined, origin: Origin.none };
/** The content of a file that existed before the command. Files are never read. */
export const FILE: Stream = { text: undefined, origin: Origin.none };

export function literal(text: string): Value {
  return { text, origin: Origin.none };
}

/** Whether nothing of a text is unknown. */
export function isKnown(text: string): boolean {
  return !HOLE.test(text);
}

/** Whether a text has no known character at all. */
export function isBlank(text: string): boolean {
  for (const character of text) if (!HOLE.test(character)) return false;
  return text !== '';
}

/** Whether a text with unknown parts may be `name`. Linear in practice, and never worse than quadratic. */
export function couldBe(text: string, name: string): boolean {
  let at = 0;
  let in_ = 0;
  let star = -1;
  let retry = 0;
  while (in_ < name.length) {
    const character = text[at];
    if (character !== undefined && WIDE_HOLE.test(character)) {
      star = at++;
      retry = in_;
    } else if (character === CHARACTER || character === name[in_]) {
      at++;
      in_++;
    } else if (star >= 0) {
      at = star + 1;
      in_ = ++retry;
    } else return false;
  }
  while (at < text.length && WIDE_HOLE.test(text[at] ?? '')) at++;
  return at === text.length;
}
