import { relative } from 'node:path';
import type { SessionWorktreeRequest } from '../../session/worktree-request.js';
import { withLinkFreePaths } from '../../util/fs/link-free-paths.js';
import { ownerOf } from '../../util/fs/owner.js';
import { type Start, startOf } from '../repository/base.js';
import { refuseBorrowing } from '../repository/borrowing.js';
import { makeBranch, removeBranch } from '../repository/command.js';
import type { GitLayout } from '../repository/layout.js';
import { MOST_WORKTREES, unlinkWorktree } from '../repository/linked-worktrees.js';
import { commitOf, requireFreeName } from '../repository/refs.js';
import { repositoryOf } from '../repository/repository.js';
import { type GitView, withGitView } from '../repository/view.js';
import { checkoutOf, gitFolderOf } from './branch-checkout.js';
import { copyIgnored, copyPatterns } from './copied-files.js';
import { requireObjects } from './missing-objects.js';
import { type ClaimedWorktree, claimWorktree, fillWorktree, removeEmpty } from './new-worktree.js';
import { requireUnlocked } from './ref-lock.js';
import { requireRights } from './rights.js';
import { initSubmodules } from './submodules.js';
import { worktreeFailed } from './worktree-failed.js';
import { requireFolder, requireFolderIn } from './worktree-folder.js';
import { pathOf, requirePlace } from './worktree-path.js';
import { type UsePlace, WorktreeUse, worktreeCount } from './worktree-use.js';

/** A worktree that a session works in. */
export interface Worktree {
  path: string;
  branch: string;
  /** True if this call made it. */
  created: boolean;
  /** What the agent may miss in it, in sentences. */
  warnings?: readonly string[];
  /** What else this call made, so that it can be undone. */
  made?: Made;
}

/** What was made for a worktree besides its own files. */
interface Made {
  /** The commit of the branch, if the branch was made, too. */
  readonly branchAt?: string;
  /** The folders around the worktree, the lowest first. */
  readonly folders: readonly string[];
}

/** The session for which a worktree is made. */
export interface WorktreeMaker {
  readonly sessionId: string;
  /** Called if there is no worktree yet. If it rejects, none is made. */
  readonly beforeMaking: () => Promise<void>;
}

/**
 * Makes and removes worktrees, one at a time in each repository. Used instead of ChannelCoder's `worktreeUtils` and of
 * `git worktree`, because both read the repository's own configuration. An agent may have written commands into that, or a
 * `commondir` that leads to another repository.
 */
export class Worktrees {
  readonly #use: WorktreeUse;
  /** The latest operation in each repository, by its git folder. */
  readonly #last = new Map<string, Promise<unknown>>();

  /** @param use what other processes are told, and what they tell. By default there are no others. */
  constructor(use = new WorktreeUse({ stateDir: '', works: async () => false })) {
    this.#use = use;
  }

  /**
   * Refuses a worktree that could not be made, as far as that is known now. Makes nothing.
   *
   * @returns the request with the start of a new branch by its full name, see `startOf`
   * @throws OrchestrationError `WORKTREE_FAILED`
   */
  async check(cwd: string, request: SessionWorktreeRequest): Promise<SessionWorktreeRequest> {
    try {
      const repository = await repositoryOf(cwd, request);
      await refuseBorrowing(repository.commonDir);
      return await withGitView(repository, async (view) => {
        const { path, halfMade } = await checkoutOf(view, cwd, request);
        if (path !== undefined) {
          await this.#requireUnused(view, path);
          await requireFolderIn(path, cwd);
          return request;
        }
        await requireRights(view);
        await copyPatterns(view, request);
        const target = halfMade?.path ?? (await requireNew(view, cwd, request));
        const place = relative(repository.root, cwd);
        const existing = await commitOf(view, `refs/heads/${request.branch}`);
        if (existing !== undefined) {
          await requireFolder(view, existing, place);
          await requireObjects(view, existing, { branch: request.branch, path: target });
          return request;
        }
        await requireFreeName(view, request.branch);
        await requireUnlocked(view, request.branch);
        const start = await knownStart(view, request);
        if (!start) return request;
        await requireFolder(view, start.commit, place);
        await requireObjects(view, start.commit, { branch: request.branch, path: target, base: start.name });
        return { ...request, base: start.name };
      });
    } catch (cause) {
      throw worktreeFailed(cwd, request, cause);
    }
  }

