/** Any number of characters of a name, exactly these characters, or one character of a set. */
type Token = 'some' | { readonly text: string } | { readonly set: CharacterSet };
/** One bit for each of the 256 bytes. So one look tells, however long the set is written. */
type CharacterSet = Uint8Array;
type Part = 'folders' | readonly Token[];

/** A line of an ignore file. */
export interface IgnorePattern {
  /** `!`: the path is not ignored, whatever earlier lines say. */
  readonly isExcluding: boolean;
  /** False if the pattern is only about the name, in whatever folder. */
  readonly isPath: boolean;
  readonly parts: readonly Part[];
}

/** How much may still be compared. */
export interface Steps {
  left: number;
}

/** Thrown if more would have to be compared than an honest path and honest rules need. */
export class TooMuchToCompare extends Error {}

const ANY = { set: new Uint8Array(32).fill(0xff) } as const;
const CLASSES: Readonly<Record<string, readonly (readonly [number, number])[]>> = {
  alpha: ranges('AZaz'),
  digit: ranges('09'),
  alnum: ranges('09AZaz'),
  upper: ranges('AZ'),
  lower: ranges('az'),
  xdigit: ranges('09AFaf'),
  space: ranges('\t\r  '),
  blank: ranges('\t\t  '),
  punct: ranges('!/:@[`{~'),
  print: ranges(' ~'),
  graph: ranges('!~'),
  cntrl: ranges('\0\x1f\x7f\x7f'),
};

/**
 * A line of an ignore file as git reads it
 * ([gitignore](https://git-scm.com/docs/gitignore#_pattern_format)). Undefined if the line names nothing.
 */
