import { unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { systemCode } from '../../util/errors.js';
import { ignoreMissing } from '../../util/fs/ignore-missing.js';
import { makeFolder, writeNewFile } from '../../util/fs/owner.js';
import { gitIn } from '../repository/command.js';
import { parseGitConfig } from '../repository/config-file.js';
import { settingText } from '../repository/config-text.js';
import { isOn, readGitFile, settingIn } from '../repository/layout.js';
import type { GitSetting } from '../repository/settings.js';
import type { GitView } from '../repository/view.js';

const PATTERNS = 'info/sparse-checkout';
const SETTINGS = ['core.sparsecheckout', 'core.sparsecheckoutcone', 'index.sparse'];

/** The part of a repository's files that a checkout has, as `git sparse-checkout` chooses it. */
export interface SparseCheckout {
  /** The text of `info/sparse-checkout`. */
  readonly patterns: string;
  /** What git has to be told when it writes the files. */
  readonly settings: readonly GitSetting[];
  /** Those that the checkout has in a configuration of its own. */
  readonly own: readonly GitSetting[];
}

/** The sparse checkout at the session's `cwd`. Undefined if that has all files. */
export async function sparseCheckoutOf({
  layout: { gitDir, commonDir },
  paths,
}: Pick<GitView, 'layout' | 'paths'>): Promise<SparseCheckout | undefined> {
  const [common, worktree, patterns] = await Promise.all(
    [join(commonDir, 'config'), join(gitDir, 'config.worktree'), join(gitDir, PATTERNS)].map((path) =>
      readGitFile(paths.to(path)),
    ),
  );
  const shared = parseGitConfig(common ?? '') ?? [];
  const hasOwn = isOn(settingIn(shared, 'extensions.worktreeconfig'));
  const own = hasOwn ? (parseGitConfig(worktree ?? '') ?? []) : [];
  const all = [...shared, ...own];
  if (patterns === undefined || !isOn(settingIn(all, 'core.sparsecheckout'))) return undefined;
  const chosen = (entries: typeof all): GitSetting[] =>
    SETTINGS.flatMap((name) => {
      const value = settingIn(entries, name);
      return value === undefined ? [] : [[name, String(isOn(value))] as const];
    });
  return { patterns, settings: chosen(all).filter(([name]) => name !== 'index.sparse'), own: chosen(own) };
}

/**
 * Gives a view the patterns and an index, so that git can write the files of the same part.
 *
 * An agent may have written the patterns, and to match some of them takes for ever. Git already matches them here, with little
 * time.
 *
 * @throws Error if git fails or takes too long
 */
export async function lendSparseCheckout(view: GitView, sparse: SparseCheckout, commit: string): Promise<void> {
  const { folder, owner, paths } = view;
  // If the view belongs to the repository's owner, that user may put a link in the place of a folder in it.
  const file = paths.to(join(folder, PATTERNS));
  await unlink(file).catch(ignoreMissing); // The check of the files may have put them there already.
  await writeNewFile(file, sparse.patterns, owner);
  const settings = sparse.settings.flatMap(([name, value]) => ['-c', `${name}=${value}`]);
  // Git only matches the patterns if it may write files. It writes none that the index has already.
  const nowhere = join(folder, 'nowhere');
  await makeFolder(nowhere, owner).catch(unlessThere);
  await gitIn(view, nowhere, ['read-tree', '--reset', commit]);
  await gitIn(view, nowhere, [...settings, 'read-tree', '-m', '-u', commit]);
}

/** Makes a new worktree a sparse checkout, as `git worktree add` does. @param gitDir of the worktree */
export async function keepSparse(
  { paths, owner }: Pick<GitView, 'paths' | 'owner'>,
  { patterns, own }: SparseCheckout,
  gitDir: string,
): Promise<void> {
  await makeFolder(paths.to(join(gitDir, 'info')), owner).catch(unlessThere);
  await writeNewFile(paths.to(join(gitDir, PATTERNS)), patterns, owner);
  if (own.length === 0) return;
  const text = own.map(([name, value]) => settingText(name, value)).join('');
  await writeNewFile(paths.to(join(gitDir, 'config.worktree')), text, owner);
}

function unlessThere(error: unknown): void {
  if (systemCode(error) !== 'EEXIST') throw error;
}
