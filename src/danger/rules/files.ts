import { credentialKind } from '../credentials.js';
import type { Danger } from '../danger.js';
import type { Places } from '../paths.js';
import type { ShellCommand } from '../shell/command.js';
import { Options } from '../shell/options.js';
import { baseName, resolvePath } from '../shell/path.js';
import type { agentRules } from './agent.js';
import type { diskRules } from './disks.js';
import { rateRead } from './reading.js';
import { type Finder, type Finders, type Rules, reporting } from './rule.js';
import { shown } from './shown.js';
import { worst } from './worst.js';

/** Writes to places that do not belong to the work. */
export const fileRules = {
  'files.startup': {
    level: 'critical',
    about: "changes a file that the user's shell, login or scheduler runs or reads",
    matches: ['echo "alias ls=rm" >> ~/.bashrc', 'cat key.pub >> ~/.ssh/authorized_keys', 'cp x ~/.gitconfig'],
    spares: ['echo x >> .bashrc', 'cat ~/.bashrc'],
  },
  'files.system': {
    level: 'critical',
    about: 'writes to a folder of the system, or moves something away from there',
    matches: ['echo x > /etc/hosts', 'cp tool /usr/local/bin/tool', 'mv /etc/passwd /tmp'],
    spares: ['cp /etc/hosts hosts', 'echo x > /tmp/hosts', 'npm test > /dev/null'],
  },
  'files.mounted': {
    level: 'critical',
    about: "replaces or moves a file of the user's that is mounted beside the workspace",
    matches: ['cp a.csv /data/a.csv', 'mv /data/a.csv .'],
    spares: ['cp /data/a.csv .', 'echo x >> /tmp/a.csv'],
  },
  'files.outside-workspace': {
    level: 'recoverable',
    about: 'writes to another place than the workspace and folders for temporary files; a warning if it only appends',
    matches: ['echo x > ../outside.txt', 'tee /srv/app/config < config', 'mv /srv/app .'],
    warns: ['echo x >> /srv/app/log'],
    spares: ['echo x > /tmp/x', 'echo x > notes.txt'],
  },
  'git.hooks': {
    level: 'critical',
    about: 'changes the hooks or the configuration of the repository by hand',
    matches: ['echo "make" > .git/hooks/pre-commit', 'cp x .git/config'],
    spares: ['cat .git/config', 'echo x > hooks/pre-commit'],
  },
} as const satisfies Rules;

const { critical, warning } = reporting<typeof fileRules & typeof agentRules & typeof diskRules>();

/** Options that take a value, of programs that write to their last operand. */
const COPY_VALUES = ['t', 'S', 'm', 'o', 'g', 'target-directory', 'suffix', 'mode', 'owner', 'group'];

export const fileFinders: Finders = [
  ['tee', rateTee],
  ['cp mv install ln gcp gmv ginstall', rateCopy],
  ['rsync scp', rateRemoteCopy],
  ['sed gsed perl ruby', rateInPlace],
  ['touch', targets('add')],
  ['curl wget', rateDownload],
  ['sponge', targets('replace')],
  ['tar bsdtar', rateUnpack],
  ['unzip', rateUnpack],
  ['patch', rateUnpack],
  ['dd gdd dcfldd', rateDd],
];

/** Rates writing to a path, whatever program does it. `add` keeps the old content, `replace` does not. */
export function rateWrite(path: string, places: Places, how: 'replace' | 'add'): Danger | undefined {
  if (places.isGuard(path)) return critical('agent.guard', "Changes what belongs to this session's guard.");
  if (places.isDevice(path))
    return critical('disk.destroy', `Writes onto ${shown(path)}, which destroys what is on it.`);
  if (places.isStartup(path))
    return critical('files.startup', `Changes ${shown(path)}, which the shell, a login or a scheduler uses later.`);
  if (places.isSystem(path))
    return critical('files.system', `Writes to ${shown(path)}, which belongs to the system; keep to the workspace.`);
  if (places.isAgentSettings(path)) return critical('agent.settings', "Changes Claude Code's own settings or hooks.");
  if (path.startsWith(`${places.workspace}/.git/hooks/`) || path === `${places.workspace}/.git/config`) {
    return critical('git.hooks', 'Changes what git runs by itself.');
  }
  if (!places.isOutside(path)) return undefined;
  if (places.isMounted(path) && how === 'replace')
    return critical(
      'files.mounted',
      `Replaces ${shown(path)}, which is the user's and outside the workspace; write a new file.`,
    );
  const message = `Writes to ${shown(path)}, which is outside the workspace; write to the workspace or below /tmp.`;
  return how === 'replace' ? critical('files.outside-workspace', message) : warning('files.outside-workspace', message);
}

