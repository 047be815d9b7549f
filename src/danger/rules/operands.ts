import { GIT_VALUES } from '../launchers/git.js';
import type { ShellCommand } from '../shell/command.js';
import { Options } from '../shell/options.js';

/**
 * How a program that reads files takes its arguments. Options are written without dashes, with a blank between them. Only options
 * that always take a value are listed: an option with an optional value would hide the file that follows it.
 */
interface Source {
  /** Options whose value is a text, a pattern or a number. */
  readonly text?: string;
  /** Options with two values, a name and a text. */
  readonly pair?: string;
  /** Options with two values, a name and a file. */
  readonly named?: string;
  /** Options whose value is a file or a folder that is written. */
  readonly writes?: string;
  /** Letters whose value is the rest of their cluster, but never the next argument. */
  readonly attached?: string;
  /** The first operand is a pattern or a program, unless one of these options has given it. */
  readonly program?: string;
  /** Words that may stand before that operand. */
  readonly verbs?: RegExp;
  /** Which operands are written: the last one, or all. */
  readonly target?: 'last' | 'all';
}

const GREP: Source = {
  program: 'e f regexp file',
  text: `e regexp A B C m D d after-context before-context max-count label binary-files devices directories include exclude
    exclude-dir`,
};
/** The options of `grep` and `git grep` that take a value, without dashes. */
export const GREP_VALUES: readonly string[] = `${GREP.text} f file`.split(/\s+/);
const AWK: Source = { program: 'f e E file source exec', text: 'F v e field-separator assign source' };
const SED: Source = { program: 'e f expression file', text: 'e l expression line-length', attached: 'i' };
const JQ: Source = { program: 'f from-file', text: 'indent', pair: 'arg argjson', named: 'slurpfile rawfile argfile' };
const COPY: Source = { target: 'last', text: 'S m o g suffix mode owner group', writes: 't target-directory' };
const PYTHON: Source = { text: 'c m W X' };

const SOURCES: Readonly<Record<string, Source>> = {
  grep: GREP,
  egrep: GREP,
  fgrep: GREP,
  zgrep: GREP,
  rg: {
    program: 'e f regexp file files type-list',
    text: `e regexp A B C m t T g r j M E after-context before-context context max-count type type-not glob iglob replace threads
      max-columns encoding max-depth sort sortr color colors`,
  },
  ag: { program: 'g', text: 'g G m max-count depth ignore file-search-regex' },
  ack: { program: 'f match', text: 'A B m after-context before-context max-count match type' },
  awk: AWK,
  gawk: AWK,
  mawk: AWK,
  sed: SED,
  gsed: SED,
  jq: JQ,
  yq: {
    ...JQ,
    program: 'f from-file expression',
    text: 'p o I indent input-format output-format split-exp expression',
    verbs: /^(e|eval|ea|eval-all)$/,
  },
  perl: { text: 'e E I', attached: 'i F M m x C D d' },
  ruby: { text: 'e I r E', attached: 'i F x C' },
  node: { text: 'e p pe r C eval print require import conditions input-type' },
  python: PYTHON,
  python3: PYTHON,
  php: { text: 'r B R E d' },
  lua: { text: 'e l' },
  look: { program: '' },
  cp: COPY,
  mv: COPY,
  ln: COPY,
  install: COPY,
  scp: { target: 'last', text: 'c F J l o P S X D' },
  rsync: { target: 'last', text: 'e f T B M rsh exclude include filter' },
  tee: { target: 'all' },
  tr: { target: 'all' },
  sort: { text: 'k t S T key field-separator', writes: 'o output' },
  dd: {},
  curl: {
    text: `X H A e u U x m d F w request header user-agent referer user proxy-user proxy max-time data data-raw data-binary
      data-ascii data-urlencode form form-string json connect-timeout retry range write-out`,
    writes: 'o c D output cookie-jar dump-header output-dir',
  },
  wget: {
    text: 'U t T header user-agent user password post-data tries timeout method body-data',
    writes: 'O o P output-document output-file directory-prefix',
  },
  openssl: { writes: 'out keyout' },
  gpg: { text: 'u r recipient local-user keyserver', writes: 'o output' },
  age: { text: 'r recipient', writes: 'o output' },
  gh: { text: 'q t b B H R title body jq template head base label assignee repo' },
};

type Grammar = Readonly<
  Record<'text' | 'pair' | 'named' | 'writes' | 'attached' | 'program', ReadonlySet<string>> &
    Pick<Source, 'verbs' | 'target'> & { hasProgram: boolean }
>;

const GRAMMARS = new Map(Object.entries(SOURCES).map(([name, source]) => [name, grammar(source)]));
const UNKNOWN_GRAMMAR = grammar({});
const GIT_GREP = grammar(GREP);
const GIT_MESSAGE = grammar({ text: 'm C c message author date trailer' });
const GIT_SHOW = grammar({ text: 'S G L', writes: 'o output' });

function grammar(source: Source): Grammar {
  const set = (names = ''): ReadonlySet<string> => new Set(names.split(/\s+/).filter(Boolean));
  const { text, pair, named, writes, attached, program, verbs, target } = source;
  return {
    text: set(text),
    pair: set(pair),
    named: set(named),
    writes: set(writes),
    attached: set(attached),
    program: set(program),
    hasProgram: program !== undefined,
    ...(verbs && { verbs }),
    ...(target && { target }),
  };
}