export function ignorePattern(line: string): IgnorePattern | undefined {
  if (line.startsWith('#')) return undefined;
  const isExcluding = line.startsWith('!');
  const trimmed = withoutTrailingSpaces(bytesOf(isExcluding ? line.slice(1) : line));
  const pattern = trimmed.endsWith('/') ? trimmed.slice(0, -1) : trimmed;
  if (pattern === '') return undefined;
  const parts = partsOf(pattern.replace(/^\//, ''));
  return parts && { isExcluding, isPath: pattern.includes('/'), parts };
}

/** The form in which names are compared. Git compares bytes. */
export function bytesOf(text: string): string {
  return Buffer.from(text).toString('latin1');
}

/**
 * True if a pattern names a path.
 *
 * @param names the names on the way to the path and maybe further, as {@link bytesOf} gives them; none is empty
 * @param from the index of the first name below the folder of the ignore file
 * @param end the index behind the last name of the path
 * @throws TooMuchToCompare
 */
export function fits(
  { isPath, parts }: IgnorePattern,
  names: readonly string[],
  from: number,
  end: number,
  steps: Steps,
): boolean {
  return fitsParts(parts, names, isPath ? from : end - 1, end, steps);
}

/**
 * Counts a comparison of some characters. The processor compares 8 of a text in about the time of one step.
 *
 * @throws TooMuchToCompare
 */
export function take(steps: Steps, characters = 1): void {
  steps.left -= 1 + (characters >> 3);
  if (steps.left < 0) throw new TooMuchToCompare();
}

/** Only the latest `**` is tried again with more folders: what an earlier one would take instead can be taken by the later one. */
function fitsParts(parts: readonly Part[], names: readonly string[], from: number, end: number, steps: Steps): boolean {
  let [part, at] = [0, from];
  let again: { part: number; at: number } | undefined;
  while (at < end) {
    const wanted = parts[part];
    const isLast = part === parts.length - 1;
    if (wanted === 'folders') {
      take(steps);
      if (isLast) return true;
      again = { part, at };
      part += 1;
    } else if (wanted !== undefined && fitsName(wanted, names[at] ?? '', steps)) {
      part += 1;
      at += 1;
    } else if (again) {
      again.at += 1;
      [part, at] = [again.part + 1, again.at];
    } else return false;
  }
  return part === parts.length;
}

/** In the same way for the characters of one name. */
function fitsName(tokens: readonly Token[], name: string, steps: Steps): boolean {
  let [token, at] = [0, 0];
  let again: { token: number; at: number } | undefined;
  while (at < name.length) {
    const wanted = tokens[token];
    const taken = wanted === 'some' ? 0 : charactersOf(wanted, name, at, steps);
    if (wanted === 'some') {
      again = { token, at };
      token += 1;
    } else if (taken > 0) {
      token += 1;
      at += taken;
    } else if (again) {
      again.at += 1;
      [token, at] = [again.token + 1, again.at];
    } else return false;
  }
  while (tokens[token] === 'some') token += 1;
  return token === tokens.length;
}

/** How many characters of a name a token takes. 0 if it does not fit, or if there is no token. */
function charactersOf(token: Exclude<Token, 'some'> | undefined, name: string, at: number, steps: Steps): number {
  if (token && 'text' in token) {
    take(steps, token.text.length);
    return name.startsWith(token.text, at) ? token.text.length : 0;
  }
  take(steps);
  const code = name.charCodeAt(at);
  return (token?.set[code >> 3] ?? 0) & (1 << (code & 7)) ? 1 : 0;
}

/**
 * Reads a pattern to its end before it is split into names, because a slash in a set separates nothing. Undefined if git takes the
 * pattern for a broken one, which names nothing.
 */
function partsOf(pattern: string): Part[] | undefined {
  const parts: Part[] = [];
  let tokens: Token[] = [];
  let text = '';
  let [start, at] = [0, 0];
  const add = (...more: Token[]): void => {
    if (text !== '') tokens.push({ text });
    text = '';
    tokens.push(...more);
  };
  const endPart = (end: number): void => {
    add();
    parts.push(/^\*{2,}$/.test(pattern.slice(start, end)) ? 'folders' : tokens);
    tokens = [];
  };
  while (at < pattern.length) {
    const char = pattern[at];
    if (char === '*') {
      if (text !== '' || tokens.at(-1) !== 'some') add('some');
      at += 1;
    } else if (char === '?') {
      add(ANY);
      at += 1;
    } else if (char === '[') {
      const found = setAt(pattern, at + 1);
      if (!found) return undefined;
      add({ set: found.set });
      at = found.end;
    } else {
      const place = char === '\\' ? at + 1 : at;
      const literal = pattern[place];
      if (literal === undefined) return undefined;
      if (literal === '/') {
        endPart(at);
        start = place + 1;
      } else text += literal;
      at = place + 1;
    }
  }
  endPart(at);
  return parts;
}

/** A set such as `[a-z]`. @param from behind the bracket */
function setAt(text: string, from: number): { set: CharacterSet; end: number } | undefined {
  const isExcluding = text[from] === '!' || text[from] === '^';
  const set = new Uint8Array(32);
  const add = ([low, high]: readonly [number, number]): void => {
    for (let code = low; code <= high; code += 1) set[code >> 3] = (set[code >> 3] ?? 0) | (1 << (code & 7));
  };
  let at = isExcluding ? from + 1 : from;
  let isFirst = true;
  let close = -1;
  while (isFirst || text[at] !== ']') {
    isFirst = false;
    if (text.startsWith('[:', at)) {
      if (close < at + 2) close = text.indexOf(']', at + 2);
      if (close === -1) return undefined;
      if (close > at + 2 && text[close - 1] === ':') {
        const name = text.slice(at + 2, close - 1);
        const kind = Object.hasOwn(CLASSES, name) ? CLASSES[name] : undefined;
        if (!kind) return undefined;
        kind.forEach(add);
        at = close + 1;
        continue;
      }
    }
    const low = charAt(text, at);
    if (!low) return undefined;
    const isRange = text[low.end] === '-' && text[low.end + 1] !== ']' && text[low.end + 1] !== undefined;
    const high = isRange ? charAt(text, low.end + 1) : low;
    if (!high) return undefined;
    add([low.code, low.code]); // Git finds it even if the range is reversed.
    add([low.code, high.code]);
    at = high.end;
  }
  return { set: isExcluding ? set.map((bits) => ~bits) : set, end: at + 1 };
}

function charAt(text: string, at: number): { code: number; end: number } | undefined {
  const place = text[at] === '\\' ? at + 1 : at;
  return place < text.length ? { code: text.charCodeAt(place), end: place + 1 } : undefined;
}

/** @param pairs the first and the last character of each range */
function ranges(pairs: string): (readonly [number, number])[] {
  return Array.from({ length: pairs.length / 2 }, (_, index) => {
    return [pairs.charCodeAt(index * 2), pairs.charCodeAt(index * 2 + 1)] as const;
  });
}

function withoutTrailingSpaces(text: string): string {
  let end = text.length;
  while (end > 0 && text[end - 1] === ' ' && !isEscaped(text, end - 1)) end -= 1;
  return text.slice(0, end);
}

function isEscaped(text: string, at: number): boolean {
  let slashes = 0;
  while (text[at - 1 - slashes] === '\\') slashes += 1;
  return slashes % 2 === 1;
}
