import { resolve } from 'node:path';
import { worktreeUtils } from 'channelcoder';
import { messageOf, OrchestrationError, shown } from '../errors.js';
import { checkedOutBranch, gitLayoutAt } from '../workspace/git-layout.js';
import type { WorktreeRequest } from '../workspace/worktree-request.js';

/** A worktree that a session works in. */
export interface Worktree {
  path: string;
  branch: string;
  /** Whether it was made by this call. */
  created: boolean;
}

/**
 * Finds the worktree of a branch, or makes it. Used instead of ChannelCoder's `worktree` option, which changes the
 * host's working directory around an await.
 *
 * @throws OrchestrationError `WORKTREE_FAILED`; what was begun is undone
 */
export async function ensureWorktree(cwd: string, request: WorktreeRequest): Promise<Worktree> {
  const { branch, path } = request;
  try {
    const existing = await worktreeUtils.find(branch, { cwd });
    if (existing) {
      const layout = await gitLayoutAt(existing.path).catch(() => undefined);
      if (!layout) throw new Error(`its worktree ${existing.path} is gone; run 'git worktree prune'`);
      if (layout.gitDir === layout.commonDir) {
        throw new Error(`the branch is checked out in the repository itself, ${existing.path}; choose another`);
      }
      if (path !== undefined && resolve(cwd, path) !== existing.path) {
        throw new Error(`the branch is checked out at ${existing.path}, not at ${resolve(cwd, path)}`);
      }
      return { path: existing.path, branch, created: false };
    }
    const options = { cwd, ...(path !== undefined && { path: resolve(cwd, path) }) };
    const made = await worktreeUtils.create(branch, options).catch(async (error: unknown) => {
      // ChannelCoder takes `base` to mean a new branch, so it is only given where there is none yet.
      if (!messageOf(error).includes('does not exist')) throw error;
      const base = request.base ?? (await checkedOutBranch(cwd));
      if (base === undefined) throw new Error("no branch is checked out in 'cwd'; give 'worktree.base'");
      return worktreeUtils.create(branch, { ...options, base });
    });
    return { path: made.path, branch, created: true };
  } catch (error) {
    throw new OrchestrationError(
      'WORKTREE_FAILED',
      `No worktree for branch ${shown(branch)} of ${cwd}: ${messageOf(error)}`,
      { cause: error },
    );
  }
}

/** Removes a worktree that has nothing uncommitted. */
export async function removeWorktree(cwd: string, path: string): Promise<void> {
  await worktreeUtils.remove(path, { cwd });
}
