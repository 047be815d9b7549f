import ignore from 'ignore';
import type { IgnoredPaths } from '../../../danger/index.js';

/** A file with ignore rules. */
export interface IgnoreFile {
  /** The folder of the file, relative to the repository, without a slash at its end. Empty for the top. */
  readonly folder: string;
  readonly lines: readonly string[];
}

/** Nobody writes more lines by hand, and more would make each rating slow. */
const MAX_LINES = 5_000;

/**
 * Tells which paths of a workspace a repository's ignore files ignore.
 *
 * @param workspace the place of the workspace in the repository, relative to its top; empty for the top itself
 */
export function ignoredPaths(files: readonly IgnoreFile[], workspace = ''): IgnoredPaths {
  const byDepth = [...files].sort((a, b) => depth(a.folder) - depth(b.folder));
  const patterns = byDepth.flatMap(({ folder, lines }) => lines.flatMap((line) => fromTop(line, folder)));
  if (patterns.length === 0 || patterns.length > MAX_LINES) return () => false;
  const rules = ignore({ ignorecase: false }).add(patterns);
  const prefix = workspace === '' ? '' : `${workspace}/`;
  // Rules such as `build/` are for folders only. A tree that is deleted is a folder, so each path is tested as a folder.
  return (path) => ignore.isPathValid(`${prefix}${path}/`) && rules.ignores(`${prefix}${path}/`);
}

function depth(folder: string): number {
  return folder === '' ? 0 : folder.split('/').length;
}

/** The rule rewritten as it would be in the ignore file of the repository's top folder. */
function fromTop(line: string, folder: string): readonly string[] {
  if (line.trim() === '' || line.startsWith('#')) return [];
  if (folder === '') return [line];
  const negated = line.startsWith('!');
  const pattern = negated ? line.slice(1) : line;
  const isAnchored = pattern.trimEnd().slice(0, -1).includes('/');
  const place = folder.replace(/[\\*?[\]!# ]/g, '\\$&');
  return [`${negated ? '!' : ''}/${place}/${isAnchored ? pattern.replace(/^\//, '') : `**/${pattern}`}`];
}
