/** One character of a name, or any number of them. */
type Token =
  | 'some'
  | { readonly isExcluding: boolean; readonly ranges: readonly (readonly [from: number, to: number])[] };
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

/** Thrown if more would have to be compared. */
export class TooManySteps extends Error {}

const ANY = { isExcluding: true, ranges: [] } as const;
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
  const parts: Part[] = [];
  for (const text of pattern.replace(/^\//, '').split('/')) {
    const part = text === '**' ? 'folders' : tokensOf(text);
    if (part === undefined) return undefined;
    parts.push(part);
  }
  return { isExcluding, isPath: pattern.includes('/'), parts };
}

/** The form in which names are compared. Git compares bytes. */
export function bytesOf(text: string): string {
  return Buffer.from(text).toString('latin1');
}

/**
 * True if a pattern names a path.
 *
 * @param path the names on the way from the folder of the ignore file, as {@link bytesOf} gives them
 * @throws TooManySteps
 */
export function fits({ isPath, parts }: IgnorePattern, path: readonly string[], steps: Steps): boolean {
  return isPath ? fitsParts(parts, path, steps) : fitsParts(parts, path.slice(-1), steps);
}

/** Only the latest `**` is tried again with more folders: what an earlier one would take instead can be taken by the later one. */
function fitsParts(parts: readonly Part[], path: readonly string[], steps: Steps): boolean {
  let [part, at] = [0, 0];
  let again: { part: number; at: number } | undefined;
  while (at < path.length) {
    const wanted = parts[part];
    const isLast = part === parts.length - 1;
    if (wanted === 'folders') {
      if (isLast) return true;
      again = { part, at };
      part += 1;
    } else if (wanted !== undefined && fitsName(wanted, path[at] ?? '', steps)) {
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
    steps.left -= 1;
    if (steps.left < 0) throw new TooManySteps();
    const wanted = tokens[token];
    if (wanted === 'some') {
      again = { token, at };
      token += 1;
    } else if (wanted !== undefined && isIn(wanted, name.charCodeAt(at))) {
      token += 1;
      at += 1;
    } else if (again) {
      again.at += 1;
      [token, at] = [again.token + 1, again.at];
    } else return false;
  }
  while (tokens[token] === 'some') token += 1;
  return token === tokens.length;
}

function isIn({ isExcluding, ranges: within }: Exclude<Token, 'some'>, char: number): boolean {
  return within.some(([from, to]) => char >= from && char <= to) !== isExcluding;
}

/** Undefined if git takes the pattern for a broken one, which names nothing. */
function tokensOf(text: string): Token[] | undefined {
  const tokens: Token[] = [];
  let at = 0;
  while (at < text.length) {
    const char = text[at] ?? '';
    if (char === '*') {
      if (tokens.at(-1) !== 'some') tokens.push('some');
      at += 1;
    } else if (char === '?') {
      tokens.push(ANY);
      at += 1;
    } else if (char === '[') {
      const set = setAt(text, at + 1);
      if (!set) return undefined;
      tokens.push(set.token);
      at = set.end;
    } else {
      const literal = char === '\\' ? text[at + 1] : char;
      if (literal === undefined) return undefined;
      tokens.push({ isExcluding: false, ranges: ranges(literal + literal) });
      at += char === '\\' ? 2 : 1;
    }
  }
  return tokens;
}

/** A set such as `[a-z]`. @param from behind the bracket */
function setAt(text: string, from: number): { token: Token; end: number } | undefined {
  const isExcluding = text[from] === '!' || text[from] === '^';
  const found: (readonly [number, number])[] = [];
  let at = isExcluding ? from + 1 : from;
  let isFirst = true;
  while (isFirst || text[at] !== ']') {
    isFirst = false;
    const named = /\[:([a-z]*):\]/y;
    named.lastIndex = at;
    const name = named.exec(text)?.[1];
    if (name !== undefined) {
      const kind = Object.hasOwn(CLASSES, name) ? CLASSES[name] : undefined;
      if (!kind) return undefined;
      found.push(...kind);
      at = named.lastIndex;
      continue;
    }
    const low = charAt(text, at);
    if (!low) return undefined;
    const isRange = text[low.end] === '-' && text[low.end + 1] !== ']' && text[low.end + 1] !== undefined;
    const high = isRange ? charAt(text, low.end + 1) : low;
    if (!high) return undefined;
    found.push([low.code, high.code]);
    at = high.end;
  }
  return { token: { isExcluding, ranges: found }, end: at + 1 };
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
