import { join } from 'node:path';
import { repositoryOf } from '../git/repository/repository.js';
import { worktreeFailed } from '../git/worktrees/worktree-failed.js';
import { OrchestrationError, quote } from '../util/errors.js';
import type { CheckedMount } from '../workspace/mount.js';
import { ownerOfSource } from '../workspace/pinned-mounts.js';
import type { DockerSpec } from './docker-spec.js';

/**
 * The folder whose owner a new session works as. If this process makes a worktree when the session starts, that is the folder
 * of the repository's objects, where commits go. An agent may exchange its `.git` after others have checked it, so the repository
 * is checked here, too: the user comes from the very repository that leads back to the workspace.
 *
 * @throws OrchestrationError `WORKTREE_FAILED` if the repository does not
 */
export async function folderOfUser({ cwd, worktree }: Pick<DockerSpec, 'cwd' | 'worktree'>): Promise<string> {
  if (!worktree) return cwd;
  const { commonDir } = await repositoryOf(cwd).catch((cause: unknown) => {
    throw worktreeFailed(cwd, worktree, cause);
  });
  return join(commonDir, 'objects');
}

/**
 * Refuses a worktree that does not belong to the user whom the session got when it was created, if this process is root. Git makes
 * worktrees for the owner of the repository. If that is somebody else by now, the repository was exchanged.
 *
 * @param workspace the mount of the worktree; a later check makes sure that the same folder is mounted
 * @throws OrchestrationError `WORKTREE_FAILED`; `UNSAFE_MOUNT` if something else is in the worktree's place now
 */
export async function requireOwnWorktree(
  workspace: CheckedMount,
  { worktree, worksAs, docker }: Pick<DockerSpec, 'worktree' | 'worksAs' | 'docker'>,
): Promise<void> {
  if (!worktree || !worksAs || docker.user !== undefined || process.getuid?.() !== 0) return;
  const owner = await ownerOfSource(workspace);
  if (owner === worksAs.uid) return;
  throw new OrchestrationError(
    'WORKTREE_FAILED',
    `The worktree ${quote(workspace.source)} of branch ${quote(worktree.branch)} belongs to uid ${owner}, but the session was created ` +
      `to work as uid ${worksAs.uid}. Give the worktree to that user (chown), or create the session again with docker.user.`,
  );
}
