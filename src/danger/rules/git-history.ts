import { credentialKind } from '../credentials.js';
import { critical, type Danger } from '../danger.js';
import type { Places } from '../paths.js';
import { Options } from '../shell/options.js';
import { resolvePath } from '../shell/path.js';
import type { Scope } from '../shell/scope.js';
import { shown, worst } from './deletion.js';
import { rateRead } from './reading.js';

/** Commands that show what is in files, by the options that make them do so. */
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
 * What git shows of files that it keeps: `git show REV:.env`, `git cat-file -p REV:.env`, `git log -p -- .env`. That a secret was
 * taken out of the workspace does not take it out of the history.
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

/** What `git diff` and `git grep` show is what the workspace has, unless a revision is named as well. */
function rateCompared(verb: string, args: readonly string[], places: Places, scope: Scope): Danger | undefined {
  const options = new Options(args, ['e', 'f', 'm', 'A', 'B', 'C', 'o', 'output']);
  if (options.has('name-only', 'name-status', 'stat', 'q', 'quiet', 'numstat', 'shortstat')) return undefined;
  if (verb === 'grep' && options.has('l', 'L', 'c', 'count', 'files-with-matches')) return undefined;
  const operands = options.operands.slice(verb === 'grep' && !options.has('e', 'f') ? 1 : 0);
  return worst(operands, (operand) => {
    const resolved = resolvePath(operand.slice(operand.lastIndexOf(':') + 1), scope.cwd);
    const kind = places.isUnknown(resolved) ? undefined : credentialKind(resolved);
    if (!kind) return undefined;
    return operands.length > 1 ? showsKept(operand) : rateRead(resolved, places);
  });
}

function showsKept(path: string): Danger {
  return critical('credentials.read', `Shows ${shown(path)} as git keeps it, which holds keys or passwords.`);
}
