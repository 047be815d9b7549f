import type { Danger } from '../danger.js';
import type { Places } from '../paths.js';
import type { ShellCommand } from '../shell/command.js';
import { findRoots, findsEverything, findsRepository, foundPath } from '../shell/found.js';
import { Options } from '../shell/options.js';
import { resolvePath } from '../shell/path.js';
import { ANY, isBlank, Origin } from '../shell/value.js';
import type { deletionRules } from './deletion.js';
import { rateTree, reached } from './deletion.js';
import { type Finder, type Finders, type Rules, reporting } from './rule.js';
import { shown } from './shown.js';
import { worst } from './worst.js';

/** Deletions of files that a search, a mirror or a list finds, and of the content of files. */
export const bulkDeletionRules = {
  'delete.find': {
    level: 'warning',
    about: 'deletes every file of the workspace that a search finds',
    matches: ['find . -name "*.bak" -delete', 'find src -name "*.orig" -exec rm {} + -delete'],
    spares: ['find . -name "*.bak"', 'find /tmp/x -name "*.bak" -delete', 'find . -type d -empty -delete'],
  },
  'delete.shred': {
    level: 'critical',
    about: 'overwrites a file so that nobody can get it back',
    matches: ['shred -u secrets.txt', 'wipe notes.md'],
    spares: ['rm secrets.txt', 'shred -u /tmp/key', 'shred --help'],
  },
  'delete.truncate': {
    level: 'critical',
    about: 'empties a file outside the workspace; a warning inside',
    matches: ['truncate -s 0 /srv/app.log', 'truncate --size=0 /var/log/syslog'],
    warns: ['truncate -s 0 app.log'],
    spares: ['truncate -s 10M image.bin', 'truncate -s 0 /tmp/log'],
  },
  'delete.mirror': {
    level: 'critical',
    about:
      'deletes what the source of a copy does not have, from the workspace, the home folder or the system; a warning elsewhere',
    matches: ['rsync -a --delete empty/ /workspace', 'rsync -a --delete x/ /usr/local/'],
    warns: ['rsync -a --delete docs/ site/'],
    spares: ['rsync -a src/ backup/', 'rsync -an --delete empty/ /workspace'],
  },
} as const satisfies Rules;

const { critical, warning } = reporting<typeof bulkDeletionRules & typeof deletionRules>();

export const bulkDeletionFinders: Finders = [
  ['rm grm srm unlink shred wipe truncate', (command, places) => rateEveryFile(command, places)],
  ['cp', rateOverEveryFile],
  ['shred wipe', rateShred],
  ['find gfind', rateFind],
  ['truncate', rateTruncate],
  ['rsync', rateMirror],
];

function rateShred(command: ShellCommand, places: Places): Danger | undefined {
  const options = new Options(command.args, ['n', 's', 'iterations', 'size', 'random-source']);
  if (options.has('help', 'version')) return undefined;
  return worst(options.operands, (target) =>
    places.isTemporary(resolvePath(target, command.scope.cwd))
      ? undefined
      : critical('delete.shred', `Overwrites ${shown(target)} so that nobody can get it back; use rm.`),
  );
}

const TAKES_NAME = /^-(i?name|i?path|i?wholename|i?regex|i?lname|newer\w*|samefile|printf|fprintf)$/;

/** The arguments of `find` without the commands that it runs: those have arguments of their own. */
function withoutCommands(args: readonly string[]): readonly string[] {
  const at = args.findIndex((arg) => /^-(exec|execdir|ok|okdir)$/.test(arg));
  if (at < 0) return args;
  const length = args.slice(at).findIndex((arg, index, all) => arg === ';' || (arg === '+' && all[index - 1] === '{}'));
  return length < 0 ? args.slice(0, at) : [...args.slice(0, at), ...withoutCommands(args.slice(at + length + 1))];
}

function rateFind(command: ShellCommand, places: Places): Danger | undefined {
  const { scope } = command;
  const args = withoutCommands(command.args);
  if (!args.some((arg, index) => arg === '-delete' && !TAKES_NAME.test(args[index - 1] ?? ''))) return undefined;
  if (args.includes('-empty')) return undefined;
  const everything = findsEverything(args);
  if (findsRepository(args)) return critical('delete.repository', "Deletes the repository's history.");
  const first = args.findIndex((arg) => /^[-(!]/.test(arg) && !/^-[HLPDO]/.test(arg));
  return worst(findRoots(args), (root) => {
    const path = reached(`${root}/.`, scope);
    const found = resolvePath(foundPath([path, ...args.slice(first)]), scope.cwd);
    if (places.isRegenerated(found) || places.isIgnored(found) || places.isTemporary(path)) return undefined;
    if (everything) return rateTree(path, command, places);
    if (places.isTemporary(found)) return undefined;
    if (places.isInWorkspace(path))
      return warning('delete.find', 'Deletes every file that matches; list them first without -delete.');
    if (places.isUnknown(path))
      return critical(
        'delete.unresolved',
        'Where files are deleted is only known when the command runs; name the folder.',
      );
    return critical('delete.outside-workspace', `Deletes files below ${shown(path)}, which is outside the workspace.`);
  });
}

/** Deleting every file of a folder, one by one, is as bad as deleting the folder. */
const rateEveryFile: Finder = (command, places) =>
  worst(
    command.values.flatMap(({ text, origin }) => (origin & Origin.everyFile ? [text] : [])),
    (text) => {
      const target = text.endsWith(`/${ANY}`) ? text.slice(0, -2) || '/' : text;
      // An unknown name most likely comes from a list of the current folder.
      return rateTree(isBlank(target) ? '.' : target, command, places);
    },
  );

/** Copying over every file replaces the content of all files. */
function rateOverEveryFile(command: ShellCommand, places: Places): Danger | undefined {
  if (new Options(command.args).has('t', 'target-directory')) return undefined;
  return rateEveryFile({ ...command, values: command.values.slice(-1) }, places);
}

function rateTruncate(command: ShellCommand, places: Places): Danger | undefined {
  const options = new Options(command.args, ['s', 'r', 'size', 'reference']);
  if (!/^0/.test(options.value('s', 'size') ?? '')) return undefined;
  return worst(options.operands, (target) => {
    const path = resolvePath(target, command.scope.cwd);
    if (places.isTemporary(path)) return undefined;
    if (places.isOutside(path))
      return critical('delete.truncate', `Empties ${shown(path)}, which is outside the workspace.`);
    return warning('delete.truncate', `Empties ${shown(target)}.`);
  });
}

function rateMirror(command: ShellCommand, places: Places): Danger | undefined {
  const { args, scope } = command;
  if (!args.some((arg) => /^--(delete|del\b|remove-source-files)/.test(arg))) return undefined;
  const target = new Options(args, ['e', 'f', 'rsh', 'exclude', 'include', 'filter', 'files-from']).operands.at(-1);
  if (target === undefined) return undefined;
  const path = resolvePath(target, scope.cwd);
  const dangerous =
    !target.includes(':') && (places.isSystem(path) || path === places.home || path === places.workspace);
  if (dangerous)
    return critical('delete.mirror', `Deletes everything in ${shown(path)} that the source does not have.`);
  return warning(
    'delete.mirror',
    `Deletes what the source does not have from ${shown(target)}; look with --dry-run first.`,
  );
}
