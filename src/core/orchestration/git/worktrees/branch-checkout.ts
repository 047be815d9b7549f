import { lstat } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import type { SessionWorktreeRequest } from '../../session/worktree-request.js';
import { ignoreMissing } from '../../util/fs/ignore-missing.js';
import { quoted } from '../../util/shell-quote.js';
import { requireInside } from '../repository/confinement.js';
import { branchIn, type GitLayout, gitLayoutAt, isKnown, readGitFile } from '../repository/layout.js';
import { type LinkedWorktree, linkedWorktrees } from '../repository/linked-worktrees.js';
import { isBare, mainCheckout } from '../repository/repository.js';
import type { GitView } from '../repository/view.js';
import { isHalfMade } from './new-worktree.js';
import { worktreePlace } from './worktree-place.js';

/** Where a branch is checked out. */
interface Checkout {
  /** A worktree that the session may use. */
  readonly path?: string;
  /** A worktree that was being made when its process died, or that another process is making right now. */
  readonly halfMade?: LinkedWorktree;
}

/** The worktree that has the branch. @throws Error if the session may not use it */
export async function checkoutOf(
  view: Pick<GitView, 'layout' | 'paths'>,
  cwd: string,
  { branch, path: wanted, workspaces }: SessionWorktreeRequest,
): Promise<Checkout> {
  const { layout, paths } = view;
  if (!(await isBare(layout)) && (await usesBranch(paths.to(layout.commonDir), branch))) {
    const main = (await mainCheckout(layout)) ?? layout.commonDir;
    throw new Error(`the branch is checked out in the repository itself, ${main}; choose another`);
  }
  const worktrees = await linkedWorktrees(layout.commonDir, paths);
  const linked = worktrees.find((worktree) => worktree.branch === branch);
  if (!linked) {
    for (const { gitDir, path } of worktrees) {
      if (!(await usesBranch(paths.to(gitDir), branch))) continue;
      throw new Error(`a rebase or bisect of the branch is under way in ${path}; end that, or choose another`);
    }
    return {};
  }
  if (await isHalfMade(linked, paths)) return { halfMade: linked };
  const path = await usableAt(linked, view);
  const place = wanted === undefined ? path : await worktreePlace(resolve(cwd, wanted), layout.root);
  if (place !== path) {
    throw new Error(`the branch is checked out at ${path}, not at ${place} as 'worktree.path' says; leave that out`);
  }
  await requireInside(path, workspaces, 'its worktree');
  return { path };
}

/** True if a branch is checked out, or if it comes back at the end of a rebase or a bisect. */
async function usesBranch(gitDir: string, branch: string): Promise<boolean> {
  if ((await branchIn(gitDir)) === branch) return true;
  const files = ['rebase-merge/head-name', 'rebase-apply/head-name', 'BISECT_START'];
  const names = await Promise.all(files.map((file) => readGitFile(`${gitDir}/${file}`)));
  return names.some((name) => name?.trim().replace(/^refs\/heads\//, '') === branch);
}

/** The path of a worktree that the repository names. @throws Error if a session may not use that worktree */
async function usableAt(
  { path, gitDir }: LinkedWorktree,
  { layout: { root, commonDir }, paths }: Pick<GitView, 'layout' | 'paths'>,
): Promise<string> {
  const layout = await gitLayoutAt(path).catch(() => undefined);
  if (!layout) {
    const isLocked = (await lstat(paths.to(join(gitDir, 'locked'))).catch(ignoreMissing)) !== undefined;
    const own = `git -C ${quoted(root)} worktree`;
    throw new Error(
      `its worktree ${path} is gone${isLocked ? ', and it is locked: its disk may not be mounted' : ''}. If it was moved, run in its new place: ` +
        `git worktree repair. If it was removed, run: ${isLocked ? `${own} unlock ${quoted(path)} && ` : ''}${own} prune`,
    );
  }
  // An agent may have written an entry into its repository that leads to a worktree of another repository.
  if (layout.commonDir !== commonDir || !(await isKnown(layout))) {
    throw new Error(`${path}, where the repository says it is checked out, belongs to another one`);
  }
  return layout.root;
}

/** The git folder of a linked worktree. @throws Error if there is none at the path */
export async function gitFolderOf(path: string): Promise<GitLayout> {
  const layout = await gitLayoutAt(path);
  if (!layout || layout.gitDir === layout.commonDir || !(await isKnown(layout))) {
    throw new Error(`${join(path, '.git')} is gone, or is no worktree's`);
  }
  return layout;
}
