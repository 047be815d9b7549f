/** A brace expansion that makes more words is not followed. */
const MAX_WORDS = 64;

/**
 * Brace expansion of the source text of a word. The shell does it before everything else, without regard to what the words
 * mean. Returns `undefined` if there would be too many words.
 */
export function expandBraces(source: string, depth = 0): string[] | undefined {
  if (depth > 8) return undefined;
  const brace = findBrace(source);
  if (!brace) return [source];
  const tails = expandBraces(source.slice(brace.end), depth + 1);
  if (!tails) return undefined;
  const words: string[] = [];
  for (const item of brace.items) {
    const middles = expandBraces(item, depth + 1);
    if (!middles) return undefined;
    for (const middle of middles) {
      for (const tail of tails) {
        words.push(source.slice(0, brace.start) + middle + tail);
        if (words.length > MAX_WORDS) return undefined;
      }
    }
  }
  return words;
}

interface Brace {
  readonly start: number;
  readonly end: number;
  readonly items: readonly string[];
}

/** The first `{a,b}` or `{1..3}` of a word that is not quoted. */
function findBrace(source: string): Brace | undefined {
  for (let at = 0; at < source.length; at = skip(source, at)) {
    if (source[at] !== '{') continue;
    const brace = readBrace(source, at);
    if (brace) return brace;
  }
  return undefined;
}

function readBrace(source: string, start: number): Brace | undefined {
  const items: string[] = [];
  let itemStart = start + 1;
  let depth = 0;
  for (let at = start + 1; at < source.length; at = skip(source, at)) {
    const character = source[at];
    if (character === '{') depth += 1;
    else if (character === ',' && depth === 0) {
      items.push(source.slice(itemStart, at));
      itemStart = at + 1;
    } else if (character === '}' && depth-- === 0) {
      const last = source.slice(itemStart, at);
      const all = items.length > 0 ? [...items, last] : sequence(last);
      return all && { start, end: at + 1, items: all };
    }
  }
  return undefined;
}

function sequence(range: string): string[] | undefined {
  const [from, to, by, ...more] = range.split('..');
  if (from === undefined || to === undefined || more.length > 0) return undefined;
  const letters = /^[A-Za-z]$/.test(from) && /^[A-Za-z]$/.test(to);
  const first = letters ? from.charCodeAt(0) : Number.parseInt(from, 10);
  const last = letters ? to.charCodeAt(0) : Number.parseInt(to, 10);
  if (Number.isNaN(first) || Number.isNaN(last)) return undefined;
  const step = Math.max(1, Math.abs(Number.parseInt(by ?? '1', 10)) || 1);
  const count = Math.min(Math.floor(Math.abs(last - first) / step) + 1, MAX_WORDS + 1);
  const sign = last < first ? -1 : 1;
  return Array.from({ length: count }, (_, index) => {
    const value = first + sign * step * index;
    return letters ? String.fromCharCode(value) : String(value);
  });
}

/** The position after the character, the quoted text or the expansion that starts at `at`. */
function skip(source: string, at: number): number {
  const character = source[at];
  if (character === '\\') return at + 2;
  if (character === "'") return after(source.indexOf("'", at + 1), source);
  if (character === '"' || character === '`') {
    for (let end = at + 1; end < source.length; end++) {
      if (source[end] === '\\') end += 1;
      else if (source[end] === character) return end + 1;
    }
    return source.length;
  }
  if (character === '$' && (source[at + 1] === '{' || source[at + 1] === '(')) {
    const close = source[at + 1] === '{' ? '}' : ')';
    const open = source[at + 1];
    let depth = 0;
    for (let end = at + 1; end < source.length; end++) {
      if (source[end] === '\\') end += 1;
      else if (source[end] === open) depth += 1;
      else if (source[end] === close && --depth === 0) return end + 1;
    }
    return source.length;
  }
  return at + 1;
}

function after(index: number, source: string): number {
  return index < 0 ? source.length : index + 1;
}
