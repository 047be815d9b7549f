import { critical, type Danger, warning } from '../danger.js';
import type { Places } from '../paths.js';
import type { ShellCommand } from '../shell/command.js';
import { findRoots } from '../shell/found.js';
import { Options } from '../shell/options.js';
import { baseName, isWithin, resolvePath } from '../shell/path.js';
import { ANY, Origin, SEGMENT } from '../shell/value.js';
import { shown, worst } from './deletion.js';
import type { RuleList } from './rule.js';

export const movingRules: RuleList = [
  ['mv gmv', rateMove],
  ['rm grm rimraf del-cli find gfind shred', rateMoved],
];

/** Folders of sources, so that a move of one is no move of a program that was just built. */
const SOURCES =
  /^(?:src|lib|libs|apps|packages|pkg|internal|include|tests?|spec|__tests__|docs?|scripts|components|pages|assets|config|examples?|\.git(?:hub)?)$/;
/** What a search adds to the folder where it starts. */
const FOUND = new RegExp(`/${ANY}.*$`, 's');
const EXTENSION = /[^/]\.[^./]+$/;
/** Names that builds give their output and people give folders of sources. */
const EITHER = /\/(?:lib|bin|public|vendor)(?:\/|$)/;

function rateMove(command: ShellCommand, places: Places): Danger | undefined {
  const { args, values, scope } = command;
  const options = new Options(args, ['t', 'S', 'target-directory', 'suffix']);
  if (options.has('help', 'version')) return undefined;
  const folder = options.value('t', 'target-directory');
  const sources = folder === undefined ? options.operands.slice(0, -1) : options.operands;
  const target = folder ?? options.operands.at(-1);
  if (target === undefined || sources.length === 0) return undefined;
  const to = resolvePath(target, scope.cwd);
  if (to === '/dev/null') return critical('delete.into-null', 'Moves files to /dev/null, where they are lost.');
  const everyFile = new Set(values.filter(({ origin }) => origin & Origin.everyFile).map(({ text }) => text));
  return worst(sources, (source) => {
    const resolved = resolvePath(source, scope.cwd);
    const from = everyFile.has(source) ? resolved.replace(FOUND, `/${SEGMENT}`) : resolved;
    const away = rateAway(from, to, places);
    if (away?.level === 'critical') return away;
    return rateOntoDisposable({ source, from, target, to }, command, places) ?? away;
  });
}

/** What it means that something is no longer where it was. */
function rateAway(from: string, to: string, places: Places): Danger | undefined {
  if (places.isUnknown(from)) return undefined;
  if (places.isGuard(from)) return critical('agent.guard', "Moves what belongs to this session's guard.");
  const parent = from.endsWith(`/${SEGMENT}`) ? from.slice(0, -2) : from;
  if (isWithin(places.home, parent === '' ? '/' : parent))
    return critical(
      'files.home',
      `Moves ${shown(from)} away, and with it what the user keeps there; name single files.`,
    );
  if (places.isStartup(from))
    return critical('files.home', `Moves ${shown(from)} away, which the user's shell or keys depend on.`);
  if (places.isSystem(from))
    return critical('files.system', `Moves ${shown(from)}, which belongs to the system, away.`);
  if (from === `${places.workspace}/.git` || from === places.workspace)
    return critical('files.workspace', `Moves ${shown(from)} away.`);
  if (parent === places.workspace && from !== parent && !places.isInWorkspace(to) && !places.isUnknown(to))
    return critical(
      'files.workspace',
      'Moves all files of the workspace to another place; name the ones that you mean.',
    );
  if (!places.isOutside(from)) return undefined;
  if (places.isMounted(from))
    return critical('files.mounted', `Moves ${shown(from)} away, which is the user's and outside the workspace.`);
  const message = `Moves ${shown(from)}, which is outside the workspace; copy it instead.`;
  return places.isFileName(from) && !from.includes(SEGMENT)
    ? warning('files.outside-workspace', message)
    : critical('files.outside-workspace', message);
}

interface Move {
  readonly source: string;
  readonly from: string;
  readonly target: string;
  readonly to: string;
}

/** A folder that gets a name of which the deletion is harmless can be deleted without another question. */
function rateOntoDisposable(
  { source, from, target, to }: Move,
  { scope }: ShellCommand,
  places: Places,
): Danger | undefined {
  const isKept = places.isInWorkspace(from) && !isDisposable(from, places) && !places.isFileName(from);
  if (!isKept || !isDisposable(to, places)) return undefined;
  scope.moved.set(to, from);
  const message = `Moves ${shown(from)} to ${shown(to)}, where it may be deleted without a question; give it another name.`;
  // What a repository ignores is often a file of the user's own, made from an example beside it.
  const isFile = target.endsWith('/') || (places.isIgnored(to) && EXTENSION.test(from));
  const isFolder = source.endsWith('/') || from.endsWith(`/${SEGMENT}`) || SOURCES.test(baseName(from)) || !isFile;
  return isFolder && !places.isTemporary(to) && !EITHER.test(to)
    ? critical('files.disposable', message)
    : warning('files.disposable', message);
}

function isDisposable(path: string, places: Places): boolean {
  return (
    places.isTemporary(path) ||
    places.isRegenerated(path) ||
    places.isIgnored(path) ||
    places.isRebuilt(path) !== undefined
  );
}

/** Deletes what was moved there earlier in the same command. */
function rateMoved({ name, args, scope }: ShellCommand): Danger | undefined {
  if (scope.moved.size === 0) return undefined;
  const isFind = name.endsWith('find');
  if (isFind && !args.includes('-delete')) return undefined;
  return worst(isFind ? findRoots(args) : new Options(args).operands, (target) => {
    const path = resolvePath(target, scope.cwd);
    for (const [to, from] of scope.moved) {
      if (isWithin(path, to) || isWithin(to, path))
        return critical('delete.moved', `Deletes what was ${shown(from)} until this command moved it.`);
    }
    return undefined;
  });
}
