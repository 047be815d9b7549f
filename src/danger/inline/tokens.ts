/** The string literals of a piece of code, and the code without them. */
export interface Tokens {
  readonly code: string;
  /** The code with the content of strings and comments blanked out, position by position. */
  readonly bare: string;
  readonly strings: readonly StringToken[];
  /** Where the value of the last plain assignment to each variable stands. */
  readonly assignments: ReadonlyMap<string, number>;
  /** True if a string has no end. Then strings and code may be mistaken for each other. */
  readonly unbalanced: boolean;
}

export interface StringToken {
  /** Where the opening quote stands, and where the text after the closing one goes on. */
  readonly start: number;
  readonly end: number;
  readonly text: string;
  readonly quote: string;
}

/** Which comments a language has: these start one that goes to the end of the line. */
export type CommentStart = '#' | '//' | '--';

/** Finds the strings in code without a grammar of its language. A string that is not closed ends with its line. */
export function tokenize(code: string, comments: readonly CommentStart[]): Tokens {
  const strings: StringToken[] = [];
  const bare: string[] = [];
  let unbalanced = false;
  let copied = 0;
  for (let at = 0; at < code.length; ) {
    const comment = comments.find((start) => code.startsWith(start, at) && (start !== '#' || isCommentPlace(code, at)));
    const quote = comment ? undefined : quoteAt(code, at);
    if (!comment && !quote) {
      at += 1;
      continue;
    }
    bare.push(code.slice(copied, at));
    if (comment) {
      const lineEnd = code.indexOf('\n', at);
      copied = lineEnd < 0 ? code.length : lineEnd;
      bare.push(' '.repeat(copied - at));
    } else if (quote) {
      const end = closing(code, at + quote.length, quote);
      unbalanced ||= !code.startsWith(quote, end);
      copied = Math.min(end + quote.length, code.length);
      strings.push({ start: at, end: copied, text: unescaped(code.slice(at + quote.length, end)), quote });
      bare.push(quote.charAt(0), ' '.repeat(Math.max(copied - at - 2, 0)), copied - at > 1 ? quote.charAt(0) : '');
    }
    at = copied;
  }
  bare.push(code.slice(copied));
  const text = bare.join('');
  const assignments = new Map<string, number>();
  for (const match of text.matchAll(/(?<![\w.])[$@]?([A-Za-z_]\w*)\s*=(?!=)\s*/g)) {
    assignments.set(match[1] ?? '', match.index + match[0].length);
  }
  return { code, bare: text, strings, assignments, unbalanced };
}

/** Ruby and Perl write `#{…}` and `$#array`. */
function isCommentPlace(code: string, at: number): boolean {
  return code[at - 1] !== '$' && code[at + 1] !== '{';
}

function quoteAt(code: string, at: number): string | undefined {
  const character = code[at];
  if (character !== '"' && character !== "'" && character !== '`') return undefined;
  const triple = character.repeat(3);
  return character !== '`' && code.startsWith(triple, at) ? triple : character;
}

function closing(code: string, start: number, quote: string): number {
  let continues: boolean | undefined;
  for (let at = start; at < code.length; at++) {
    if (code[at] === '\\') {
      at += 1;
      continue;
    }
    if (code[at] === '\n' && quote.length === 1) {
      continues ??= code.includes(quote, at);
      if (!continues) return at;
    }
    if (code.startsWith(quote, at)) return at;
  }
  return code.length;
}

function unescaped(text: string): string {
  if (!text.includes('\\')) return text;
  return text.replace(/\\(x[\da-fA-F]{2}|u[\da-fA-F]{4}|[0-7]{1,3}|[\s\S])/g, (_, code: string) => {
    if (/^[xu]./.test(code)) return String.fromCharCode(Number.parseInt(code.slice(1), 16));
    if (/^[0-7]/.test(code)) return String.fromCharCode(Number.parseInt(code, 8));
    return code === 'n' ? '\n' : code === 't' ? '\t' : code;
  });
}
