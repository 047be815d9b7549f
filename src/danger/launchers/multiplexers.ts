import type { Launcher, Shell, ShellCommand } from '../shell/command.js';
import { Options } from '../shell/options.js';
import type { Scope } from '../shell/scope.js';
import { literal, UNKNOWN, type Value } from '../shell/value.js';
import { childScope } from './shells.js';

/** Programs that manage terminals. They run commands in them, or type texts into them. */
export const multiplexers: readonly (readonly [string, Launcher])[] = [
  ['tmux', runTmux],
  ['tmate', runTmux],
  ['byobu', runTmux],
  ['psmux', runTmux],
  ['screen', runScreen],
  ['zellij', runZellij],
  ['kitty', runRemoteControl],
  ['kitten', runRemoteControl],
  ['wezterm', runRemoteControl],
  ...['dtach', 'abduco'].map((name) => [name, runDetached] as const),
];

/** What a command of tmux does with its operands: it runs them, types them, or reads them as commands of tmux. */
type Use = 'shell' | 'keys' | 'commands' | 'if' | 'buffer' | 'paste' | 'none';

/** Commands of tmux: name, alias, use, options that take a value. */
const TMUX_COMMANDS: readonly (readonly [name: string, alias: string, use: Use, values: string])[] = [
  ['new-session', 'new', 'shell', 'c e f F n s t x y'],
  ['new-window', 'neww', 'shell', 'c e F n t'],
  ['split-window', 'splitw', 'shell', 'c e F l p t'],
  ['respawn-pane', 'respawnp', 'shell', 'c e t'],
  ['respawn-window', 'respawnw', 'shell', 'c e t'],
  ['display-popup', 'popup', 'shell', 'b c d e h s S t T w x y'],
  ['pipe-pane', 'pipep', 'shell', 't'],
  ['run-shell', 'run', 'shell', 'd t c'],
  ['if-shell', 'if', 'if', 't'],
  ['send-keys', 'send', 'keys', 'c N t'],
  ['set-buffer', 'setb', 'buffer', 'b n t'],
  ['load-buffer', 'loadb', 'buffer', 'b t'],
  ['paste-buffer', 'pasteb', 'paste', 'b s t'],
  ['bind-key', 'bind', 'commands', 'T N'],
  ['set-hook', '', 'commands', 't B'],
  ['confirm-before', 'confirm', 'commands', 'c p t'],
  ['command-prompt', '', 'commands', 'I p T t'],
  ['set-option', 'set', 'shell', 't'],
  ['set-window-option', 'setw', 'none', 't'],
];

/** Settings of tmux that are commands. */
const TMUX_CODE_SETTING = /^(default-command|default-shell|editor|copy-command|lock-command)$/;

function runTmux(command: ShellCommand, shell: Shell): undefined {
  const { args } = command;
  const outer = new Options(args, ['c', 'f', 'L', 'S', 'T'], true);
  const code = outer.value('c');
  if (code) shell.script(code, childScope(command));
  let words: string[] = [];
  for (const arg of [...args.slice(outer.start), ';']) {
    // A shell passes `\;` on; tmux also takes one at the end of a word.
    if (arg === ';' || arg === '{' || arg === '}') {
      runTmuxCommand(words, command, shell);
      words = [];
    } else if (/[^\\];$/.test(arg)) {
      runTmuxCommand([...words, arg.slice(0, -1)], command, shell);
      words = [];
    } else words.push(arg);
  }
}

