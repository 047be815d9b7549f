import { runGit } from '../repository/command.js';
import { lendIndex, withGitView } from '../repository/view.js';
import { STATUS, submodulesWithWork } from './submodule-work.js';

/**
 * True if a checkout has changes or files that no commit has. Ignored files are not counted. Also true if
 * somebody has worked in one of its submodules, and if git cannot tell.
 */
export async function uncommittedWork(checkout: string): Promise<boolean> {
  try {
    return await withGitView(checkout, async (view) => {
      await lendIndex(view);
      // The index only: with files, git would enter the submodules.
      const staged = ['diff-index', '--cached', '--name-only', '--ignore-submodules=none', 'HEAD', '--'];
      if ((await runGit(view, STATUS)) !== '' || (await runGit(view, staged)) !== '') return true;
      return (await submodulesWithWork(view)).length > 0;
    });
  } catch {
    return true;
  }
}

/**
 * True if a branch, or a detached `HEAD` of the checkout, has commits that no other branch, remote branch or tag has. Also true
 * if git cannot tell, or if there is no such branch.
 */
export async function unmergedWork(checkout: string, branch: string): Promise<boolean> {
  const ref = `refs/heads/${branch}`;
  const others = [`--exclude=${branch}`, '--branches', '--remotes', '--tags'];
  try {
    return await withGitView(checkout, async (view) => {
      return (await runGit(view, ['rev-list', '--max-count=1', ref, 'HEAD', '--not', ...others, '--'])) !== '';
    });
  } catch {
    return true;
  }
}
