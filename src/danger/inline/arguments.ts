import { ANY } from '../shell/value.js';
import type { StringToken, Tokens } from './tokens.js';

/** Longer argument lists are not written by hand. */
const MAX_ARGUMENTS = 4_000;
const MAX_ITEMS = 64;

/**
 * The arguments of the call whose opening bracket is at `open`, as texts. Everything except constants is unknown. Elements of
 * lists are arguments as well. Named arguments and objects are left out.
 */
export function readArguments(tokens: Tokens, open: number): readonly string[] {
  const end = closingBracket(tokens.bare, open);
  return readItems(tokens, open + 1, end, 0);
}

/** The source between the brackets of a call, without its strings. */
export function argumentSource(tokens: Tokens, open: number): string {
  return tokens.bare.slice(open + 1, closingBracket(tokens.bare, open));
}

/** For languages that call without brackets: `system "x", "y"` up to the end of the statement. */
export function readStatement(tokens: Tokens, start: number): readonly string[] {
  const rest = tokens.bare.slice(start, start + MAX_ARGUMENTS);
  const stop = rest.search(/[;\n}]|\b(?:if|unless|or|and|while)\b/);
  return readItems(tokens, start, stop < 0 ? start + rest.length : start + stop, 0);
}

function closingBracket(bare: string, open: number): number {
  let depth = 0;
  const limit = Math.min(bare.length, open + MAX_ARGUMENTS);
  for (let at = open; at < limit; at++) {
    const character = bare[at];
    if (character === '(' || character === '[' || character === '{') depth += 1;
    else if ((character === ')' || character === ']' || character === '}') && --depth === 0) return at;
  }
  return limit;
}

function readItems(tokens: Tokens, start: number, end: number, depth: number): readonly string[] {
  const items: string[] = [];
  let itemStart = start;
  for (let at = start; at <= end && items.length < MAX_ITEMS; at++) {
    const character = tokens.bare[at];
    const atEnd = at === end;
    if (!atEnd && (character === '(' || character === '{')) {
      at = closingBracket(tokens.bare, at);
      continue;
    }
    if (!atEnd && character === '[' && tokens.bare.slice(itemStart, at).trim() === '') {
      const close = Math.min(closingBracket(tokens.bare, at), end);
      items.push(...readItems(tokens, at + 1, close, depth));
      at = close;
      itemStart = close + 1;
      continue;
    }
    if (!atEnd && character !== ',') continue;
    const item = readItem(tokens, itemStart, at, depth);
    items.push(...item);
    itemStart = at + 1;
  }
  return items;
}

/** One argument: its strings joined in their order. Everything else in it is unknown. */
function readItem(tokens: Tokens, start: number, end: number, depth: number): readonly string[] {
  const source = tokens.bare.slice(start, end);
  const trimmed = source.trim();
  if (trimmed === '' || /^\w+\s*(?:=[^=]|:(?!:))/.test(trimmed) || trimmed.startsWith('{') || trimmed.startsWith('*'))
    return [];
  if (/mkdtemp|tmpdir|gettempdir|TemporaryDirectory|tempnam|tmpname/i.test(source)) return ['/tmp/x'];
  const variable = /^[$@]?([A-Za-z_]\w*)$/.exec(trimmed)?.[1];
  if (variable !== undefined) return depth > 2 ? [ANY] : assigned(tokens, variable, depth);
  const inside = stringsBetween(tokens, start, end);
  const joins = /join|Path\(|resolve/.test(source);
  let text = '';
  let at = start;
  for (const [index, string] of inside.entries()) {
    const between = tokens.bare.slice(at, string.start);
    if (!isGlue(between)) text += ANY;
    if (joins && index > 0) text += '/';
    text += interpolated(string, tokens.bare[string.start - 1] ?? '');
    at = string.end;
  }
  if (inside.length === 0) return [ANY];
  if (!isGlue(tokens.bare.slice(at, end))) text += ANY;
  return [text];
}

/** What may stand between two strings that become one text: an operator, a bracket, or a function that only joins them. */
function isGlue(source: string): boolean {
  return /^(?:[\s+.,()[\]/]|\b(?:os|path|join|Path|pathlib|resolve|glob|expanduser|abspath|realpath|str|new|URL|require|\w?[rubf]|__dirname|__file__|dirname|process|cwd|getcwd|decode|encode|split|trim|toString|strip)\b)*$/i.test(
    source,
  );
}

function stringsBetween(tokens: Tokens, start: number, end: number): readonly StringToken[] {
  let low = 0;
  let high = tokens.strings.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((tokens.strings[middle]?.start ?? 0) < start) low = middle + 1;
    else high = middle;
  }
  const found: StringToken[] = [];
  for (let at = low; at < tokens.strings.length && found.length < MAX_ITEMS; at++) {
    const string = tokens.strings[at];
    if (!string || string.start >= end) break;
    found.push(string);
  }
  return found;
}

/** Replaces the parts of a string that are only known when the code runs. These parts are unknown. */
function interpolated({ text, quote }: StringToken, prefix: string): string {
  let result = text;
  if (/[fF]/.test(prefix)) result = result.replace(/\{[^{}]*\}/g, ANY);
  if (quote === '`') result = result.replace(/\$\{[^}]{0,200}\}/g, ANY);
  if (quote === '"') result = result.replace(/#\{[^}]{0,200}\}/g, ANY);
  return result.replace(/%[srd]\b|\{\d*\}/g, ANY);
}

/** The value of the last plain assignment to a variable. */
function assigned(tokens: Tokens, name: string, depth: number): readonly string[] {
  const start = tokens.assignments.get(name);
  if (start === undefined) return [ANY];
  const rest = tokens.bare.slice(start, start + MAX_ARGUMENTS);
  const stop = /^[[(]/.test(rest) ? closingBracket(tokens.bare, start) + 1 - start : rest.search(/[;\n]/);
  const found = readItems(tokens, start, stop < 0 ? start + rest.length : start + stop, depth + 1);
  return found.length > 0 ? found : [ANY];
}
