import type { Danger } from '../danger.js';
import type { codeRules } from '../rules/code.js';
import type { networkRules } from '../rules/network.js';
import { reporting } from '../rules/rule.js';
import { TooComplex } from '../shell/budget.js';
import { ANY, isBlank, isKnown } from '../shell/value.js';
import { argumentSource, readArguments, readStatement } from './arguments.js';
import { decodedVariables, decodes, RUNS_TEXT } from './decoding.js';
import {
  COMMENTS,
  CONNECTS,
  DECODES,
  ENVIRONMENT,
  EVALUATE,
  FORKS,
  type Language,
  LIST,
  LISTED_PATH,
  READ,
  RECURSIVE,
  REMOVE,
  REMOVE_TREE,
  SENDS,
  SPAWN,
  SQL_CALL,
  WRITE,
} from './patterns.js';
import { type Tokens, tokenize } from './tokens.js';

const { critical } = reporting<typeof codeRules & typeof networkRules>();

/** Honest code in a command starts fewer programs. */
const MAX_CALLS = 400;

/** What a scan of code finds. If a shell command could do the same as the code, the scan returns that command. */
export interface Found {
  /** A shell's command line. */
  readonly lines: readonly string[];
  /** Commands as lists of arguments. */
  readonly calls: readonly (readonly string[])[];
  readonly sql: readonly string[];
  /** Code of the same language inside strings. */
  readonly codes: readonly string[];
  readonly dangers: readonly Danger[];
}

/** Searches code of another language for what it does to files and for programs that it starts. */
export function scan(code: string, language: Language): Found {
  const tokens = tokenize(code, COMMENTS[language]);
  const lines: string[] = [];
  const calls: (readonly string[])[] = [];
  const sql: string[] = [];
  const spawn = spawnPattern(code, language);
  for (const items of argumentsOf(tokens, spawn, language)) {
    const [first] = items;
    if (first === undefined) continue;
    lines.push(first);
    if (items.length > 1) calls.push(items);
  }
  lines.push(...backticks(tokens, language), ...pipes(tokens, language));
  for (const [target] of argumentsOf(tokens, REMOVE_TREE, language))
    if (target !== undefined) calls.push(['rm', '-rf', '--', target]);
  const removals = callsOf(tokens, REMOVE, language);
  for (const { items, source } of removals) {
    const [target] = items;
    if (target !== undefined) calls.push(['rm', RECURSIVE.test(source) ? '-rf' : '-f', '--', target]);
  }
  const removesListed = removals.some(({ items: [target] }) => target === undefined || !isKnown(target));
  if (removesListed || /["'&]unlink\b/.test(code)) calls.push(...listed(tokens, language));
  // Perl also writes a glob as `<*.c>`.
  for (const [, glob] of code.matchAll(/\bunlink\s*\(?\s*<([^<>\n]{1,200})>/g)) if (glob) calls.push(removal(glob));
  const sends = SENDS.test(tokens.bare) || CONNECTS.test(tokens.bare);
  for (const [target, mode = ''] of argumentsOf(tokens, READ, language)) {
    if (target === undefined || isBlank(target)) continue;
    if (/^[wax]/.test(mode) || mode.startsWith('>')) calls.push(['tee', '--', target]);
    else calls.push(sends ? ['curl', '-T', target] : ['cat', '--', target]);
  }
  for (const [target] of argumentsOf(tokens, WRITE, language)) {
    if (target !== undefined && !isBlank(target)) calls.push(['tee', '--', target]);
  }
  for (const [statement] of argumentsOf(tokens, SQL_CALL, language)) if (statement !== undefined) sql.push(statement);
  const flat = tokens.bare.replace(/\s+/g, ' ');
  const codes = argumentsOf(tokens, EVALUATE, language).flatMap(([inner]) => (inner && !isBlank(inner) ? [inner] : []));
  const dangers = [...obfuscation(code, flat), ...runsDecoded(tokens, spawn, language), ...connections(code, flat)];
  return { lines, calls, sql, codes, dangers };
}

/** Deletions of files that a list or a pattern names. */
function listed(tokens: Tokens, language: Language): readonly (readonly string[])[] {
  const targets = argumentsOf(tokens, LIST, language).flatMap(([target]) => target ?? []);
  const paths = [...tokens.code.matchAll(LISTED_PATH)].map(([, , path]) => path ?? '~');
  return [...targets, ...paths].filter((target) => !isBlank(target)).map(removal);
}

/** A deletion of what a pattern matches. The pattern most likely excludes some files. */
function removal(glob: string): readonly string[] {
  const wild = glob.search(/[*?[{\uFDD0-\uFDD2]/);
  const root = wild < 0 ? glob : glob.slice(0, glob.lastIndexOf('/', wild) + 1);
  return ['find', root === '' ? '.' : root, '-name', '*.*', '-delete'];
}

/** The calls that start a program, with functions that the code imports by their bare names. */
function spawnPattern(code: string, language: Language): RegExp {
  const { source } = SPAWN[language];
  if (language === 'javascript' && code.includes('child_process'))
    return new RegExp(`${source}|\\bexec\\s*(?=\\()`, 'g');
  if (language !== 'python' || !/from\s+subprocess\s+import/.test(code)) return SPAWN[language];
  return new RegExp(`${source}|\\b(?:run|call|Popen|check_call|check_output|getoutput)\\s*(?=\\()`, 'g');
}

interface Call {
  readonly items: readonly string[];
  /** What stands between the brackets, without its strings. */
  readonly source: string;
  /** What stands between the brackets, with its strings. */
  readonly strings: string;
}

function callsOf(tokens: Tokens, pattern: RegExp, language: Language): readonly Call[] {
  const calls: Call[] = [];
  for (const match of tokens.bare.matchAll(pattern)) {
    const call = readCall(tokens, match.index, match[0].length, language);
    if (call) calls.push(call);
    if (calls.length > MAX_CALLS) throw new TooComplex('too many calls');
  }
  if (!tokens.unbalanced) return calls;
  // A quote in a pattern or a comment may have made code look like a string.
  for (const match of tokens.code.matchAll(pattern)) {
    const part = tokenize(tokens.code.slice(match.index, match.index + 2_000), COMMENTS[language]);
    const call = readCall(part, 0, match[0].length, language);
    if (call) calls.push(call);
    if (calls.length > MAX_CALLS) throw new TooComplex('too many calls');
  }
  return calls;
}

function readCall(tokens: Tokens, start: number, length: number, language: Language): Call | undefined {
  const after = start + length;
  const before = tokens.bare.slice(Math.max(0, start - 12), start);
  if (/[\w$]$|\b(?:def|function|sub)\s+$/.test(before)) return undefined;
  if (tokens.bare[after] === '(') {
    const source = argumentSource(tokens, after);
    return {
      items: readArguments(tokens, after),
      source,
      strings: tokens.code.slice(after + 1, after + 1 + source.length),
    };
  }
  if (language !== 'perl' && language !== 'ruby') return undefined;
  const statement = /^[^;\n}]{0,2000}/.exec(tokens.bare.slice(after, after + 2_000))?.[0] ?? '';
  return {
    items: readStatement(tokens, after),
    source: statement,
    strings: tokens.code.slice(after, after + statement.length),
  };
}

function argumentsOf(tokens: Tokens, pattern: RegExp, language: Language): readonly (readonly string[])[] {
  return callsOf(tokens, pattern, language).map(({ items }) => items);
}

/** Backticks run a command in Perl, Ruby and PHP; Perl and Ruby also write `qx(…)` and `%x(…)`. */
function backticks({ code, strings }: Tokens, language: Language): readonly string[] {
  if (language === 'javascript') {
    return strings
      .filter(({ quote, start }) => quote === '`' && code[start - 1] === '$')
      .map(({ text }) => text.replace(/\$\{[^}]{0,200}\}/g, ANY));
  }
  if (language !== 'perl' && language !== 'ruby' && language !== 'php') return [];
  const quoted = strings.filter(({ quote }) => quote === '`').map(({ text }) => text);
  const words = [
    ...code.matchAll(
      /(?:\bqx\s?|%x)(?:\(([^)]{0,2000})\)|\{([^}]{0,2000})\}|\[([^\]]{0,2000})\]|([/!|])(.{0,2000}?)\4)/gs,
    ),
  ];
  return [...quoted, ...words.map(([, a, b, c, , d]) => a ?? b ?? c ?? d ?? '')];
}

