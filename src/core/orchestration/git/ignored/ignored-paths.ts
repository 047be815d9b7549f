import type { IgnoredPaths } from '../../../../danger/index.js';
import { bytesOf, fits, type IgnorePattern, ignorePattern, type Steps, TooManySteps } from './ignore-pattern.js';

/** A file with ignore rules. */
export interface IgnoreFile {
  /** The folder of the file, relative to the repository, without a slash at its end. Empty for the top. */
  readonly folder: string;
  readonly lines: readonly string[];
}

interface Rule {
  /** The names on the way to the folder of the file. */
  readonly folder: readonly string[];
  readonly pattern: IgnorePattern;
}

/** Nobody writes more lines by hand, and more would make each rating slow. */
const MAX_LINES = 5_000;
/**
 * How much is compared in one turn of the event loop. This takes some 20 ms. An agent may have committed the rules and chosen the
 * paths.
 */
const MOST_STEPS = 1_000_000;

/**
 * Tells which paths of a workspace a repository's ignore files ignore. A path that takes too long to compare is not ignored.
 *
 * @param workspace the place of the workspace in the repository, relative to its top; empty for the top itself
 */
export function ignoredPaths(files: readonly IgnoreFile[], workspace = ''): IgnoredPaths {
  const rules = rulesOf(files);
  if (rules.length === 0 || rules.length > MAX_LINES) return () => false;
  const steps = stepsPerTurn();
  const place = namesOf(workspace);
  return (path) => {
    const names = path.split('/').filter((name) => name !== '');
    if (names.length === 0 || path.startsWith('/') || names.some((name) => name === '.' || name === '..')) return false;
    try {
      return isIgnored([...place, ...names.map(bytesOf)], rules, steps());
    } catch (error) {
      if (error instanceof TooManySteps) return false;
      throw error;
    }
  };
}

/** Those of deeper files come last, because the last rule that fits decides. */
function rulesOf(files: readonly IgnoreFile[]): Rule[] {
  const rules = files.map(({ folder, lines }) => ({ folder: namesOf(folder), lines }));
  rules.sort((one, other) => one.folder.length - other.folder.length);
  return rules.flatMap(({ folder, lines }) =>
    lines.flatMap((line) => {
      const pattern = ignorePattern(line);
      return pattern ? [{ folder, pattern }] : [];
    }),
  );
}

/** True if git ignores the path or a folder on the way to it. The path counts as a folder: a tree that is deleted is one. */
function isIgnored(names: readonly string[], rules: readonly Rule[], steps: Steps): boolean {
  for (let length = 1; length <= names.length; length += 1) {
    const path = names.slice(0, length);
    const rule = rules.findLast(({ folder, pattern }) => {
      steps.left -= 1;
      if (steps.left < 0) throw new TooManySteps();
      const isBelow = folder.length < length && folder.every((name, index) => name === path[index]);
      return isBelow && fits(pattern, path.slice(folder.length), steps);
    });
    if (rule && !rule.pattern.isExcluding) return true;
  }
  return false;
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
