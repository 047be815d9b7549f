import type { Launcher, Shell, ShellCommand } from '../shell/command.js';
import { Options } from '../shell/options.js';
import { FILE, isBlank, type Stream, UNKNOWN } from '../shell/value.js';
import { childScope, runText } from './shells.js';

/** Options whose value is shell code, by program. */
const CODE_OPTIONS: Readonly<Record<string, string>> = {
  su: 'c command session-command',
  runuser: 'c command',
  script: 'c command',
  sg: 'c',
  flock: 'c command',
  'nix-shell': 'run command',
  npx: 'c call',
  npm: 'c call',
  nodemon: 'x exec',
  'cargo-watch': 's shell',
  man: 'P pager',
  tar: 'to-command use-compress-program I info-script new-volume-script F rsh-command rmt-command',
  bsdtar: 'use-compress-program',
  zip: 'TT unzip-command',
  rsync: 'e rsh rsync-path',
  sort: 'compress-program',
  split: 'filter',
  rg: 'pre',
  xterm: 'e',
  osascript: 'e',
  watchman: 'c',
  doppler: 'command',
  asciinema: 'c command',
  ttyrec: 'e',
  fzf: 'preview bind',
  gcloud: 'command',
  vagrant: 'c command',
  fly: 'C command',
  flyctl: 'C command',
  'distrobox-enter': 'e',
  rpm: 'pipe',
};

/** Programs whose operands are shell code, with the number of operands that stand before the code. */
const CODE_OPERANDS: Readonly<
  Record<string, { readonly skip: number; readonly values: string; readonly each?: true }>
> = {
  watch: { skip: 0, values: 'n interval' },
  ssh: { skip: 1, values: 'b c D E e F I i J L l m O o p Q R S W w B' },
  mosh: { skip: 1, values: 'p ssh' },
  sshpass: { skip: 0, values: 'p f' },
  hyperfine: { skip: 0, values: 'w r m M p c S n warmup runs prepare cleanup setup export-json', each: true },
  concurrently: { skip: 0, values: 'n c names', each: true },
  sg: { skip: 1, values: 'c' },
};

/** Programs that run their code on another machine. */
const ELSEWHERE = new Set(['ssh', 'mosh', 'gcloud', 'fly', 'flyctl']);

export const carriers: readonly (readonly [string, Launcher])[] = [
  ...[...new Set([...Object.keys(CODE_OPTIONS), ...Object.keys(CODE_OPERANDS)])].map(
    (name) => [name, runCarried] as const,
  ),
  ['heroku', runHeroku],
  ['env', runEnvSplit],
  ['flock', runFlock],
  ['at', runFed],
  ['batch', runFed],
  ['crontab', runCrontab],
  ['make', runMake],
  ['gmake', runMake],
];

function runCarried(command: ShellCommand, shell: Shell): undefined {
  const { name, args, values } = command;
  const optionNames = CODE_OPTIONS[name]?.split(' ') ?? [];
  const operands = CODE_OPERANDS[name];
  const scope = childScope(command);
  const place = ELSEWHERE.has(name) ? scope.forkElsewhere() : scope;
  if (optionNames.length > 0) {
    const options = new Options(args, [...optionNames, ...(operands?.values.split(' ') ?? []), 'checkpoint-action']);
    for (const option of optionNames) {
      const code = options.value(option);
      if (code) shell.script(code, place);
    }
    for (const arg of args) {
      const action = /^--checkpoint-ac\w*=exec=(.*)$/s.exec(arg)?.[1];
      if (action) shell.script(action, scope);
    }
  }
  if (!operands) return;
  const options = new Options(args, operands.values.split(' '), true);
  for (const setting of sshCommands(name, args)) shell.script(setting, scope);
  const code = values.slice(options.start + operands.skip);
  if (code.length === 0) {
    if (name === 'ssh' && command.stdin && command.stdin !== FILE) runRemoteInput(command, command.stdin, shell);
    return;
  }
  if (operands.each) for (const { text } of code) shell.script(text, place.fork());
  else shell.script(code.map(({ text }) => text).join(' '), place);
}

/** Without a command `ssh` runs a shell that reads its input. */
function runRemoteInput(command: ShellCommand, stdin: Stream, shell: Shell): void {
  if (stdin.text !== undefined) runText(stdin.text, stdin.origin, childScope(command).forkElsewhere(), shell);
}

/** `heroku run` hands its words to a shell on another machine. */
function runHeroku(command: ShellCommand, shell: Shell): undefined {
  const [verb = '', ...rest] = command.args;
  if (!/^run(:\w+)?$/.test(verb)) return;
  const { operands } = new Options(rest, ['a', 'app', 'r', 'remote', 's', 'size', 'e', 'env', 'type'], true);
  if (operands.length > 0) shell.script(operands.join(' '), childScope(command).forkElsewhere());
}

function sshCommands(name: string, args: readonly string[]): readonly string[] {
  if (name !== 'ssh') return [];
  return args.flatMap((arg, index) => {
    const setting = arg === '-o' ? (args[index + 1] ?? '') : arg.startsWith('-o') ? arg.slice(2) : '';
    const code = /^\s*(?:ProxyCommand|LocalCommand|KnownHostsCommand)\s*[= ]\s*(.*)$/is.exec(setting)?.[1];
    return code && code !== 'none' ? [code] : [];
  });
}

/** `env -S 'program args'` splits its value as a shell would. */
function runEnvSplit(command: ShellCommand, shell: Shell): undefined {
  const options = new Options(command.args, ['u', 'C', 'S', 'unset', 'chdir', 'split-string'], true);
  const line = options.value('S', 'split-string');
  if (line) shell.script([line, ...command.args.slice(options.start)].join(' '), childScope(command));
}

function runFlock(command: ShellCommand, shell: Shell): undefined {
  const options = new Options(command.args, ['w', 'E', 'timeout', 'conflict-exit-code'], true);
  const [code, ...rest] = command.values.slice(options.start + 1);
  if (!code) return;
  if (code.text === '-c' || code.text === '--command') shell.script(rest[0]?.text ?? '', childScope(command));
  else shell.call([code, ...rest], command);
}

function runFed(command: ShellCommand, shell: Shell): Stream | undefined {
  const { stdin } = command;
  return stdin && stdin !== FILE ? runText(stdin.text, stdin.origin, childScope(command), shell) : undefined;
}

function runCrontab(command: ShellCommand, shell: Shell): undefined {
  for (const line of command.stdin?.text?.split('\n') ?? []) {
    const code = /^\s*(?:@\w+|(?:\S+\s+){5})(.*\S)/.exec(line)?.[1];
    if (code && !isBlank(code) && !line.trimStart().startsWith('#')) shell.script(code, command.scope.fork());
  }
}

/** A makefile that comes through a pipe is code. `SHELL=` replaces the shell that runs the recipes. */
function runMake(command: ShellCommand, shell: Shell): Stream {
  const options = new Options(command.args, ['f', 'C', 'j', 'file', 'makefile', 'eval', 'E']);
  const makefile = options.value('f', 'file', 'makefile') === '-' ? command.stdin?.text : undefined;
  for (const source of [makefile, options.value('eval', 'E')]) {
    for (const [, call] of source?.matchAll(/\$\(shell ([^)]*)\)/g) ?? [])
      if (call) shell.script(call, command.scope.fork());
    for (const [, recipe] of source?.matchAll(/^(?:\t|[^\t:=\n]*:[^;=\n]*;)[@-]*(.*)$/gm) ?? []) {
      if (recipe) shell.script(recipe.replaceAll('$$', '$'), command.scope.fork());
    }
  }
  return UNKNOWN;
}
