import { credentialKind } from '../credentials.js';
import type { Danger } from '../danger.js';
import type { Places } from '../paths.js';
import { Options } from '../shell/options.js';
import { resolvePath } from '../shell/path.js';
import type { Scope } from '../shell/scope.js';
import { GREP_VALUES, readOperands } from './operands.js';
import { type credentialRules, rateRead } from './reading.js';
import { reporting } from './rule.js';
import { shown } from './shown.js';
import { worst } from './worst.js';

const { critical } = reporting<typeof credentialRules>();

/** Git commands that show the content of files, with a test whether their options make them do so. */
const SHOWS: Readonly<Record<string, (options: Options) => boolean>> = {
  show: (options) =>
    !options.has('name-only', 'name-status', 'stat', 's', 'no-patch', 'summary', 'shortstat', 'numstat'),
  'cat-file': (options) => !options.has('e', 't', 's', 'batch-check'),
  archive: () => true,
  blame: () => true,
  annotate: () => true,
  'format-patch': () => true,
  whatchanged: (options) => options.has('p', 'u', 'patch'),
  log: (options) =>
    options.has('p', 'u', 'patch', 'c', 'cc', 'L', 'm', 'W', 'function-context') || options.value('L') !== undefined,
  'unpack-file': () => true,
};

/**
 * Rates what git shows of old files: `git show REV:.env`, `git cat-file -p REV:.env`, `git log -p -- .env`. A secret that was
 * removed from the workspace is still in the history.
 */
export function rateHistory(verb: string, args: readonly string[], places: Places, scope: Scope): Danger | undefined {
  const shows = SHOWS[verb];
  if (verb === 'diff' || verb === 'grep') return rateCompared(verb, args, places, scope);
  if (!shows) return undefined;
  const options = new Options(args, [
    'format',
    'pretty',
    'output',
    'o',
    'remote',
    'since',
    'until',
    'author',
    'n',
    'prefix',
    'L',
  ]);
  if (!shows(options)) return undefined;
  const lines = options.value('L')?.replace(/^.*:/, '');
  for (const operand of [...options.operands, lines ?? '']) {
    // `REV:path`, `:0:path` of the index, and paths as they are.
    const path = operand.slice(operand.lastIndexOf(':') + 1);
    if (path === '' || (verb === 'cat-file' && !operand.includes(':'))) continue;
    const resolved = resolvePath(path, scope.cwd);
    const kind = places.isUnknown(resolved) ? undefined : credentialKind(resolved);
    if (kind) return showsKept(path);
  }
  return undefined;
}

/** `git diff` and `git grep` show files of the workspace. If a revision is named as well, they show the history. */
function rateCompared(verb: string, args: readonly string[], places: Places, scope: Scope): Danger | undefined {
  const options = new Options(args, GREP_VALUES);
  if (options.has('name-only', 'name-status', 'stat', 'q', 'quiet', 'numstat', 'shortstat')) return undefined;
  if (verb === 'grep' && options.has('l', 'L', 'c', 'count', 'files-with-matches')) return undefined;
  const line = [verb, ...args];
  const operands = readOperands({ name: 'git', args: line })
    .filter(({ text, index }) => !text.startsWith('-') && line[index - 1] !== '-f') // A file with patterns is not shown.
    .map(({ text }) => text);
  return worst(operands, (operand) => {
    const resolved = resolvePath(operand.slice(operand.lastIndexOf(':') + 1), scope.cwd);
    const kind = places.isUnknown(resolved) ? undefined : credentialKind(resolved);
    if (!kind) return undefined;
    return operands.length > 1 ? showsKept(operand) : rateRead(resolved, places);
  });
}

function showsKept(path: string): Danger {
  return critical('credentials.read', `Shows ${shown(path)} from git's history; the file holds keys or passwords.`);
}