/** Options that take a text in every program that has them. */
const TEXT_OPTION =
  /^--(query|jq|filter|format|template|jsonpath|title|body|message|notes|description|subject|comment|grep|search|author|committer|pretty|since|until|labels?|pattern|regexp?)$/;
/** Values that name a file from which the real value is read. */
const FROM_FILE = /^[\w.-]*=?[@<]|^fileb?:\/\//;

/** Git commands that show, keep or send the content of files. The other commands only use the names. */
const GIT_CONTENT =
  /^(show|diff|diff-\w+|cat-file|blame|annotate|add|stage|stash|commit|hash-object|archive|apply|am|config|format-patch|difftool|range-diff|update-index|notes|tag|merge-file|mv|send-email|whatchanged|interpret-trailers)$/;

/** An argument that may name a file, with its position. */
export interface Operand {
  readonly text: string;
  readonly index: number;
}

/** The arguments that may name a file which the program reads: no patterns, no texts, and no files that are only written. */
export function readOperands({ name, args }: Pick<ShellCommand, 'name' | 'args'>): readonly Operand[] {
  if (name === 'git') return gitOperands(args);
  if (name === 'gh' && args[0] === 'search') return [];
  return operandsOf(args, GRAMMARS.get(name) ?? UNKNOWN_GRAMMAR);
}

function gitOperands(args: readonly string[]): readonly Operand[] {
  const at = new Options(args, GIT_VALUES, true).start;
  const verb = args[at] ?? '';
  const rest = args.slice(at + 1);
  const shows =
    /^(grep|log)$/.test(verb) && (verb === 'grep' || rest.some((arg) => /^(-\w*[pu]\w*|--patch\S*|-L.*)$/.test(arg)));
  if (!shows && !GIT_CONTENT.test(verb)) return [];
  const rules = verb === 'grep' ? GIT_GREP : /^(commit|stash|notes|tag)$/.test(verb) ? GIT_MESSAGE : GIT_SHOW;
  return operandsOf(rest, rules).map(({ text, index }) => ({ text, index: index + at + 1 }));
}

function operandsOf(args: readonly string[], rules: Grammar): readonly Operand[] {
  const operands: Operand[] = [];
  const values: Operand[] = [];
  let programGiven = !rules.hasProgram;
  let targetGiven = false;
  /** How many arguments, `value` the first of them, belong to the option. */
  const take = (name: string, value: string | undefined, at: number): number => {
    if (rules.program.has(name)) programGiven = true;
    if (rules.writes.has(name)) targetGiven = true;
    if (rules.pair.has(name)) return 2;
    if (rules.named.has(name)) {
      values.push({ text: args[at + 2] ?? '', index: at + 2 });
      return 2;
    }
    if (!rules.text.has(name) && !rules.writes.has(name)) return 0;
    if (value !== undefined && FROM_FILE.test(value)) values.push({ text: value, index: at });
    return 1;
  };
  for (let at = 0; at < args.length; at++) {
    const arg = args[at] ?? '';
    if (arg === '--') {
      for (let rest = at + 1; rest < args.length; rest++) operands.push({ text: args[rest] ?? '', index: rest });
      break;
    }
    if (arg.length < 2 || arg[0] !== '-') operands.push({ text: arg, index: at });
    else if (arg.startsWith('--')) {
      const equals = arg.indexOf('=');
      const name = arg.slice(2, equals < 0 ? undefined : equals);
      // GNU programs take abbreviations of long options.
      for (const full of rules.program)
        if (name.length > 1 && full.startsWith(name) && !rules.text.has(name)) programGiven = true;
      for (const full of rules.writes) if (name.length > 1 && full.startsWith(name)) targetGiven = true;
      const taken = take(name, equals < 0 ? args[at + 1] : arg.slice(equals + 1), at);
      if (equals < 0) at += TEXT_OPTION.test(arg) ? 1 : taken;
      else if (taken === 0 && !TEXT_OPTION.test(arg.slice(0, equals))) values.push({ text: arg, index: at });
    } else if (arg.length > 2 && (rules.text.has(arg.slice(1)) || rules.writes.has(arg.slice(1)))) {
      at += take(arg.slice(1), args[at + 1], at);
    } else at += takeCluster(arg, args[at + 1], at, rules, take);
  }
  if (rules.verbs?.test(operands[0]?.text ?? '')) operands.shift();
  if (!programGiven && !isLoneFile(operands, rules)) operands.shift();
  if (rules.target === 'all') operands.length = 0;
  else if (rules.target && operands.length > 1 && !targetGiven) operands.pop();
  return [...operands, ...values];
}

function takeCluster(
  arg: string,
  next: string | undefined,
  at: number,
  rules: Grammar,
  take: (name: string, value: string | undefined, at: number) => number,
): number {
  for (let letter = 1; letter < arg.length; letter++) {
    const name = arg[letter] ?? '';
    if (rules.attached.has(name)) return 0;
    const rest = arg.slice(letter + 1);
    const taken = take(name, rest === '' ? next : rest, at);
    if (taken > 0) return rest === '' ? taken : 0;
  }
  return 0;
}

/** Whether the only operand of `yq` is a file. Expressions begin like no path does, or have a second dot. */
function isLoneFile([only, ...others]: readonly Operand[], { verbs }: Grammar): boolean {
  if (!verbs || !only || others.length > 0) return false;
  return !/^[.([{"'$]/.test(only.text) || only.text.includes('/') || /^\.[\w-]+$/.test(only.text);
}
