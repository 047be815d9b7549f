import { realpath } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { forgetOldest } from '../../util/forget-oldest.js';
import { readRegularFile } from '../../util/fs/regular-file.js';
import { runGit } from '../repository/command.js';
import { branchIn, findRepository, type GitLayout, isKnown, readGitFile } from '../repository/layout.js';
import { withGitView } from '../repository/view.js';
import type { IgnoreFile } from './ignored-paths.js';

/** The number of commits whose ignore files are remembered. */
const MOST_COMMITS = 100;
/** For comparison: 100,000 refs take 7 MB. */
const MOST_PACKED_REFS_BYTES = 64 * 1024 * 1024;
const COMMIT = /^[0-9a-f]{40}([0-9a-f]{24})?$/;

/**
 * The ignore files in the latest commits of repositories, whatever the files on disk say. The content of a commit never
 * changes, so each commit is read only once: lending git a view of a repository takes some 50 ms of processor time.
 */
export class CommittedRules {
  readonly #known = new Map<string, Promise<readonly IgnoreFile[]>>();

  /** Empty if there is no repository, or if git cannot tell. Never rejects. */
  async of(workspace: string): Promise<readonly IgnoreFile[]> {
    try {
      const layout = await findRepository(workspace);
      if (!layout || !(await isKnown(layout))) return [];
      const commit = await headCommit(layout);
      return commit === undefined ? [] : await this.#at(layout, commit);
    } catch {
      return [];
    }
  }

  #at(layout: GitLayout, commit: string): Promise<readonly IgnoreFile[]> {
    const key = `${layout.commonDir}\0${commit}`;
    const known = this.#known.get(key);
    if (known !== undefined) return known;
    const read = readFiles(layout, commit);
    this.#known.set(key, read);
    read.catch(() => this.#known.delete(key)); // The commit may be readable later, when the cause of the failure is gone.
    forgetOldest(this.#known, MOST_COMMITS);
    return read;
  }
}

/** The place of a workspace in its repository, relative to the top. Empty for the top itself, or without a repository. */
export async function placeInRepository(workspace: string): Promise<string> {
  const layout = await findRepository(workspace).catch(() => undefined);
  return layout ? relative(layout.root, await realpath(workspace)) : '';
}

/**
 * The commit that is checked out. Undefined before the first commit. An agent may have written everything that is read here,
 * including links. But the result is only the name of a commit, and git then looks for this commit in this repository only.
 */
async function headCommit({ gitDir, commonDir }: GitLayout): Promise<string | undefined> {
  const branch = await branchIn(gitDir);
  if (branch === undefined) return commitIn(await readGitFile(join(gitDir, 'HEAD')));
  const ref = `refs/heads/${branch}`;
  const loose = commitIn(await readGitFile(join(commonDir, ref)));
  if (loose !== undefined) return loose;
  const packed = await readRegularFile(join(commonDir, 'packed-refs'), { most: MOST_PACKED_REFS_BYTES }).catch(
    () => '',
  );
  const line = packed
    .toString()
    .split('\n')
    .find((each) => each.endsWith(` ${ref}`));
  return commitIn(line?.split(' ')[0]);
}

function commitIn(text: string | undefined): string | undefined {
  const commit = text?.trim();
  return commit !== undefined && COMMIT.test(commit) ? commit : undefined;
}

/** One git process for all files. It prints every line of each file, after `<commit>:<path>` and a zero byte. */
async function readFiles(layout: GitLayout, commit: string): Promise<readonly IgnoreFile[]> {
  const query = ['grep', '--full-name', '-z', '-e', '', commit, '--', ':(glob)**/.gitignore'];
  // `git grep` ends with exit code 1 if it finds nothing.
  const found = await withGitView(layout, (view) => runGit(view, query)).catch((error: { code?: unknown }) => {
    if (error.code === 1) return '';
    throw error;
  });
  return filesIn(found, commit);
}

function filesIn(found: string, commit: string): readonly IgnoreFile[] {
  const files = new Map<string, string[]>();
  for (const entry of found.split('\n')) {
    if (!entry.startsWith(`${commit}:`)) continue;
    const [, folder = '', line] = /^(?:([^\0]*)\/)?\.gitignore\0(.*)$/s.exec(entry.slice(commit.length + 1)) ?? [];
    if (line === undefined) continue;
    const lines = files.get(folder) ?? [];
    lines.push(line.replace(/\r$/, ''));
    files.set(folder, lines);
  }
  return [...files].map(([folder, lines]) => ({ folder, lines }));
}
