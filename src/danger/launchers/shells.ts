import { type codeRules, runsDownload } from '../rules/code.js';
import { reporting } from '../rules/rule.js';
import type { Launcher, Shell, ShellCommand } from '../shell/command.js';
import { Options } from '../shell/options.js';
import { resolvePath } from '../shell/path.js';
import type { Scope } from '../shell/scope.js';
import { FILE, Origin, type Stream, type Value } from '../shell/value.js';

const { critical } = reporting<typeof codeRules>();

const NAMES = [
  'sh',
  'bash',
  'dash',
  'zsh',
  'ksh',
  'mksh',
  'ash',
  'rbash',
  'fish',
  'csh',
  'tcsh',
  'yash',
  'osh',
  'hush',
];
const VALUES = ['o', 'O', 'rcfile', 'init-file'];
const INPUT = /^(-|\/dev\/stdin|\/dev\/fd\/0|\/proc\/self\/fd\/0)$/;

/** Shells, and the builtins that run code in the present one. */
export const shells: readonly (readonly [string, Launcher])[] = [
  ...NAMES.map((name) => [name, runShell] as const),
  ['eval', runEval],
  ['source', runSource],
  ['.', runSource],
  ['trap', runTrap],
];

function runShell(command: ShellCommand, shell: Shell): Stream | undefined {
  const { stdin } = command;
  // `+n` switches an option off. Other options may follow.
  const values = command.values.filter(({ text }, index) => !(text.startsWith('+') && isOption(command.args, index)));
  const args = values.map(({ text }) => text);
  const options = new Options(args, VALUES, true);
  const scope = childScope(command);
  const operands = values.slice(options.start);
  const takesBack = values.length < command.values.length;
  if (options.has('version', 'help') || (!takesBack && onlyReads(args.slice(0, options.start), options)))
    return undefined;
  for (const key of ['rcfile', 'init-file']) {
    const file = options.value(key);
    if (file) runContent(scope.files.get(resolvePath(file, scope.cwd)), scope, shell);
  }
  if (options.has('c')) {
    const [code, zero, ...rest] = operands;
    if (zero) scope.variables.set('0', { values: [zero] });
    scope.positional = rest;
    return code && runText(code.text, code.origin, scope, shell, stdin);
  }
  const [file, ...rest] = operands;
  scope.positional = rest;
  if (file && !options.has('s') && !INPUT.test(file.text)) return runFile(file, scope, shell);
  return stdin && runContent(stdin, scope, shell);
}

/** Whether an argument of a shell is an option: only options stand before it. */
function isOption(args: readonly string[], index: number): boolean {
  return args
    .slice(0, index)
    .every((arg, at) => /^[-+]./.test(arg) || VALUES.includes(args[at - 1]?.replace(/^[-+]+/, '') ?? ''));
}

/** `bash -n` looks for mistakes and runs nothing, unless it is interactive. */
function onlyReads(args: readonly string[], options: Options): boolean {
  const named = args.some((arg, index) => arg === 'noexec' && args[index - 1] === '-o');
  return (options.has('n') || named) && !options.has('i');
}

function runEval({ args, values, scope, stdin }: ShellCommand, shell: Shell): Stream | undefined {
  const code = (args[0] === '--' ? args.slice(1) : args).join(' ');
  const origin = values.reduce((all, value) => all | value.origin, 0);
  return code === '' ? undefined : runText(code, origin, scope, shell, stdin);
}

function runSource({ values, scope, stdin }: ShellCommand, shell: Shell): Stream | undefined {
  const [file] = values;
  if (!file) return undefined;
  return INPUT.test(file.text) ? stdin && runContent(stdin, scope, shell) : runFile(file, scope, shell);
}

function runTrap({ args, scope }: ShellCommand, shell: Shell): undefined {
  const [code = '', ...signals] = args[0] === '--' ? args.slice(1) : args;
  if (signals.length > 0 && code !== '-' && code !== '' && !/^-[lp]/.test(code)) shell.later(code, scope);
}

/** The content of a script file is only known if the same command has written it, or if it is a process substitution. */
function runFile(file: Value, scope: Scope, shell: Shell): Stream | undefined {
  return runContent(file.content ?? scope.files.get(resolvePath(file.text, scope.cwd)), scope, shell);
}

function runContent(content: Stream | undefined, scope: Scope, shell: Shell): Stream | undefined {
  if (!content || content === FILE) return undefined;
  return runText(content.text, content.origin, scope, shell);
}

/** Looks at code that may come from the network, or may be unknown. */
export function runText(
  code: string | undefined,
  origin: number,
  scope: Scope,
  shell: Shell,
  stdin?: Stream,
): Stream | undefined {
  if (origin & Origin.network) {
    shell.report(runsDownload);
    return undefined;
  }
  if (code !== undefined) return shell.script(code, scope, stdin);
  shell.report(
    critical(
      'shell.unresolved-code',
      'Feeds a shell with code that is only known when the command runs; run the commands themselves.',
    ),
  );
  return undefined;
}

/** The scope of a program that is started with variables of its own. */
export function childScope({ scope, env }: ShellCommand): Scope {
  const child = scope.fork();
  for (const [name, value] of env) child.variables.set(name, { values: [value] });
  return child;
}