  /**
   * Finds the worktree of a branch, or makes it.
   *
   * @throws OrchestrationError `WORKTREE_FAILED`; nothing is left behind
   */
  async ensure(
    cwd: string,
    request: SessionWorktreeRequest,
    maker: WorktreeMaker = { sessionId: '', beforeMaking: async () => {} },
  ): Promise<Worktree> {
    try {
      const repository = await repositoryOf(cwd, request);
      return await this.#serialized(repository, async () => {
        await refuseBorrowing(repository.commonDir);
        return withGitView(repository, async (view) => {
          const { branch } = request;
          const { path } = await checkoutOf(view, cwd, request);
          if (path !== undefined) return { path, branch, created: false };
          const claimed = await this.#use.alone(view, () => this.#claim(view, cwd, request, maker));
          return 'commit' in claimed ? await this.#fill(view, request, claimed) : claimed;
        });
      });
    } catch (cause) {
      throw worktreeFailed(cwd, request, cause);
    }
  }

  /** Removes a worktree, whatever is in it. The branch stays. */
  async remove(cwd: string, path: string): Promise<void> {
    const repository = await repositoryOf(cwd);
    await this.#serialized(repository, () =>
      withLinkFreePaths((paths) => unlinkWorktree(repository.commonDir, path, paths)),
    );
  }

  /** Removes what was made besides a worktree that is removed: its branch, unless somebody has committed to it. */
  async undo(cwd: string, { branch, made }: Worktree): Promise<void> {
    if (!made) return;
    const repository = await repositoryOf(cwd);
    await this.#serialized(repository, () =>
      withGitView(repository, async (view) => {
        // If somebody has committed to it by now, it stays.
        if (made.branchAt !== undefined) await removeBranch(view, branch, made.branchAt).catch(() => {});
        for (const folder of made.folders) await removeEmpty(view.paths, folder);
      }),
    );
  }

  /** Lends what {@link WorktreeUse} needs of the repository of a worktree. */
  async inRepository<T>(layout: GitLayout, work: (place: UsePlace) => Promise<T>): Promise<T> {
    const owner = await ownerOf(layout.commonDir);
    return withLinkFreePaths((paths) => work({ layout, paths, owner }));
  }

  /** Makes branch and git folder, so that no other process does. */
  async #claim(
    view: GitView,
    cwd: string,
    request: SessionWorktreeRequest,
    { sessionId, beforeMaking }: WorktreeMaker,
  ): Promise<Worktree | (ClaimedWorktree & { commit: string; branchAt?: string })> {
    const { branch } = request;
    const found = await checkoutOf(view, cwd, request);
    if (found.path !== undefined) return { path: found.path, branch, created: false };
    if (found.halfMade) {
      const other = await this.#use.otherUser(view, found.halfMade.gitDir);
      if (other !== undefined) throw new Error(`${other} is making its worktree right now`);
      await view.paths.remove(found.halfMade.gitDir);
    }
    const path = await requireNew(view, cwd, request);
    await beforeMaking();
    const existing = await commitOf(view, `refs/heads/${branch}`);
    if (existing === undefined) await requireFreeName(view, branch);
    const start = existing === undefined ? await startOf(view, branch, request.base) : undefined;
    const commit = existing ?? start?.commit ?? '';
    await requireFolder(view, commit, relative(view.layout.root, cwd));
    await requireObjects(view, commit, { branch, path, ...(start && { base: start.name }) });
    if (existing === undefined) {
      await requireUnlocked(view, branch);
      await makeBranch(view, branch, commit);
    }
    const branchAt = existing === undefined ? { branchAt: commit } : {};
    try {
      const claimed = await claimWorktree(view, path, branch);
      await this.#use.enter(view, claimed.gitDir, sessionId);
      return { ...claimed, commit, ...branchAt };
    } catch (error) {
      if (existing === undefined) await removeBranch(view, branch, commit).catch(() => {}); // The first error counts.
      throw error;
    }
  }

  async #fill(
    view: GitView,
    request: SessionWorktreeRequest,
    { commit, branchAt, ...claimed }: ClaimedWorktree & { commit: string; branchAt?: string },
  ): Promise<Worktree> {
    const { branch } = request;
    const warnings: string[] = [];
    try {
      const folders = await fillWorktree(view, claimed, commit, async (folder) => {
        const { submodules } = request;
        const outer = { folder, gitDir: claimed.gitDir };
        if (submodules) warnings.push(...(await initSubmodules(view, outer, submodules === 'recursive')));
        warnings.push(...(await copyIgnored(view, view.layout, folder, request)));
      });
      const made = { folders, ...(branchAt !== undefined && { branchAt }) };
      return { path: claimed.path, branch, created: true, made, ...(warnings.length > 0 && { warnings }) };
    } catch (error) {
      await this.#use.forget(view, claimed.gitDir).catch(() => {}); // The first error counts, here and in the next line.
      if (branchAt !== undefined) await removeBranch(view, branch, branchAt).catch(() => {});
      throw error;
    }
  }

  async #requireUnused(view: GitView, path: string): Promise<void> {
    const { gitDir } = await gitFolderOf(path);
    const other = await this.#use.otherUser(view, gitDir);
    if (other !== undefined) throw new Error(`${other} works in ${path}; wait for its end, or choose another branch`);
  }

  /** One operation at a time, because `ensure` first checks if there is a worktree and then makes one. */
  #serialized<T>({ commonDir }: GitLayout, work: () => Promise<T>): Promise<T> {
    const done = (this.#last.get(commonDir) ?? Promise.resolve()).then(work);
    const settled = done.catch(() => {}); // Its own caller gets the error.
    this.#last.set(commonDir, settled);
    void settled.then(() => void (this.#last.get(commonDir) === settled && this.#last.delete(commonDir)));
    return done;
  }
}

/** Undefined if a session that has to end before is still to make the branch. @throws Error if there will be none */
async function knownStart(view: GitView, { branch, base, awaits }: SessionWorktreeRequest): Promise<Start | undefined> {
  const start = startOf(view, branch, base);
  return base !== undefined && awaits?.includes(base) ? start.catch(() => undefined) : start;
}

/** The place of a new worktree. @throws Error if it cannot be made there */
async function requireNew(view: GitView, cwd: string, request: SessionWorktreeRequest): Promise<string> {
  if ((await worktreeCount(view)) >= MOST_WORKTREES) {
    throw new Error(`the repository has ${MOST_WORKTREES} worktrees; remove some with 'git worktree remove'`);
  }
  const path = await pathOf(view, cwd, request);
  await requirePlace(view, path);
  return path;
}
