import type { Danger } from '../danger.js';
import type { Places } from '../paths.js';
import type { ShellCommand } from '../shell/command.js';
import { findRoots } from '../shell/found.js';
import { Options } from '../shell/options.js';
import { baseName, isWithin, resolvePath } from '../shell/path.js';
import { ANY, Origin, SEGMENT } from '../shell/value.js';
import type { agentRules } from './agent.js';
import type { fileRules } from './files.js';
import { type Finders, type Rules, reporting } from './rule.js';
import { shown } from './shown.js';
import { worst } from './worst.js';

/** Moves after which something is gone, or may be deleted without a question. */
export const movingRules = {
  'delete.into-null': {
    level: 'critical',
    about: 'moves files to `/dev/null`',
    matches: ['mv notes.md /dev/null', 'mv src/* /dev/null'],
    spares: ['mv notes.md old.md', 'npm test > /dev/null'],
  },
  'delete.moved': {
    level: 'critical',
    about: 'deletes under a new name what the same command has moved there',
    matches: ['mv src /tmp/x; rm -rf /tmp/x'],
    spares: ['mv src lib2; rm -rf dist', 'rm -rf /tmp/x'],
  },
  'files.home': {
    level: 'critical',
    about: 'moves away what the user keeps in the home folder',
    matches: ['mv ~ /tmp/home', 'mv ~/.profile /tmp', 'mv ~/* /tmp'],
    spares: ['mv notes.md docs/notes.md'],
  },
  'files.workspace': {
    level: 'critical',
    about: 'moves the workspace or all of its files away, or its repository',
    matches: ['mv .git ../git', 'mv * /tmp', 'mv /workspace /elsewhere'],
    spares: ['mv src/a.ts src/b.ts', 'mv *.md docs/'],
  },
  'files.disposable': {
    level: 'critical',
    about: 'moves a folder onto a name that may be deleted without a question; a warning for a single file',
    matches: ['mv src dist', 'mv docs node_modules/docs'],
    warns: ['mv Makefile dist/'],
    spares: ['mv build/app dist', 'mv src sources', 'mv dist dist-old'],
  },
} as const satisfies Rules;

const { critical, warning } = reporting<typeof movingRules & typeof agentRules & typeof fileRules>();

export const movingFinders: Finders = [
  ['mv gmv', rateMove],
  ['rm grm rimraf del-cli find gfind shred', rateMoved],
];

/** Usual names of folders with sources. A file that was just built has no such name. */
const SOURCES =
  /^(?:src|lib|libs|apps|packages|pkg|internal|include|tests?|spec|__tests__|docs?|scripts|components|pages|assets|config|examples?|\.git(?:hub)?)$/;
/** The part of a path that a search adds to its start folder. */
const FOUND = new RegExp(`/${ANY}.*$`, 's');
const EXTENSION = /[^/]\.[^./]+$/;
/** Folders that hold build output in some projects, and sources in others. */
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

/** Rates that something disappears from its old place. */
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
      'Moves all files of the workspace to another place; name the files that you mean.',
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

/** Rates that something gets a name under which it can be deleted without a question. */
function rateOntoDisposable(
  { source, from, target, to }: Move,
  { scope }: ShellCommand,
  places: Places,
): Danger | undefined {
  const isKept = places.isInWorkspace(from) && !isDisposable(from, places) && !places.isFileName(from);
  if (!isKept || !isDisposable(to, places)) return undefined;
  scope.moved.set(to, from);
  const message = `Moves ${shown(from)} to ${shown(to)}, where it may be deleted without a question; give it another name.`;
  // An ignored file is often the user's copy of an example beside it.
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

/** Finds the deletion of something that the same command has moved before. */
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
