import { join, relative, resolve } from 'node:path';
import { isInside } from '../../util/fs/is-inside.js';
import type { GitConfigEntry } from './config-file.js';

/** A folder of the machine, and the path at which a container has it. */
export interface MovedFolder {
  readonly from: string;
  readonly to: string;
}

/** Settings that name a file or folder. */
const PATHS =
  /^(include(if\..*)?\.path|core\.(hookspath|excludesfile|attributesfile)|commit\.template|blame\.ignorerevsfile)$/;

/**
 * Settings that would be wrong in a container: git finds the checkout by its `.git` there, and the pointers are absolute, which git
 * before 2.48 needs.
 */
const DROPPED = /^(core\.worktree|extensions\.relativeworktrees)$/;

/**
 * The text of a configuration for the container. Git reads the same settings in it, in the same order. Paths on the machine are
 * those of the container, if it has them.
 *
 * @param folder the folder of the configuration on the machine, to which relative paths of includes belong
 */
export function configText(entries: readonly GitConfigEntry[], folder: string, moved: readonly MovedFolder[]): string {
  const kept = entries.filter((entry) => !DROPPED.test(entry.name) && !isMissing(entry, folder, moved));
  const text = ({ name, value }: GitConfigEntry): string =>
    settingText(name, PATHS.test(name) ? placed(name, value, folder, moved) : value);
  return kept.map(text).join('');
}

/**
 * True for an ignore file that the container does not have. Git would look for this file instead of that of the user's rules for
 * all repositories, which then would not count either.
 */
function isMissing({ name, value }: GitConfigEntry, folder: string, moved: readonly MovedFolder[]): boolean {
  if (name !== 'core.excludesfile') return false;
  const isThere = moved.some(({ from }) => isInside(resolve(folder, value), from));
  return value.startsWith('~') || (value.startsWith('/') && !isThere);
}

/** A setting with its section. @param name as `git config --list` shows it */
export function settingText(name: string, value: string): string {
  const first = name.indexOf('.');
  const last = name.lastIndexOf('.');
  // A setting in front of the first section belongs to none, and git ignores it.
  if (first <= 0) return '';
  const sub = first === last ? '' : ` "${name.slice(first + 1, last).replaceAll(/["\\]/g, '\\$&')}"`;
  return `[${name.slice(0, first)}${sub}]\n\t${name.slice(last + 1)} = "${escaped(value)}"\n`;
}

const ESCAPES: Readonly<Record<string, string>> = { '\n': '\\n', '\t': '\\t', '"': '\\"', '\\': '\\\\' };

function escaped(value: string): string {
  return value.replaceAll(/[\n\t"\\]/g, (char) => ESCAPES[char] ?? char);
}

function placed(name: string, value: string, folder: string, moved: readonly MovedFolder[]): string {
  if (value === '' || value.startsWith('~')) return value;
  const isRelative = !value.startsWith('/');
  // Git reads a relative path of an include against the file, and other relative paths against the checkout.
  if (isRelative && !name.startsWith('include')) return value;
  const path = resolve(folder, value);
  const around = moved.find(({ from }) => isInside(path, from));
  return around ? join(around.to, relative(around.from, path)) : path;
}