/** Rates the files that the shell itself opens. */
export const rateRedirects: Finder = ({ redirects, scope }, places) =>
  worst(redirects, ({ operator, target }) => {
    if (target.content || /^(&|\d+|-)$/.test(target.text) || (operator.includes('&') && /^\d*-?$/.test(target.text)))
      return undefined;
    const path = resolvePath(target.text, scope.cwd);
    if (operator.includes('>')) return rateWrite(path, places, operator.includes('>>') ? 'add' : 'replace');
    return credentialKind(path) === 'key' ? rateRead(path, places) : undefined;
  });

function targets(how: 'replace' | 'add'): Finder {
  return ({ args, scope }, places) =>
    worst(new Options(args, ['r', 'd', 't']).operands, (target) =>
      rateWrite(resolvePath(target, scope.cwd), places, how),
    );
}

function rateTee(command: ShellCommand, places: Places): Danger | undefined {
  const options = new Options(command.args);
  return targets(options.has('a', 'append') ? 'add' : 'replace')(command, places);
}

function rateCopy({ args, scope }: ShellCommand, places: Places): Danger | undefined {
  const options = new Options(args, COPY_VALUES);
  const target = options.value('t', 'target-directory') ?? options.operands.at(-1);
  if (target === undefined || (options.operands.length < 2 && options.value('t', 'target-directory') === undefined))
    return undefined;
  const inFolder = options.value('t', 'target-directory') !== undefined;
  const sources = inFolder ? options.operands : options.operands.slice(0, -1);
  // It is not known whether the target is a folder.
  const written = [target, ...sources.map((source) => `${target}/${baseName(source)}`)];
  return worst(written, (path) => rateWrite(resolvePath(path, scope.cwd), places, 'replace'));
}

function rateRemoteCopy({ args, scope }: ShellCommand, places: Places): Danger | undefined {
  const options = new Options(args, [
    'e',
    'f',
    'i',
    'P',
    'o',
    'F',
    'c',
    'l',
    'S',
    'J',
    'rsh',
    'exclude',
    'include',
    'filter',
    'files-from',
    'bwlimit',
  ]);
  const target = options.operands.at(-1);
  if (options.operands.length < 2 || target === undefined || target.includes(':')) return undefined;
  return rateWrite(resolvePath(target, scope.cwd), places, 'replace');
}

function rateInPlace({ name, args, scope }: ShellCommand, places: Places): Danger | undefined {
  const isSed = name.endsWith('sed');
  if (!args.some((arg) => (isSed ? /^(-[nErsz]*i|--in-place)/ : /^-[a-z0]*i/).test(arg))) return undefined;
  const options = new Options(args, ['e', 'f', 'expression', 'file', 'I', 'M']);
  const files = isSed && !options.has('e', 'f', 'expression', 'file') ? options.operands.slice(1) : options.operands;
  return worst(files, (target) => rateWrite(resolvePath(target, scope.cwd), places, 'replace'));
}

function rateDownload({ name, args, scope }: ShellCommand, places: Places): Danger | undefined {
  const option =
    name === 'curl' ? /^(-[a-zA-Z]*o|--output|--output-dir)$/ : /^(-[a-z]*[OP]|--output-document|--directory-prefix)$/;
  return worst(args, (arg) => {
    const at = args.indexOf(arg);
    const attached = /^--(?:output|output-dir|output-document|directory-prefix)=(.+)/.exec(arg)?.[1];
    const target = attached ?? (option.test(arg) ? args[at + 1] : undefined);
    return target === undefined || target === '-'
      ? undefined
      : rateWrite(resolvePath(target, scope.cwd), places, 'replace');
  });
}

function rateUnpack({ name, args, scope }: ShellCommand, places: Places): Danger | undefined {
  const options = new Options(args, ['C', 'd', 'f', 'i', 'directory']);
  const target = options.value('C', 'directory') ?? options.value('d');
  // tar also takes its letters without a dash.
  const unpacks = !name.endsWith('tar') || options.has('x', 'extract') || /^[a-zA-Z]*x/.test(options.operands[0] ?? '');
  return target && unpacks ? rateWrite(resolvePath(target, scope.cwd), places, 'add') : undefined;
}

function rateDd({ args, scope }: ShellCommand, places: Places): Danger | undefined {
  const output = args.find((arg) => arg.startsWith('of='))?.slice(3);
  if (!output) return undefined;
  // Bash expands a tilde there as well.
  const path = resolvePath(output.replace(/^~(?=\/|$)/, scope.home), scope.cwd);
  return rateWrite(path, places, 'replace');
}