function runTmuxCommand([verb = '', ...words]: readonly string[], command: ShellCommand, shell: Shell): void {
  if (verb === '') return;
  for (const word of words) {
    for (const [, format] of word.matchAll(/#\(([^()]{1,2000})\)/g))
      if (format) shell.script(format, childScope(command));
  }
  const entry =
    TMUX_COMMANDS.find(([name, alias]) => verb === name || verb === alias) ??
    TMUX_COMMANDS.find(([name]) => verb.length > 2 && name.startsWith(verb));
  if (!entry) return;
  const [name, , use, values] = entry;
  const options = new Options(words, values.split(' '), true);
  const operands = options.operands;
  if (use === 'keys') {
    const [last = ''] = options.has('X') ? operands.slice(-1) : [];
    if (options.has('X')) {
      if (operands.length > 1) shell.script(last, childScope(command));
    } else type(keysOf(options), `tmux ${options.value('t') ?? ''}`, command, shell);
  } else if (use === 'if') runCondition(options, command, shell);
  else if (use === 'commands')
    runTmuxText(operands.slice(name === 'bind-key' || name === 'set-hook' ? 1 : 0), command, shell);
  else if (use === 'buffer') remember(name === 'load-buffer' ? command.stdin?.text : operands[0], command.scope);
  else if (use === 'paste') type(command.scope.files.get(BUFFER)?.text ?? '', 'tmux', command, shell);
  else if (name === 'set-option') {
    const [setting = '', value] = operands;
    if (value && TMUX_CODE_SETTING.test(setting)) shell.script(value, childScope(command));
  } else if (options.has('C') && name === 'run-shell') runTmuxText(operands, command, shell);
  else if (use === 'shell') runWords(operands, command, shell);
}

/** `if-shell [-F] condition command [command]` */
function runCondition(options: Options, command: ShellCommand, shell: Shell): void {
  const [condition = '', ...commands] = options.operands;
  if (!options.has('F') && condition !== '') shell.script(condition, childScope(command));
  for (const text of commands) runTmuxText([text], command, shell);
}

/** Commands of tmux in one text or in several words. */
function runTmuxText(words: readonly string[], command: ShellCommand, shell: Shell): void {
  const [first = ''] = words;
  if (first === '') return;
  if (words.length > 1) runTmux({ ...command, args: words, values: words.map(literal) }, shell);
  else shell.script(`tmux ${first.replace(/(^|\s)\\?;(?=\s|$)/g, '$1\\;')}`, childScope(command));
}

/** One word is a line for a shell, several are a command with its arguments. */
function runWords(words: readonly string[], command: ShellCommand, shell: Shell): void {
  const [first] = words;
  if (first === undefined || first === '') return;
  if (words.length === 1) shell.script(first, childScope(command));
  else shell.call(words.map(literal), command);
}

const BUFFER = 'tmux buffer';

function remember(text: string | undefined, scope: Scope): void {
  scope.files.set(BUFFER, { ...UNKNOWN, text });
}

const BACKSPACE = '\x08';

const KEYS: Readonly<Record<string, string>> = {
  Enter: '\n', KPEnter: '\n', 'C-m': '\n', 'C-M': '\n', 'C-j': '\n', 'C-J': '\n', Space: ' ', Tab: '\t', 'C-i': '\t',
  Escape: '\n', 'C-c': '\n', 'C-u': '\n', 'C-d': '\n', BSpace: BACKSPACE,
}; // biome-ignore format: a table

/** What `send-keys` types: names of keys, characters as they are with `-l`, or codes with `-H`. */
function keysOf(options: Options): string {
  return options.operands
    .map((word) => {
      if (options.has('l')) return word;
      if (options.has('H')) return String.fromCharCode(Number.parseInt(word, 16) || 0).replace('\r', '\n');
      return (
        KEYS[word] ??
        (/^(?:[CMS]-)+\S$|^(?:F\d+|Up|Down|Left|Right|Home|End|[NP]Page|PageUp|PageDown|BTab|DC|IC)$/.test(word)
          ? ''
          : word)
      );
    })
    .join('');
}

/** Types into a terminal. A line without an end goes on with the next text that is typed there. */
function type(keys: string, terminal: string, command: ShellCommand, shell: Shell): void {
  const { files } = command.scope;
  const key = `keys of ${terminal}`;
  let text = files.get(key)?.text ?? '';
  for (const character of keys)
    text = character === BACKSPACE ? text.slice(0, -1) : text + (character === '\r' ? '\n' : character);
  files.set(key, { ...UNKNOWN, text: text.slice(text.lastIndexOf('\n') + 1) });
  if (text.trim() !== '') shell.script(text, childScope(command));
}

const SCREEN_VALUES = ['S', 't', 'c', 'p', 'h', 's', 'T', 'e', 'X', 'Logfile', 'Q'];

function runScreen(command: ShellCommand, shell: Shell): undefined {
  const { args, values } = command;
  const at = args.findIndex((arg) => /^-[a-zA-Z]*X$/.test(arg));
  const options = new Options(at < 0 ? args : args.slice(0, at), SCREEN_VALUES, true);
  const login = options.value('s');
  if (login) shell.script(login.replace(/^-/, ''), childScope(command));
  if (at >= 0) runScreenCommand(args.slice(at + 1), options.value('S') ?? '', command, shell);
  else if (!options.has('r', 'R', 'x', 'ls', 'list', 'wipe')) runOwn(values.slice(options.start), command, shell);
}

/** A command that is handed over in one word is a line for a shell here as well. */
function runOwn(words: readonly Value[], command: ShellCommand, shell: Shell): void {
  const [first] = words;
  if (words.length === 1 && first && /\s/.test(first.text)) shell.script(first.text, childScope(command));
  else if (words.length > 0) shell.call(words, command);
}

/** A command of screen itself, as after `-X`. */
function runScreenCommand(
  [verb = '', ...words]: readonly string[],
  session: string,
  command: ShellCommand,
  shell: Shell,
): void {
  if (verb === 'at' || verb === 'bind' || verb === 'bindkey' || verb === 'idle')
    runScreenCommand(words.slice(1), session, command, shell);
  else if (verb === 'stuff' || verb === 'register')
    type(unescaped(words.at(-1) ?? ''), `screen ${session}`, command, shell);
  else if (verb === 'exec') runOwn(words.filter((word) => !/^[.!|:]+$/.test(word)).map(literal), command, shell);
  else if (verb === 'screen' || verb === 'shell')
    runScreen({ ...command, args: words, values: words.map(literal) }, shell);
  else if (verb === 'eval') {
    for (const word of words) shell.script(`screen -X ${word}`, childScope(command));
  }
}

/** `^M`, `\015`, `\n` and the like in what screen types. */
function unescaped(text: string): string {
  return text
    .replace(/\^[MJ]/g, '\n')
    .replace(/\\([0-7]{3})/g, (_, code: string) => String.fromCharCode(Number.parseInt(code, 8)))
    .replace(/\\[nr]/g, '\n');
}

/** `zellij run -- cmd`, `zellij action new-pane -- cmd`, `zellij action write-chars text` */
function runZellij(command: ShellCommand, shell: Shell): undefined {
  const { args, values } = command;
  const chars = args.indexOf('write-chars');
  if (chars >= 0) type(args.slice(chars + 1).join(' '), 'zellij', command, shell);
  const bytes = args.indexOf('write');
  if (bytes >= 0)
    type(
      args
        .slice(bytes + 1)
        .map((code) => String.fromCharCode(Number(code) || 0))
        .join(''),
      'zellij',
      command,
      shell,
    );
  const dashes = args.indexOf('--');
  if (dashes >= 0 && args.some((arg) => /^(run|r|new-pane|new-tab)$/.test(arg)))
    shell.call(values.slice(dashes + 1), command);
}

/** Terminals that take orders: `kitty @ launch cmd`, `kitty @ send-text text`, `wezterm cli spawn -- cmd`. */
function runRemoteControl(command: ShellCommand, shell: Shell): undefined {
  const { name, args, values } = command;
  const verb = args.findIndex((arg) => /^(send-text|launch|spawn|start|split-pane)$/.test(arg));
  if (verb < 0) {
    const options = new Options(args, ['c', 'config', 'o', 'override', 'd', 'directory', 'T', 'title'], true);
    if (name === 'kitty' && options.start < args.length && !/^[@+]/.test(args[options.start] ?? ''))
      shell.call(values.slice(options.start), command);
    return;
  }
  const rest = args.slice(verb + 1);
  const options = new Options(
    rest,
    ['m', 'match', 't', 'match-tab', 'cwd', 'type', 'title', 'pane-id', 'workspace', 'domain-name', 'env'],
    true,
  );
  if (args[verb] === 'send-text') type(unescaped(options.operands.join(' ')), name, command, shell);
  else shell.call(values.slice(verb + 1 + options.start), command);
}

/** `dtach -n socket cmd`, `abduco -n name cmd` */
function runDetached(command: ShellCommand, shell: Shell): undefined {
  const { args, values } = command;
  const at = args.findIndex((arg) => /^-[a-zA-Z]*[nNcA]$/.test(arg));
  const options = new Options(args.slice(at + 2), ['r', 'e'], true);
  if (at >= 0) shell.call(values.slice(at + 2 + options.start), command);
}
