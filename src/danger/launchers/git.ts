import { Places } from '../paths.js';
import { writtenOut } from '../rules/git-arguments.js';
import { CODE_PATH, CODE_SETTING, rateConfig } from '../rules/git-config.js';
import type { Shell, ShellCommand } from '../shell/command.js';
import { Options } from '../shell/options.js';
import { childScope } from './shells.js';

/** Options of git itself that take a value. They stand before the subcommand. */
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
  const places = new Places({ workspace: scope.workspace, home: scope.home });
  const aliases = new Map<string, string>();
  const setting = (text: string): void => {
    const equals = text.indexOf('=');
    const key = text.slice(0, equals);
    const value = text.slice(equals + 1);
    if (equals < 0) return;
    if (CODE_PATH.test(key)) shell.report(rateConfig([key, value], places, command.scope));
    else if (key.toLowerCase().startsWith('alias.')) aliases.set(key.slice(6), value);
    else if (CODE_SETTING.test(key) && value !== '' && !/^(true|false)$/.test(value))
      shell.script(value.replace(/^!/, ''), scope.fork());
  };
  args.slice(0, outer.start).forEach((arg, index) => {
    if (arg === '-c') setting(args[index + 1] ?? '');
  });
  for (const text of environmentSettings(command)) setting(text);
  const verb = args[outer.start] ?? '';
  const rest = values.slice(outer.start + 1);
  const words = writtenOut(verb, args.slice(outer.start + 1));
  if (verb === 'config') {
    const [key, value] = new Options(words, ['f', 'file', 'type', 'default']).operands.filter((word) => word !== 'set');
    if (key !== undefined && value !== undefined) setting(`${key}=${value}`);
  }
  for (const [name, value] of aliases) {
    // An alias is rated when it is stored, because its code is not visible when it is used.
    if (name !== verb && verb !== 'config') continue;
    const code = value.startsWith('!') ? value.slice(1) : `git ${value}`;
    shell.script(name === verb ? [code, ...words].join(' ') : code, scope.fork());
  }
  if (verb === 'bisect' && words[0] === 'run') shell.call(rest.slice(1), command);
  if (verb === 'submodule' || verb === 'for-each-repo') {
    const at = verb === 'submodule' ? words.indexOf('foreach') : new Options(words, ['config'], true).start - 1;
    const code =
      at < -1 || (verb === 'submodule' && at < 0)
        ? []
        : words.slice(at + 1).filter((word) => !/^(-q|--recursive|--quiet)$/.test(word));
    if (code.length > 0) shell.script(verb === 'submodule' ? code.join(' ') : `git ${code.join(' ')}`, scope.fork());
  }
  if (verb === 'clone' || verb === 'init') {
    words.forEach((word, index) => {
      const config = /^(?:-c|--config)$/.test(words[index - 1] ?? '') ? word : /^--config=(.*)$/s.exec(word)?.[1];
      const template = /^--template=(.*)$/s.exec(word)?.[1];
      if (config) setting(config);
      if (template) setting(`init.templateDir=${template}`);
    });
  }
  for (const code of carriedCode(verb, words)) shell.script(code, scope.fork());
  if (Object.hasOwn(TRANSFERS, verb) || verb === 'remote' || verb === 'submodule') {
    // The transport `ext` is a command.
    for (const word of words) {
      const code = /^ext::(.*)$/s.exec(word)?.[1];
      if (code) shell.script(code.replace(/%[sSGV]/g, ''), scope.fork());
    }
  }
}

/** Options of git's commands that carry a command. */
const CODE_OPTIONS: Readonly<Record<string, string>> = {
  rebase: 'x exec',
  difftool: 'x extcmd',
  grep: 'O open-files-in-pager',
  instaweb: 'd httpd b browser',
  'send-email': 'sendmail-cmd smtp-server to-cmd cc-cmd header-cmd',
};
/** The same options for commands that talk to another repository. `-u` of `git push` means something else. */
const TRANSFERS: Readonly<Record<string, string>> = {
  clone: 'u upload-pack',
  fetch: 'upload-pack',
  pull: 'upload-pack',
  'ls-remote': 'upload-pack exec',
  'fetch-pack': 'upload-pack exec',
  push: 'receive-pack exec',
  'send-pack': 'receive-pack exec',
  archive: 'exec',
};

function carriedCode(verb: string, words: readonly string[]): readonly string[] {
  const names = (CODE_OPTIONS[verb] ?? TRANSFERS[verb])?.split(' ');
  if (!names) return [];
  // The pager of `git grep` never stands apart from its option.
  const options = new Options(words, verb === 'grep' ? ['O'] : [...names, 's', 'X', 'onto', 'o', 'b', 'depth']);
  return names.flatMap((name) => {
    const code = options.value(name);
    if (!code || (verb === 'grep' && name === 'O' && !words.some((word) => /^-\w*O./.test(word)))) return [];
    return code;
  });
}

/** `GIT_CONFIG_KEY_0=core.pager GIT_CONFIG_VALUE_0=cmd git …` and `GIT_CONFIG_PARAMETERS`. */
function environmentSettings({ env, scope, args }: ShellCommand): readonly string[] {
  const lookup = (name: string): string | undefined =>
    env.get(name)?.text ?? scope.variables.get(name)?.values[0]?.text;
  const settings: string[] = [];
  for (let at = 0; at < 16; at++) {
    const key = lookup(`GIT_CONFIG_KEY_${at}`);
    if (key === undefined) break;
    settings.push(`${key}=${lookup(`GIT_CONFIG_VALUE_${at}`) ?? ''}`);
  }
  for (const [, setting] of lookup('GIT_CONFIG_PARAMETERS')?.matchAll(/'([^']+)'/g) ?? [])
    if (setting) settings.push(setting);
  for (const arg of args) {
    const [, key, variable] = /^--config-env=(.*)=(\w+)$/.exec(arg) ?? [];
    if (key && variable) settings.push(`${key}=${lookup(variable) ?? ''}`);
  }
  return settings;
}
