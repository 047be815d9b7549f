import { CODE_SETTING } from '../rules/git-config.js';
import type { Shell, ShellCommand } from '../shell/command.js';
import { Options } from '../shell/options.js';
import { childScope } from './shells.js';

/** Options of git itself, before the subcommand. */
export const GIT_VALUES = [
  'C',
  'c',
  'git-dir',
  'work-tree',
  'namespace',
  'super-prefix',
  'config-env',
  'list-cmds',
  'attr-source',
];

/** Git runs shell code from aliases and settings, and commands for `bisect run`, `submodule foreach` and `rebase --exec`. */
export function git(command: ShellCommand, shell: Shell): undefined {
  const { args, values } = command;
  const outer = new Options(args, GIT_VALUES, true);
  const scope = childScope(command);
  const aliases = new Map<string, string>();
  const setting = (text: string): void => {
    const equals = text.indexOf('=');
    const key = text.slice(0, equals);
    const value = text.slice(equals + 1);
    if (equals < 0) return;
    if (key.toLowerCase().startsWith('alias.')) aliases.set(key.slice(6), value);
    else if (CODE_SETTING.test(key) && value !== '' && !/^(true|false)$/.test(value))
      shell.script(value.replace(/^!/, ''), scope.fork());
  };
  args.slice(0, outer.start).forEach((arg, index) => {
    if (arg === '-c') setting(args[index + 1] ?? '');
  });
  const verb = args[outer.start] ?? '';
  const rest = values.slice(outer.start + 1);
  const words = args.slice(outer.start + 1);
  if (verb === 'config') {
    const [key, value] = new Options(words, ['f', 'file', 'type', 'default']).operands.filter((word) => word !== 'set');
    if (key !== undefined && value !== undefined) setting(`${key}=${value}`);
  }
  for (const [name, value] of aliases) {
    // An alias that is only stored is as dangerous as one that is used: the use would not show it.
    if (name !== verb && verb !== 'config') continue;
    const code = value.startsWith('!') ? value.slice(1) : `git ${value}`;
    shell.script(name === verb ? [code, ...words].join(' ') : code, scope.fork());
  }
  if (verb === 'bisect' && words[0] === 'run') shell.call(rest.slice(1), command);
  if (verb === 'submodule') {
    const at = words.indexOf('foreach');
    const code = at < 0 ? [] : words.slice(at + 1).filter((word) => !/^--(recursive|quiet)$/.test(word));
    if (code.length > 0) shell.script(code.join(' '), scope.fork());
  }
  if (verb === 'rebase' || verb === 'difftool') {
    const code = new Options(words, ['x', 'exec', 'extcmd', 's', 'X', 'onto']).value('x', 'exec', 'extcmd');
    if (code) shell.script(code, scope.fork());
  }
}
