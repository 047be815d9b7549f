import { join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { quoted } from '../../util/shell-quote.js';
import { gitIn, runGit } from '../repository/command.js';
import { parseGitConfig } from '../repository/config-file.js';
import { GitFailure } from '../repository/git-failure.js';
import { isOn, readGitFile } from '../repository/layout.js';
import type { GitView } from '../repository/view.js';
import { lendSparseCheckout, sparseCheckoutOf } from './sparse-checkout.js';

/** For comparison: 100,000 files take 10 MB. */
const MOST_OUTPUT = 40 * 1024 * 1024;
/** A few small objects can make a commit with millions of files. */
const MOST_FILES = 300_000;
/** How many files are looked at before other work gets its turn. */
const SLICE = 10_000;

/** A worktree that is about to be made. */
interface Wanted {
  readonly branch: string;
  readonly path: string;
  /** What the branch starts from. Undefined if there is the branch. */
  readonly base?: string;
}

/**
 * Refuses a commit of a partial clone whose files are not all there. Git fetches missing files when it needs them, but nothing is
 * fetched for a worktree: the repository's configuration may name any command for that.
 *
 * @param view whose index is not used for anything else
 * @throws Error with the commands that help
 */
export async function requireObjects(view: GitView, commit: string, wanted: Wanted): Promise<void> {
  if (!(await isPartial(view)) || (await hasFiles(view, commit))) return;
  const { branch, path, base } = wanted;
  const repository = `git -C ${quoted(view.layout.root)}`;
  const what =
    base === undefined ? `${quoted(path)} ${quoted(branch)}` : `-b ${quoted(branch)} ${quoted(path)} ${quoted(base)}`;
  throw new Error(
    `the repository is a partial clone that lacks files of its start ${commit.slice(0, 12)}, and nothing is fetched for a worktree. ` +
      `Make the worktree yourself, then the session works there: ${repository} worktree add ${what} (or fetch all files once: ` +
      `${repository} fetch --refetch --no-filter)`,
  );
}

async function isPartial({ layout, paths }: GitView): Promise<boolean> {
  const entries = parseGitConfig((await readGitFile(paths.to(join(layout.commonDir, 'config')))) ?? '') ?? [];
  return entries.some(
    ({ name, value }) =>
      name === 'extensions.partialclone' ||
      (/^remote\..+\.promisor$/s.test(name) && isOn(value)) ||
      /^remote\..+\.partialclonefilter$/s.test(name),
  );
}

async function hasFiles(view: GitView, commit: string): Promise<boolean> {
  if (await succeeds(runGit(view, ['rev-list', '--objects', '--quiet', '--no-walk', commit, '--']))) return true;
  const sparse = await sparseCheckoutOf(view);
  // Of a sparse checkout, the files outside of it need not be there.
  return sparse !== undefined && succeeds(requireFilesIn(view, commit, sparse));
}

async function requireFilesIn(
  view: GitView,
  commit: string,
  sparse: Parameters<typeof lendSparseCheckout>[1],
): Promise<void> {
  await lendSparseCheckout(view, sparse, commit);
  const listed = await gitIn(view, view.layout.root, ['ls-files', '-s', '-t', '-z'], { mostOutput: MOST_OUTPUT });
  const files = await needed(listed);
  const input = `${[...files].join('\n')}\n`;
  const found = await gitIn(view, view.layout.root, ['cat-file', '--batch-check'], { input, mostOutput: MOST_OUTPUT });
  if (/ missing$/m.test(found)) throw new GitFailure('files are missing', 1, undefined);
}

/** The objects of the files that the checkout has. @param listed files as git lists those of an index. @throws Error if there are too many */
async function needed(listed: string): Promise<Set<string>> {
  const objects = new Set<string>();
  let [files, lines] = [0, 0];
  for (let at = 0, end = listed.indexOf('\0'); end !== -1; at = end + 1, end = listed.indexOf('\0', at)) {
    // `S` stands for files that are left out, and mode 160000 for submodules.
    const object = /^[^S] (?!160000)\d+ ([0-9a-f]+) /.exec(listed.slice(at, end))?.[1];
    if (object !== undefined && ++files > MOST_FILES) {
      throw new Error(
        `the checkout of the partial clone would have more than ${MOST_FILES} files; make the worktree yourself`,
      );
    }
    if (object !== undefined) objects.add(object);
    if (++lines % SLICE === 0) await setImmediate();
  }
  return objects;
}

/** @throws Error if git could not be run to its end */
async function succeeds(work: Promise<unknown>): Promise<boolean> {
  return work.then(
    () => true,
    (error: unknown) => {
      if (error instanceof GitFailure && error.code !== undefined) return false;
      throw error;
    },
  );
}
