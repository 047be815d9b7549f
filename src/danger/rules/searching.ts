import { isCredentialPlace, isInKeyFolder } from '../credential-places.js';
import { credentialKind } from '../credentials.js';
import type { Danger } from '../danger.js';
import type { Places } from '../paths.js';
import { expandBraces } from '../shell/braces.js';
import { isWithin, resolvePath } from '../shell/path.js';
import { ANY, CHARACTER, SEGMENT } from '../shell/value.js';
import type { credentialRules } from './reading.js';
import { type Rules, reporting } from './rule.js';
import { shown } from './shown.js';
import { worst } from './worst.js';

/** Searches of keys and passwords with the tools `Grep` and `Glob`. */
export const searchingRules = {
  'credentials.search': {
    level: 'critical',
    about: 'searches places that hold keys or passwords',
    matches: [
      { tool: 'Grep', input: { pattern: 'PRIVATE', path: '~/.ssh' } },
      { tool: 'Glob', input: { pattern: '**/*', path: '~/.aws' } },
    ],
    spares: [
      { tool: 'Grep', input: { pattern: 'id_rsa', path: 'src' } },
      { tool: 'Glob', input: { pattern: '**/*.ts' } },
    ],
  },
} as const satisfies Rules;

const { critical, warning } = reporting<typeof searchingRules & typeof credentialRules>();

/**
 * Rates a search. `Grep` shows the content of files, `Glob` shows their names. The place of a search is its path together with
 * its pattern for names.
 */
export function rateSearch(tool: 'Grep' | 'Glob', input: Record<string, unknown>, places: Places): Danger | undefined {
  const root = typeof input.path === 'string' && input.path !== '' ? input.path : '.';
  const pattern = tool === 'Grep' ? input.glob : input.pattern;
  const names = typeof pattern === 'string' && pattern !== '' ? alternatives(pattern) : [''];
  const shows = tool === 'Grep' && input.output_mode !== 'files_with_matches' && input.output_mode !== 'count';
  return worst(names, (name) => rateWhere(placed(root, name, places), name, shows, places));
}

/** The alternatives of a pattern: `{a,b}`, and lists that blanks separate. */
function alternatives(pattern: string): readonly string[] {
  return pattern
    .split(/\s+/)
    .flatMap((part) => expandBraces(part) ?? [part])
    .slice(0, 64);
}

/** The absolute path of a search, with its wildcards. */
function placed(root: string, name: string, places: Places): string {
  const pattern = name.replace(/^!/, '').replaceAll('**', ANY).replaceAll('*', SEGMENT).replaceAll('?', CHARACTER);
  const home = (text: string): string => (text === '~' || text.startsWith('~/') ? places.home + text.slice(1) : text);
  const folder = resolvePath(home(root), places.cwd);
  const full = home(pattern);
  return pattern === '' ? folder : resolvePath(full.startsWith('/') ? full : `${folder}/${full}`, '/');
}

function rateWhere(path: string, name: string, shows: boolean, places: Places): Danger | undefined {
  if (name.startsWith('!')) return undefined;
  const searches = (what: string): Danger =>
    critical('credentials.search', `Searches ${shown(path)}, ${what}; look for what you need elsewhere.`);
  if (isInKeyFolder(path) || isCredentialPlace(path)) return searches('which holds keys or passwords');
  const kind = credentialKind(path);
  if (kind === 'key' && (shows || !places.isInWorkspace(path))) return searches('which holds keys or passwords');
  if (kind === 'environment' && !places.isInWorkspace(path)) return searches('which usually holds passwords');
  if (kind === 'environment')
    return shows ? warning('credentials.read', `Searches ${shown(path)}, which usually holds passwords.`) : undefined;
  // A search through the whole home folder finds the keys as well.
  const start = path.split(`/${ANY}`)[0] ?? path;
  const wide = (start.endsWith(`/${SEGMENT}`) ? start.slice(0, -SEGMENT.length - 1) : start) || '/';
  const isWide = isWithin(places.home, wide) || wide === '/root' || wide === '/etc';
  const isCode = /\.[a-z]{1,5}$/i.test(name);
  return shows && isWide && !isCode && !places.isInWorkspace(wide) && !isWithin(places.workspace, `${places.home}/x`)
    ? searches('the keys of the user among it')
    : undefined;
}
