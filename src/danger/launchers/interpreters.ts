import type { Language } from '../inline/patterns.js';
import { scan } from '../inline/scan.js';
import { type codeRules, runsDownload } from '../rules/code.js';
import { reporting } from '../rules/rule.js';
import { rateSql } from '../rules/sql.js';
import type { Launcher, Shell, ShellCommand } from '../shell/command.js';
import { Options } from '../shell/options.js';
import { resolvePath } from '../shell/path.js';
import { FILE, isBlank, literal, Origin, type Stream } from '../shell/value.js';

const { critical } = reporting<typeof codeRules>();

interface Interpreter {
  readonly language: Language;
  /** Options that carry code: one letter, or a long name. */
  readonly code: readonly string[];
  /** Other options that take a value. */
  readonly values?: string;
  /** Options with which the interpreter runs something other than a script. */
  readonly modules?: readonly string[];
  /** The first operand is code. */
  readonly codeOperand?: string;
}

const PYTHON: Interpreter = {
  language: 'python',
  code: ['c'],
  values: 'W X m',
  modules: ['m', 'V', 'version', 'help', 'h'],
};
const NODE: Interpreter = {
  language: 'javascript',
  code: ['e', 'p', 'eval', 'print', 'pe'],
  values: 'r C require import loader conditions input-type env-file',
  modules: ['test', 'v', 'version', 'h', 'help', 'run', 'c', 'check'],
};
const AWK: Interpreter = {
  language: 'awk',
  code: ['e', 'source'],
  values: 'v F f i E file assign',
  modules: ['f', 'file', 'E'],
  codeOperand: '',
};
const PERL: Interpreter = { language: 'perl', code: ['e', 'E'], values: 'I M', modules: ['v', 'V', 'h'] };

const INTERPRETERS: Readonly<Record<string, Interpreter>> = {
  python: PYTHON,
  python2: PYTHON,
  python3: PYTHON,
  pypy: PYTHON,
  pypy3: PYTHON,
  ipython: PYTHON,
  node: NODE,
  nodejs: NODE,
  tsx: NODE,
  'ts-node': NODE,
  bun: { ...NODE, modules: [...(NODE.modules ?? []), 'i'] },
  deno: { ...NODE, codeOperand: 'eval' },
  perl: PERL,
  ruby: { language: 'ruby', code: ['e'], values: 'I r', modules: ['v', 'version', 'h'] },
  php: { language: 'php', code: ['r', 'B', 'R'], values: 'd c f', modules: ['v', 'S', 'i', 'm', 'f', 'l'] },
  lua: { language: 'lua', code: ['e'], values: 'l', modules: ['v'] },
  luajit: { language: 'lua', code: ['e'], values: 'l', modules: ['v'] },
  Rscript: { language: 'other', code: ['e'] },
  R: { language: 'other', code: ['e'], modules: ['version', 'f'] },
  julia: { language: 'other', code: ['e', 'E'], modules: ['v'] },
  elixir: { language: 'other', code: ['e', 'eval'] },
  tclsh: { language: 'other', code: [] },
  awk: AWK,
  gawk: AWK,
  mawk: AWK,
  nawk: AWK,
};

/** Interpreters of other languages, with code on the command line or through a pipe. */
export const interpreters: readonly (readonly [string, Launcher])[] = Object.entries(INTERPRETERS).map(
  ([name, interpreter]) => [name, (command, shell) => run(interpreter, command, shell)] as const,
);

function run(interpreter: Interpreter, command: ShellCommand, shell: Shell): undefined {
  const { args, values, stdin, scope } = command;
  const named = interpreter.values?.split(' ') ?? [];
  const options = new Options(args, [...named, ...interpreter.code], true);
  const codes = codesOf(args, interpreter.code);
  const operands = values.slice(options.start);
  for (const code of codes) runCode(code, 0, interpreter, command, shell);
  if (codes.length > 0 || (interpreter.modules && options.has(...interpreter.modules))) return;
  if (interpreter.codeOperand === '') {
    const [program] = operands;
    // An awk program that is only known when it runs is less likely to do harm than other code, but it can do harm.
    if (program && !isBlank(program.text)) runCode(program.text, program.origin, interpreter, command, shell);
    return;
  }
  const [first, second] = operands;
  if (interpreter.codeOperand && first?.text === interpreter.codeOperand) {
    if (second) runCode(second.text, second.origin, interpreter, command, shell);
    return;
  }
  if (first && first.text !== '-' && first.text !== '/dev/stdin') {
    const content = first.content ?? scope.files.get(resolvePath(first.text, scope.cwd));
    if (content) runStream(content, interpreter, command, shell);
  } else if (stdin && interpreter.codeOperand === undefined) runStream(stdin, interpreter, command, shell);
}

/** `-e code`, `-ecode`, `-ne code`, `--eval=code`, as often as they are given. */
function codesOf(args: readonly string[], options: readonly string[]): readonly string[] {
  const letters = options.filter((option) => option.length === 1).join('');
  const codes: string[] = [];
  for (let at = 0; at < args.length; at++) {
    const arg = args[at] ?? '';
    if (arg === '--' || (!arg.startsWith('-') && letters === 'c')) break;
    const long = /^--([\w-]+)(?:=([\s\S]*))?$/.exec(arg);
    if (long && options.includes(long[1] ?? '')) codes.push(long[2] ?? args[++at] ?? '');
    if (long || letters === '') continue;
    const short = new RegExp(`^-[A-Za-df-z0-9.]*?[${letters}]([^]*)$`).exec(arg);
    if (!short || /^-[MI]/.test(arg)) continue;
    const rest = short[1] ?? '';
    // A single letter is more likely a part of the cluster, as in `-pe`, than code.
    if (/^[a-zA-Z]?$/.test(rest)) codes.push(args[++at] ?? '');
    else codes.push(rest);
  }
  return codes;
}

function runStream(stream: Stream, interpreter: Interpreter, command: ShellCommand, shell: Shell): void {
  const { text, origin } = stream;
  if (stream === FILE) return;
  if (text === undefined && !(origin & Origin.network)) {
    shell.report(
      critical('shell.unresolved-code', 'Feeds an interpreter with code that is only known when the command runs.'),
    );
  } else runCode(text ?? '', origin, interpreter, command, shell);
}

function runCode(code: string, origin: number, interpreter: Interpreter, command: ShellCommand, shell: Shell): void {
  if (origin & Origin.network) {
    shell.report(runsDownload);
    return;
  }
  if (isBlank(code.trim())) {
    shell.report(critical('shell.unresolved-code', 'Runs code that is only known when the command runs.'));
    return;
  }
  const found = scan(code, interpreter.language);
  for (const danger of found.dangers) shell.report(danger);
  for (const line of found.lines) shell.script(line, command.scope.fork());
  for (const call of found.calls)
    shell.call(
      call.map((text) => literal(expandHome(text, command))),
      { ...command, args: [], stdin: undefined },
    );
  for (const statement of found.sql) shell.report(rateSql(statement));
  for (const inner of found.codes) if (inner.length < code.length) runCode(inner, origin, interpreter, command, shell);
}

function expandHome(text: string, { scope }: ShellCommand): string {
  return text === '~' || text.startsWith('~/') ? scope.home + text.slice(1) : text;
}
