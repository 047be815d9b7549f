import type { WorktreeChanges } from '../../session/record.js';
import { runGit } from '../repository/command.js';
import { lendIndex, withGitView } from '../repository/view.js';
import { STATUS, submodulesWithWork } from './submodule-work.js';

/** The commit that is checked out. @throws Error if git cannot tell */
export async function currentCommit(checkout: string): Promise<string> {
  return withGitView(checkout, async (view) => (await runGit(view, ['rev-parse', '--verify', 'HEAD^{commit}'])).trim());
}

/**
 * What has changed in a worktree since it was at a commit.
 *
 * If the agent's own settings in the index (`assume-unchanged`) make git ignore a file, the file counts as unchanged.
 *
 * @throws Error if git cannot tell, because an agent may have broken the repository
 */
export async function changesSince(worktree: string, branch: string, base: string): Promise<WorktreeChanges> {
  const tip = `refs/heads/${branch}`;
  const [commits, stat, status, submodules] = await withGitView(worktree, async (view) => {
    await lendIndex(view);
    return Promise.all([
      runGit(view, ['rev-list', '--count', `${base}..${tip}`, '--']),
      runGit(view, [
        'diff',
        '--shortstat',
        '--text',
        '--no-renames',
        '--no-ext-diff',
        '--no-textconv',
        base,
        tip,
        '--',
      ]),
      runGit(view, STATUS),
      submodulesWithWork(view),
    ]);
  });
  return Object.freeze({
    branch,
    base,
    commits: Number(commits),
    files: numberBefore(/ files? changed/, stat),
    insertions: numberBefore(/ insertions?\(\+\)/, stat),
    deletions: numberBefore(/ deletions?\(-\)/, stat),
    uncommitted: status.split('\0').filter((entry) => entry !== '').length + submodules.length,
  });
}

function numberBefore(words: RegExp, text: string): number {
  return Number(new RegExp(`(\\d+)${words.source}`).exec(text)?.[1] ?? 0);
}