/** `open(F, "cmd |")` in Perl, and awk's pipes from and to commands. */
function pipes({ bare, strings }: Tokens, language: Language): readonly string[] {
  if (language === 'perl') {
    const opens = /\bopen\b/.test(bare);
    return strings.flatMap(({ text }) => {
      const trimmed = text.trim();
      const command = trimmed.startsWith('|') ? trimmed.slice(1) : trimmed.endsWith('|') ? trimmed.slice(0, -1) : '';
      return command.trim() !== '' && opens ? [command] : [];
    });
  }
  if (language !== 'awk') return [];
  return strings.flatMap(({ start, end, text }) => {
    const from = /^\s*\|\s*getline/.test(bare.slice(end, end + 40));
    const to = /[^|]\|&?\s*$/.test(bare.slice(Math.max(0, start - 40), start));
    // The text that is printed into the pipe is not followed.
    return from ? [text] : to ? [`cat - | ${text}`] : [];
  });
}

/** Finds a call that runs decoded text, directly or through variables. */
function runsDecoded(tokens: Tokens, spawn: RegExp, language: Language): readonly Danger[] {
  const tainted = decodedVariables(tokens);
  for (const pattern of [spawn, RUNS_TEXT]) {
    for (const { source, strings } of callsOf(tokens, pattern, language))
      if (decodes(source, strings, tainted)) return [decoded];
  }
  return [];
}

const decoded = critical(
  'code.obfuscated',
  'Runs code that it decodes, downloads or puts together first; write the code itself.',
);

/** Finds code that is put together only when it runs. */
function obfuscation(code: string, bare: string): readonly Danger[] {
  const evaluates =
    /(?<![.\w])(?:exec|eval|compile|Function|instance_eval|loadstring)\s*\(|\bvm\.run\w*\(|(?<![.\w])eval\b/.test(bare);
  const hides =
    /\bgetattr\s*\(\s*(?:os|subprocess|shutil|sys|builtins|__builtins__|__import__)|__builtins__|globals\(\)\s*\[|\bsend\(\s*:?["']?\w*["']?\s*\+/.test(
      bare,
    );
  if (!(evaluates && DECODES.test(code)) && !hides) return [];
  return [decoded];
}

function connections(code: string, bare: string): readonly Danger[] {
  const dangers: Danger[] = [];
  if (CONNECTS.test(bare) && /dup2|pty\.spawn|\/bin\/(?:ba|z|da)?sh|cmd\.exe|["'](?:ba|z)?sh["']/.test(code)) {
    dangers.push(critical('network.reverse-shell', 'Gives somebody on the network a shell on this machine.'));
  }
  if ((SENDS.test(bare) || CONNECTS.test(bare)) && ENVIRONMENT.test(bare)) {
    dangers.push(critical('network.exfiltration', 'Sends the environment with its keys to a server.'));
  }
  if (FORKS.test(bare))
    dangers.push(critical('process.fork-bomb', 'Starts copies of itself without end, which takes the machine down.'));
  return dangers;
}
