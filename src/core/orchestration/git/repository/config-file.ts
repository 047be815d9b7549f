/** A setting of a configuration file. Its name is written as `git config --list` shows it. */
export interface GitConfigEntry {
  name: string;
  value: string;
}

const SPACE = /[\t\n\r ]/;
const ESCAPES: Readonly<Record<string, string>> = { t: '\t', b: '\b', n: '\n', '\\': '\\', '"': '"' };

/**
 * Parses a configuration exactly as git does. So nothing that git would see can hide behind quotes, escapes or continued lines.
 *
 * @returns undefined if git would refuse the file as well
 */
export function parseGitConfig(text: string): GitConfigEntry[] | undefined {
  const input = text.replace(/^\uFEFF/, '').replaceAll('\r\n', '\n');
  const entries: GitConfigEntry[] = [];
  let section: string[] = [];
  let at = 0;
  while (at < input.length) {
    const char = input[at] ?? '';
    if (SPACE.test(char)) at += 1;
    else if (char === '#' || char === ';') at = endOfLine(input, at);
    else if (char === '[') {
      const header = parseSection(input, at + 1);
      if (!header) return undefined;
      section = [header.name];
      at = header.end;
    } else {
      const key = /[a-z][a-z0-9-]*/iy;
      key.lastIndex = at;
      const name = key.exec(input)?.[0];
      if (name === undefined) return undefined;
      const value = parseValue(input, at + name.length);
      if (!value) return undefined;
      entries.push({ name: [...section, name.toLowerCase()].join('.'), value: value.text });
      at = value.end;
    }
  }
  return entries;
}

interface Header {
  name: string;
  end: number;
}

/** The rest of a section header: `core]`, or `remote "origin"]`, in which the second part keeps its case. */
function parseSection(input: string, from: number): Header | undefined {
  const header = /([a-z0-9.-]*)(?:[\t\r ]+"((?:[^"\\\n]|\\[^\n])*)")?\]/iy;
  header.lastIndex = from;
  const [whole, base = '', sub] = header.exec(input) ?? [];
  if (whole === undefined) return undefined;
  const name = base.toLowerCase() + (sub === undefined ? '' : `.${sub.replace(/\\(.)/g, '$1')}`);
  return { name, end: from + whole.length };
}

interface Value {
  text: string;
  end: number;
}

/** The text after a key: ` = value`, up to the end of its line. A key without a value means true. */
function parseValue(input: string, from: number): Value | undefined {
  let at = from;
  while (input[at] === ' ' || input[at] === '\t') at += 1;
  if (at >= input.length || input[at] === '\n') return { text: 'true', end: at };
  if (input[at] !== '=') return undefined;
  let text = '';
  let spaces = 0;
  let quoted = false;
  for (at += 1; at < input.length && input[at] !== '\n'; at += 1) {
    let char = input[at] ?? '';
    if (!quoted && SPACE.test(char)) {
      if (text !== '') spaces += 1;
      continue;
    }
    if (!quoted && (char === '#' || char === ';')) {
      at = endOfLine(input, at);
      break;
    }
    text += ' '.repeat(spaces);
    spaces = 0;
    if (char === '"') {
      quoted = !quoted;
      continue;
    }
    if (char === '\\') {
      at += 1;
      if (input[at] === '\n') continue;
      const escaped = ESCAPES[input[at] ?? ''];
      if (escaped === undefined) return undefined;
      char = escaped;
    }
    text += char;
  }
  return quoted ? undefined : { text, end: at };
}

function endOfLine(input: string, from: number): number {
  const end = input.indexOf('\n', from);
  return end === -1 ? input.length : end;
}
