import { realpath } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { readRegularFile } from '../util/fs/regular-file.js';
import { runGit } from './command.js';
import type { IgnoreFile } from './ignored-paths.js';
import { branchIn, findGitLayout, type GitLayout, isKnown, readGitFile } from './layout.js';
import { withGitView } from './view.js';

/** Commits whose files are remembered. */
const MOST_COMMITS = 100;
/** 100,000 refs have 7 MB. */
const MOST_PACKED_REFS_BYTES = 64 * 1024 * 1024;
const COMMIT = /^[0-9a-f]{40}([0-9a-f]{24})?$/;

/**
 * The ignore files that the last commits of repositories hold, whatever the files on disk say. What a commit holds never
 * changes, so that each is read once: to lend git a view of a repository takes some 50 ms of processor time.
 */
export class CommittedRules {
  readonly #known = new Map<string, Promise<readonly IgnoreFile[]>>();

  /** None if there is no repository, or git cannot tell. Never rejects. */
  async of(workspace: string): Promise<readonly IgnoreFile[]> {
    try {
      const layout = await findGitLayout(workspace);
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
    read.catch(() => this.#known.delete(key)); // It can be read when the cause is mended.
    const [oldest] = this.#known.keys();
    if (this.#known.size > MOST_COMMITS && oldest !== undefined) this.#known.delete(oldest);
    return read;
  }
}

/** Where a workspace lies in its repository, relative to the top; empty for the top itself, or without a repository. */
export async function placeInRepository(workspace: string): Promise<string> {
  const layout = await findGitLayout(workspace).catch(() => undefined);
  return layout ? relative(layout.root, await realpath(workspace)) : '';
}

/**
 * The commit that is checked out; undefined before the first one. An agent may have written what is read here, also links. All
 * that comes of it is the name of a commit, which git then looks for in this repository only.
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

/** One process for all files: every line of each, after `<commit>:<path>` and a zero byte. */
async function readFiles(layout: GitLayout, commit: string): Promise<readonly IgnoreFile[]> {
  const query = ['grep', '--full-name', '-z', '-e', '', commit, '--', ':(glob)**/.gitignore'];
  // Git grep ends with 1 if it finds nothing.
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
    files.set(folder, [...(files.get(folder) ?? []), line.replace(/\r$/, '')]);
  }
  return [...files].map(([folder, lines]) => ({ folder, lines }));
}
