import { dirname, join } from 'node:path';
import type { WorktreeRequest } from '../../session/worktree-request.js';
import { quote, systemCode } from '../../util/errors.js';
import { ignoreMissing } from '../../util/fs/ignore-missing.js';
import { inWords } from '../../util/fs/in-words.js';
import { makeFolder } from '../../util/fs/owner.js';
import { readRegularFile } from '../../util/fs/regular-file.js';
import { chosenFiles, idlePatterns, ignoredIn } from '../ignored/ignored-files.js';
import { SortedPaths } from '../ignored/sorted-paths.js';
import type { GitLayout } from '../repository/layout.js';
import type { GitView } from '../repository/view.js';
import { TreeCopy } from './copied-tree.js';
import { CopyBudget, type CopyLimits, TooMuch } from './copy-budget.js';
import { idleCauses } from './idle-causes.js';

/** The file with patterns that other tools read, too. */
const INCLUDE = '.worktreeinclude';
const MOST_BYTES = 64 * 1024;
/** Nobody writes more, and git compares each file with each pattern. */
const MOST_PATTERNS = 1_000;
const LIMITS: CopyLimits = { files: 500_000, bytes: 50 * 1024 ** 3, durationMs: 10 * 60_000 };
/** How many left out files are named. */
const NAMED = 5;

type Copied = Pick<WorktreeRequest, 'copy' | 'include'>;

/**
 * The patterns of the files that are copied into a new worktree: those of the request, and those in the files that it names.
 *
 * The files are read in the checkout, not in the commit. An agent in a worktree can commit such a file, but it cannot write
 * one into the user's checkout. Whoever can do that can also read all that the file may name.
 *
 * @throws Error if a file that the request names cannot be read
 */
export async function copyPatterns(
  { layout, paths }: Pick<GitView, 'layout' | 'paths'>,
  { copy = [], include }: Copied,
): Promise<string[]> {
  const patterns = [...copy];
  for (const name of include ?? [INCLUDE]) {
    const path = join(layout.root, name);
    const bytes = await readRegularFile(paths.to(path), { most: MOST_BYTES })
      .catch(ignoreMissing)
      .catch((error: unknown) => {
        throw new Error(`${path} cannot be read as a list of files to copy: ${inWords(error)}`);
      });
    if (!bytes && include) throw new Error(`${path} ('worktree.include') does not exist`);
    const lines = bytes?.toString('utf8').split('\n') ?? [];
    patterns.push(...lines.map((line) => line.replace(/\r$/, '')).filter((line) => !/^\s*(#|$)/.test(line)));
  }
  if (patterns.length <= MOST_PATTERNS) return patterns;
  throw new Error(`there are more than ${MOST_PATTERNS} patterns of files to copy; name folders instead`);
}

/**
 * Copies files that git ignores from a checkout into the folder of a new worktree. Git ignores the copies, too.
 *
 * @param folder out of the reach of agents
 * @param request whose own patterns are meant to name something
 * @returns what was left out, and which patterns name nothing, in words
 * @throws Error if there is too much, or if the disk is full
 */
export async function copyIgnored(
  view: GitView,
  layout: GitLayout,
  folder: string,
  request: Copied,
): Promise<string[]> {
  const patterns = await copyPatterns(view, request);
  if (patterns.length === 0) return [];
  const chosen = await chosenFiles(layout, patterns);
  const idle = await idlePatterns(layout, wanted(request.copy), chosen);
  const kept = await ignoredIn(view, folder, chosen);
  const sortedKept = new SortedPaths(kept);
  const budget = new CopyBudget(LIMITS);
  const copy = new TreeCopy(view, budget, layout.root);
  const made = new Set(['.']);
  for (const path of kept) {
    try {
      await makeFolders(view, folder, dirname(path), { made, budget });
      await copy.entry(join(layout.root, path), join(folder, path));
    } catch (error) {
      if (error instanceof TooMuch) {
        throw new Error(
          `the files to copy are too much (${error.message}); name fewer in 'worktree.copy' or ${INCLUDE}`,
        );
      }
      // The commit has a file or a link in the place of a folder.
      if (!['ELOOP', 'ENOTDIR'].includes(systemCode(error) ?? '')) throw error;
      copy.leftOut.add(path, 'something else is in its place');
    }
  }
  for (const path of chosen) {
    if (!sortedKept.reaches(path)) copy.leftOut.add(path, 'git does not ignore it at the start of the branch');
  }
  return [copy.leftOut.inWords(layout.root), ...idleInWords(idle)].filter((sentence) => sentence !== '');
}

/** Patterns that begin with `!` only take files out again, and empty ones and comments name nothing. */
function wanted(patterns: readonly string[] = []): string[] {
  return patterns.filter((pattern) => !/^(!|#|\s*$)/.test(pattern));
}

function idleInWords(idle: readonly string[]): string[] {
  if (idle.length === 0) return [];
  const named = idle.slice(0, NAMED).map(quote).join(', ');
  return [`No file that git ignores fits ${named} ('worktree.copy'). ${idleCauses(idle)}`];
}

/** @param made the folders that are there already */
async function makeFolders(
  view: GitView,
  top: string,
  folder: string,
  { made, budget }: { made: Set<string>; budget: CopyBudget },
): Promise<void> {
  if (made.has(folder)) return;
  await makeFolders(view, top, dirname(folder), { made, budget });
  budget.goOn();
  budget.file();
  await makeFolder(view.paths.to(join(top, folder)), view.owner).catch((error: unknown) => {
    if (systemCode(error) !== 'EEXIST') throw error;
  });
  made.add(folder);
}
