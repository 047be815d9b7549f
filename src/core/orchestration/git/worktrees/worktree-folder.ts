import { realpath, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { OrchestrationError, quote } from '../../util/errors.js';
import { placeInRepository } from '../ignored/committed-rules.js';
import { runGit } from '../repository/command.js';
import type { GitView } from '../repository/view.js';

/**
 * Refuses a worktree without the folder that corresponds to a folder of the repository's checkout.
 *
 * @throws OrchestrationError `WORKTREE_FAILED` if there is no such folder, or a link in its place, which an agent may
 * have made
 */
export async function requireFolderIn(worktree: string, cwd: string): Promise<void> {
  const folder = join(worktree, await placeInRepository(cwd));
  const isFolder = (await stat(folder).catch(() => undefined))?.isDirectory() === true;
  if (isFolder && (await realpath(folder)) === folder) return;
  throw new OrchestrationError(
    'WORKTREE_FAILED',
    `${quote(folder)}, the folder of 'cwd' in the session's worktree, is missing or leads elsewhere. ` +
      "Commit the folder to the branch, or give the repository itself as 'cwd'.",
  );
}

/** Refuses a commit without a folder. @param place relative to the repository @throws Error */
export async function requireFolder(view: GitView, commit: string, place: string): Promise<void> {
  if (place === '') return;
  const kind = await runGit(view, ['cat-file', '-t', `${commit}:${place}`]).catch(() => '');
  if (kind.trim() === 'tree') return;
  throw new Error(
    `its start ${commit.slice(0, 12)} has no folder ${quote(place)}, which is the place of 'cwd' in the repository. ` +
      "Commit the folder, choose another 'worktree.base', or give the repository itself as 'cwd'",
  );
}
