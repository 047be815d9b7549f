import { realpath } from 'node:fs/promises';
import { relative } from 'node:path';
import { runGit } from './command.js';
import type { IgnoreFile } from './ignored-paths.js';
import { findGitLayout, isKnown } from './layout.js';
import { withGitView } from './view.js';

/**
 * The ignore files that the last commit of a workspace's repository holds, whatever the files on disk say. None where there is
 * no repository, or git cannot tell.
 */
export async function committedIgnoreFiles(workspace: string): Promise<readonly IgnoreFile[]> {
  try {
    const layout = await findGitLayout(workspace);
    if (!layout || !(await isKnown(layout))) return [];
    // One process for all files: every line of each, after `HEAD:<path>` and a zero byte.
    const query = ['grep', '--full-name', '-z', '-e', '', 'HEAD', '--', ':(glob)**/.gitignore'];
    const found = await withGitView(layout, (view) => runGit(view, query));
    return filesIn(found);
  } catch {
    return [];
  }
}

/** Where a workspace lies in its repository, relative to the top; empty for the top itself, or without a repository. */
export async function placeInRepository(workspace: string): Promise<string> {
  const layout = await findGitLayout(workspace).catch(() => undefined);
  return layout ? relative(layout.root, await realpath(workspace)) : '';
}

function filesIn(found: string): readonly IgnoreFile[] {
  const files = new Map<string, string[]>();
  for (const entry of found.split('\n')) {
    const [, folder = '', line] = /^HEAD:(?:([^\0]*)\/)?\.gitignore\0(.*)$/s.exec(entry) ?? [];
    if (line === undefined) continue;
    files.set(folder, [...(files.get(folder) ?? []), line.replace(/\r$/, '')]);
  }
  return [...files].map(([folder, lines]) => ({ folder, lines }));
}
