import type { Launcher, Shell, ShellCommand } from '../shell/command.js';
import { deferred } from '../shell/deferred.js';
import { Options } from '../shell/options.js';
import { isKnown, literal } from '../shell/value.js';
import { childScope } from './shells.js';

/** Programs that have another purpose, but can run a command or a line of shell code. */
export const indirect: readonly (readonly [string, Launcher])[] = [
  ...['pnpm', 'yarn', 'bun', 'npm'].map((name) => [name, runPackageManager] as const),
  ['script', runRecorded],
  ['capsh', runCapabilityShell],
  ['bwrap', runSandboxed],
  ['socat', runAddresses],
  ['m4', runMacros],
  ['pee', runEach],
  ['cmake', runCmake],
  ['rpm', runExpansions],
  ['dc', runMatches(/!([^\n]+)/g)],
  ['gnuplot', runMatches(/\b(?:system|shell)\s*\(?\s*(["'])(.*?)\1/gs)],
  ['less', runMatches(/^\+?!(.*)$/gm)],
  ['more', runMatches(/^\+?!(.*)$/gm)],
  ['compgen', runCompletion],
  ['complete', runCompletion],
  ['bind', runMatches(/^"[^"]*":\s*(.*)$/gm)],
  ...'declare typeset local export readonly read unset printf test [ let getopts wait'
    .split(' ')
    .map((name) => [name, runSubscripts] as const),
  ['mapfile', runCallback],
  ['readarray', runCallback],
];

/** `pnpm exec -c`, `yarn exec` and `bun exec` hand one line to a shell; `npm explore` runs what follows `--`. */
function runPackageManager(command: ShellCommand, shell: Shell): undefined {
  const { name, args, values } = command;
  const verb = new Options(args, ['C', 'dir', 'filter', 'F', 'cwd', 'prefix', 'w', 'workspace'], true).start;
  const rest = values.slice(verb + 1);
  if (name === 'npm') {
    const dashes = args.indexOf('--');
    if (args[verb] === 'explore' && dashes >= 0) shell.call(values.slice(dashes + 1), command);
    return;
  }
  if (args[verb] !== 'exec' && args[verb] !== 'dlx') return;
  const options = new Options(
    rest.map(({ text }) => text),
    [],
    true,
  );
  const line = rest.slice(options.start).map(({ text }) => text);
  const isShell = name !== 'pnpm' || options.has('c', 'shell-mode');
  if (line.length > 0 && isShell && (name === 'pnpm' || line.length === 1))
    shell.script(line.join(' '), childScope(command));
}

/** BSD's `script file cmd args` */
function runRecorded(command: ShellCommand, shell: Shell): undefined {
  const options = new Options(
    command.args,
    ['c', 'command', 'E', 'o', 't', 'T', 'I', 'O', 'B', 'm', 'echo', 'log-out'],
    true,
  );
  const inner = command.values.slice(options.start + 1);
  const [first] = inner;
  if (first && !first.text.startsWith('-')) shell.call(inner, command);
}

/** Arguments behind `--` or `==` go to a shell. */
function runCapabilityShell(command: ShellCommand, shell: Shell): undefined {
  const at = command.args.findIndex((arg) => arg === '--' || arg === '==');
  if (at >= 0) shell.call([literal('bash'), ...command.values.slice(at + 1)], command);
}

const PAIRS = /^--(?:(?:ro-|dev-)?bind(?:-try|-data|-fd)?|symlink|setenv|overlay|chmod|perms-file|file|ro-bind-data)$/;

/** `bwrap` has options with two values each. */
function runSandboxed(command: ShellCommand, shell: Shell): undefined {
  const { args, values } = command;
  let at = 0;
  while (args[at]?.startsWith('--') && args[at] !== '--') {
    const option = args[at] ?? '';
    at += PAIRS.test(option)
      ? 3
      : /^--(?:unshare|share|new-session|die-with|as-pid|clearenv|disable|assert)/.test(option)
        ? 1
        : 2;
  }
  if (at > 0) shell.call(values.slice(args[at] === '--' ? at + 1 : at), command);
}

/** `socat - EXEC:cmd`, `SYSTEM:code` */
function runAddresses(command: ShellCommand, shell: Shell): undefined {
  for (const arg of command.args) {
    const code = /^(?:exec|system|shell)(?:-\w+)?:(.*)$/is.exec(arg)?.[1];
    // Options of the address follow the last comma.
    if (code) shell.script(code.replace(/(?:,[\w-]+(?:=[\w./-]*)?)+$/, ''), childScope(command));
  }
}

/** `syscmd(cmd)` and `esyscmd(cmd)`, with or without m4's quotes. */
function runMacros({ args, stdin, scope }: ShellCommand, shell: Shell): undefined {
  for (const source of [...args, stdin?.text ?? '']) {
    for (const [, code] of source.matchAll(/\be?syscmd\s*\(\s*[`[]?((?:[^()]|\([^()]*\))*?)['\]]?\s*\)/g)) {
      if (code?.trim()) shell.script(code, scope.fork());
    }
  }
}

/** `pee` feeds its input to several lines of shell code. */
function runEach(command: ShellCommand, shell: Shell): undefined {
  for (const { text } of command.values) shell.script(text, childScope(command));
}

/** `cmake -E` has commands of its own that do what the system's programs do. */
const CMAKE_PROGRAMS: Readonly<Record<string, string>> = {
  remove_directory: 'rm -rf',
  rm: 'rm',
  remove: 'rm',
  copy: 'cp -r',
  copy_directory: 'cp -r',
  rename: 'mv',
  env: 'env',
  time: 'time',
};

function runCmake(command: ShellCommand, shell: Shell): undefined {
  const { args, values } = command;
  const at = args.indexOf('-E');
  if (at < 0) return;
  const program = CMAKE_PROGRAMS[args[at + 1] ?? ''];
  if (program) shell.call([...program.split(' ').map(literal), ...values.slice(at + 2)], command);
  else if (args[at + 1] === 'chdir') shell.call(values.slice(at + 3), command);
}

/** `rpm --eval '%(cmd)'` */
function runExpansions({ args, scope }: ShellCommand, shell: Shell): undefined {
  for (const arg of args) {
    for (const [, code] of arg.matchAll(/%\(([^()]{1,2000})\)/g)) if (code) shell.script(code, scope.fork());
  }
}

/** Looks at the code that the last group of a pattern finds in the arguments and the input. */
function runMatches(pattern: RegExp): Launcher {
  return ({ args, stdin, scope }, shell) => {
    for (const source of [...args, stdin?.text ?? '']) {
      for (const match of source.matchAll(pattern)) {
        const code = match.at(-1)?.replace(/^["']|["']$/g, '');
        if (code?.trim() && isKnown(code)) shell.script(code, scope.fork());
      }
    }
    return undefined;
  };
}

/** `compgen -C cmd`, and words that are expanded for `-W`. */
function runCompletion(command: ShellCommand, shell: Shell): undefined {
  const options = new Options(command.args, ['C', 'F', 'W', 'A', 'G', 'P', 'S', 'X', 'o']);
  for (const code of [options.value('C'), options.value('F')]) if (code) shell.script(code, childScope(command));
  const words = options.value('W');
  if (words && /\$\(|`/.test(words)) shell.script(`: ${words}`, childScope(command));
}

/** `mapfile -C cmd` */
function runCallback(command: ShellCommand, shell: Shell): undefined {
  const code = new Options(command.args, ['d', 'n', 'O', 's', 'u', 'C', 'c']).value('C');
  if (code) shell.script(code, childScope(command));
}

/** Builtins that take the name of a variable evaluate its subscript. `declare` evaluates values of arrays and numbers. */
function runSubscripts({ name, args, scope }: ShellCommand, shell: Shell): undefined {
  const declares =
    name === 'declare' || name === 'typeset' || name === 'local' || name === 'export' || name === 'readonly';
  const isNumber = name === 'let' || (declares && args.some((arg) => /^-[a-zA-Z]*i/.test(arg)));
  // These builtins take a name behind `-v`; the others take a name in every word.
  const named = /^(?:printf|test|\[)$/.test(name) ? args.filter((_, index) => args[index - 1] === '-v') : args;
  for (const arg of named) {
    const isSubscript = /^[A-Za-z_]\w*\[.*(?:\$\(|`)/s.test(arg);
    const isArray = declares && /^[A-Za-z_]\w*\+?=\(/.test(arg);
    if (!isSubscript && !isArray && !isNumber) continue;
    const code = deferred(arg);
    if (code) shell.script(code, scope.fork());
  }
}
