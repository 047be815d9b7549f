import { critical, type Danger, warning } from '../danger.js';
import { MOST_SEVERE, severity } from '../levels.js';
import type { Places } from '../paths.js';
import type { ShellCommand } from '../shell/command.js';
import { findRoots, findsEverything, findsRepository, foundPath } from '../shell/found.js';
import { Options } from '../shell/options.js';
import { baseName, resolvePath } from '../shell/path.js';
import type { Scope } from '../shell/scope.js';
import { ANY, isBlank, Origin, SEGMENT } from '../shell/value.js';
import type { Rule, RuleList } from './rule.js';

export const deletionRules: RuleList = [
  ['rm grm srm unlink shred wipe truncate', (command, places) => rateEveryFile(command, places)],
  ['cp', rateOverEveryFile],
  ['rm grm srm', rateRm],
  ['rimraf del-cli', rateAlwaysRecursive],
  ['unlink', (command, places) => worst(command.args, (target) => rateFile(target, command, places))],
  ['shred wipe', rateShred],
  ['find gfind', rateFind],
  ['truncate', rateTruncate],
  ['rsync', rateMirror],
];

function rateRm(command: ShellCommand, places: Places): Danger | undefined {
  const options = new Options(command.args);
  if (options.has('help', 'version')) return undefined;
  const recursive = options.has('r', 'R', 'recursive');
  if (recursive && options.operands.length === 0) {
    return critical('delete.unresolved', 'Deletes recursively, but what is not to be seen; name the folder.');
  }
  return worst(options.operands, (target) =>
    recursive ? rateTree(target, command, places) : rateFile(target, command, places),
  );
}

function rateAlwaysRecursive(command: ShellCommand, places: Places): Danger | undefined {
  return worst(new Options(command.args).operands, (target) => rateTree(target, command, places));
}

const BUILD_RULES = { whole: 'delete.build-output', part: 'delete.build-part' } as const;

/** Where a target leads: a link with a slash behind it is the folder that it leads to. */
function reached(target: string, scope: Scope): string {
  const path = resolvePath(target, scope.cwd);
  return /\/\.?$/.test(target) ? scope.followed(`${path}/.`).replace(/\/\.$/, '') || '/' : scope.followed(path);
}

/** Deletion of a folder with all that is in it. */
function rateTree(target: string, { scope }: ShellCommand, places: Places): Danger | undefined {
  if (target === '') return undefined;
  const path = reached(target, scope);
  if (places.isTemporary(path) || places.isIgnored(path)) return undefined;
  if (places.isRegenerated(path)) {
    return places.isUnknown(path)
      ? warning('delete.generated', 'Deletes a generated folder in a place that is not known.')
      : undefined;
  }
  if (places.isUnknown(path)) {
    return critical('delete.unresolved', 'What is deleted recursively is only known when it runs; name the folder.');
  }
  if (places.isGuard(path)) return critical('agent.guard', "Deletes what belongs to this session's guard.");
  if (path === '/' || path === `/${SEGMENT}` || path === `/${ANY}`)
    return critical('delete.root', 'Deletes the whole file system.');
  if (path === places.home || path === `${places.home}/${SEGMENT}`)
    return critical('delete.home', 'Deletes the home folder.');
  if (places.isSystem(path)) return critical('delete.system', `Deletes ${shown(path)}, which belongs to the system.`);
  if (!places.isInWorkspace(path)) {
    return critical(
      'delete.outside-workspace',
      `Deletes ${shown(path)}, which is outside the workspace; keep to the workspace and to folders below /tmp.`,
    );
  }
  if (path === places.workspace || path === `${places.workspace}/${SEGMENT}`) {
    return critical('delete.workspace', 'Deletes the whole workspace; delete the single folders that are not needed.');
  }
  if (path.includes('/.git/') || baseName(path) === '.git')
    return critical('delete.repository', "Deletes the repository's history.");
  if (places.isFileName(path)) return warning('delete.recursive', `Deletes ${shown(path)}.`);
  const rebuilt = places.isRebuilt(path);
  const rule = rebuilt ? BUILD_RULES[rebuilt] : 'delete.recursive';
  return critical(
    rule,
    `Deletes ${shown(path)} with all that is in it; use git rm -r for what is committed, and rm -f for single files.`,
  );
}

function rateFile(target: string, { scope }: ShellCommand, places: Places): Danger | undefined {
  if (target === '' || target.startsWith('-')) return undefined;
  const path = scope.followed(resolvePath(target, scope.cwd));
  if (places.isTemporary(path) || places.isUnknown(path)) return undefined;
  if (places.isGuard(path)) return critical('agent.guard', "Deletes what belongs to this session's guard.");
  if (places.isSystem(path) || path.startsWith(`/${ANY}`)) {
    return critical('delete.system', `Deletes ${shown(path)}, which belongs to the system.`);
  }
  if (places.isStartup(path))
    return critical('delete.home', `Deletes ${shown(path)}, which the user's shell or keys depend on.`);
  if (places.isOutside(path))
    return warning('delete.outside-workspace', `Deletes ${shown(path)}, which is outside the workspace.`);
  if (path.includes('/.git/') && !path.endsWith('.lock'))
    return warning('delete.repository', "Deletes a file of git's own.");
  return path === `${places.workspace}/${SEGMENT}`
    ? warning('delete.workspace', "Deletes all files of the workspace's top folder.")
    : undefined;
}

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

/** What `find` runs has arguments of its own. */
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
      return critical('delete.unresolved', 'Where files are deleted is only known when it runs; name the folder.');
    return critical('delete.outside-workspace', `Deletes files below ${shown(path)}, which is outside the workspace.`);
  });
}

/** Every file of a folder, one by one: no better than the folder as a whole. */
const rateEveryFile: Rule = (command, places) =>
  worst(
    command.values.flatMap(({ text, origin }) => (origin & Origin.everyFile ? [text] : [])),
    (text) => {
      const target = text.endsWith(`/${ANY}`) ? text.slice(0, -2) || '/' : text;
      // What is not known comes from a list of the present folder, most likely.
      return rateTree(isBlank(target) ? '.' : target, command, places);
    },
  );

/** A copy over every file replaces what is in it. */
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

/** The worst of what is found for each of several targets. */
export function worst<T>(targets: readonly T[], rate: (target: T) => Danger | undefined): Danger | undefined {
  let found: Danger | undefined;
  for (const target of targets) {
    const danger = rate(target);
    if (danger && severity(danger) > (found ? severity(found) : 0)) found = danger;
    if (found && severity(found) === MOST_SEVERE) break;
  }
  return found;
}

/** For people: unknown parts as an ellipsis, and no more than a line. */
export function shown(path: string): string {
  const readable = isBlank(path)
    ? '…'
    : path
        .replaceAll(ANY, '…')
        .replaceAll(SEGMENT, '*')
        .replace(/[\uFDD0-\uFDD2]/g, '?');
  return readable.length > 80 ? `${readable.slice(0, 77)}…` : readable;
}
