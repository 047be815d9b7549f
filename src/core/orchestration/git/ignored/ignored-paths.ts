import type { IgnoredPaths } from '../../../../danger/index.js';
import {
  bytesOf,
  fits,
  type IgnorePattern,
  ignorePattern,
  type Steps,
  TooMuchToCompare,
  take,
} from './ignore-pattern.js';

/** A file with ignore rules. */
export interface IgnoreFile {
  /** The folder of the file, relative to the repository, without a slash at its end. Empty for the top. */
  readonly folder: string;
  readonly lines: readonly string[];
}

/** The rules of a file. */
interface Rules {
  /** The folder of the file, with a slash at its end. Empty for the top. */
  readonly folder: string;
  /** The number of names on the way to the folder. */
  readonly depth: number;
  readonly patterns: readonly IgnorePattern[];
}

/** Nobody writes more lines by hand, and more would make each rating slow. */
const MAX_LINES = 5_000;
/** The same for the characters of all lines. To read them takes some 20 ms. */
const MAX_CHARACTERS = 256 * 1024;
/**
 * How much is compared in one turn of the event loop. This takes some 20 ms. An agent may have committed the rules and chosen the
 * paths.
 */
const MOST_STEPS = 1_000_000;
/** Linux refuses longer names and paths. */
const MOST_NAME_BYTES = 255;
const MOST_PATH_BYTES = 4_096;

/**
 * Tells which paths of a workspace a repository's ignore files ignore. None if there are more rules than anybody writes.
 *
 * The function throws {@link TooMuchToCompare} if a path takes too long to compare. To answer `false` would not be safe: a folder
 * may be moved to a path that is not ignored without a question, and an ignored path may be deleted without one.
 *
 * @param workspace the place of the workspace in the repository, relative to its top; empty for the top itself
 */
export function ignoredPaths(files: readonly IgnoreFile[], workspace = ''): IgnoredPaths {
  const rules = rulesOf(files);
  if (rules.length === 0) return () => false;
  const steps = stepsPerTurn();
  const place = namesOf(workspace);
  return (path) => {
    if (path.length > MOST_PATH_BYTES) throw new TooMuchToCompare();
    const names = namesOf(path);
    if (names.length === 0 || path.startsWith('/') || names.some((name) => name === '.' || name === '..')) return false;
    return isIgnored([...place, ...names], rules, steps());
  };
}

/** Those of deeper files come last, because the last rule that fits decides. Empty if there are too many. */
function rulesOf(files: readonly IgnoreFile[]): Rules[] {
  let [lines, characters] = [0, 0];
  for (const file of files) {
    for (const line of file.lines) characters += line.length;
  }
  if (characters > MAX_CHARACTERS) return [];
  const rules = files.map((file): Rules => {
    const names = namesOf(file.folder);
    const patterns = file.lines.flatMap((line) => ignorePattern(line) ?? []);
    lines += patterns.length;
    return { folder: names.map((name) => `${name}/`).join(''), depth: names.length, patterns };
  });
  if (lines > MAX_LINES) return [];
  return rules.filter(({ patterns }) => patterns.length > 0).sort((one, other) => one.depth - other.depth);
}

/**
 * True if git ignores the path or a folder on the way to it. The path counts as a folder: a tree that is deleted is one.
 *
 * @throws TooMuchToCompare
 */
function isIgnored(names: readonly string[], all: readonly Rules[], steps: Steps): boolean {
  const path = names.join('/');
  if (path.length > MOST_PATH_BYTES || names.some(({ length }) => length > MOST_NAME_BYTES))
    throw new TooMuchToCompare();
  const rules = all.filter(({ folder }) => {
    take(steps, folder.length);
    return path.startsWith(folder);
  });
  for (let end = 1; end <= names.length; end += 1) {
    if (decisive(rules, names, end, steps)?.isExcluding === false) return true;
  }
  return false;
}

/** The last pattern that names the path of the first names. */
function decisive(
  rules: readonly Rules[],
  names: readonly string[],
  end: number,
  steps: Steps,
): IgnorePattern | undefined {
  for (let at = rules.length - 1; at >= 0; at -= 1) {
    const { depth, patterns } = rules[at] as Rules;
    if (depth >= end) continue;
    const found = patterns.findLast((pattern) => fits(pattern, names, depth, end, steps));
    if (found) return found;
  }
  return undefined;
}

function stepsPerTurn(): () => Steps {
  let steps: Steps | undefined;
  return () => {
    if (!steps) {
      steps = { left: MOST_STEPS };
      setImmediate(() => {
        steps = undefined;
      });
    }
    return steps;
  };
}

function namesOf(path: string): string[] {
  return path
    .split('/')
    .filter((name) => name !== '')
    .map(bytesOf);
}
