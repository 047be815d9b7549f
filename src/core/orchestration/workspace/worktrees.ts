import { lstat, realpath } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { messageOf, OrchestrationError, shown } from '../errors.js';
import { branchNameProblem } from './branch-name.js';
import { refuseBorrowing } from './git-borrowing.js';
import { makeBranch, runGit } from './git-command.js';
import { branchIn, findGitLayout, type GitLayout, gitLayoutAt, ignoreMissing, isKnown } from './git-layout.js';
import { type GitView, withGitView } from './git-view.js';
import { LinkFreePaths, withLinkFreePaths } from './link-free-paths.js';
import { linkedWorktrees, unlinkWorktree } from './linked-worktrees.js';
import { addWorktree, isHalfMade } from './new-worktree.js';
import { remoteBranches } from './remote-branches.js';
import { worktreePlace } from './worktree-place.js';
import type { SessionWorktreeRequest } from './worktree-request.js';

/** The longest name that a symbolic ref can have. */
const MOST_REF_BYTES = 4096;

/** A worktree that a session works in. */
export interface Worktree {
  path: string;
  branch: string;
  /** Whether it was made by this call. */
  created: boolean;
}

/**
 * Makes and removes worktrees, one at a time in each repository. Used instead of ChannelCoder's `worktreeUtils` and of
 * `git worktree`: both read the repository's own configuration, and an agent may have written commands into that, or a
 * `commondir` that leads to another repository.
 */
export class Worktrees {
  /** The latest work in each repository, by its git folder. */
  readonly #last = new Map<string, Promise<unknown>>();

  /** Checks that a workspace has a repository for worktrees. @throws OrchestrationError `WORKTREE_FAILED` */
  async check(cwd: string, request: SessionWorktreeRequest): Promise<void> {
    try {
      await refuseBorrowing((await repositoryOf(cwd, request)).commonDir);
    } catch (cause) {
      throw failed(cwd, request, cause);
    }
  }

  /**
   * Finds the worktree of a branch, or makes it.
   *
   * @param beforeMaking called where there is none yet; what it rejects with keeps one from being made
   * @throws OrchestrationError `WORKTREE_FAILED`; no worktree is left behind (a branch that was made stays)
   */
  async ensure(
    cwd: string,
    request: SessionWorktreeRequest,
    beforeMaking: () => Promise<void> = async () => {},
  ): Promise<Worktree> {
    try {
      const repository = await repositoryOf(cwd, request);
      return await this.#inTurn(repository, async () => {
        await refuseBorrowing(repository.commonDir);
        return withGitView(repository, (view) => ensureWorktree(view, cwd, request, beforeMaking));
      });
    } catch (cause) {
      throw failed(cwd, request, cause);
    }
  }

  /** Removes a worktree, whatever is in it. The branch stays. */
  async remove(cwd: string, path: string): Promise<void> {
    const repository = await repositoryOf(cwd);
    await this.#inTurn(repository, () =>
      withLinkFreePaths((paths) => unlinkWorktree(repository.commonDir, path, paths)),
    );
  }

  /** Whether there is one is looked at before one is made. */
  #inTurn<T>({ commonDir }: GitLayout, work: () => Promise<T>): Promise<T> {
    const done = (this.#last.get(commonDir) ?? Promise.resolve()).then(work);
    const settled = done.catch(() => {}); // Its own caller hears of a failure.
    this.#last.set(commonDir, settled);
    void settled.then(() => void (this.#last.get(commonDir) === settled && this.#last.delete(commonDir)));
    return done;
  }
}

function failed(cwd: string, { branch }: SessionWorktreeRequest, cause: unknown): OrchestrationError {
  const message = `No worktree for branch ${shown(branch)} of ${cwd}: ${LinkFreePaths.plain(messageOf(cause))}.`;
  return new OrchestrationError('WORKTREE_FAILED', message, { cause });
}

/** The repository of a workspace, unless an agent may have led there. @throws Error */
async function repositoryOf(cwd: string, { own }: Pick<SessionWorktreeRequest, 'own'> = {}): Promise<GitLayout> {
  const real = await realpath(cwd);
  if (real !== cwd) throw new Error(`it is a link to ${shown(real)} by now`);
  const layout = await findGitLayout(cwd);
  if (!layout) throw new Error('it is in no git repository');
  if (!(await isKnown(layout))) {
    throw new Error(`${join(layout.root, '.git')} leads to ${shown(layout.gitDir)}, which does not lead back`);
  }
  // It would get more to see than the agent that asks.
  if (own && layout.root !== cwd) {
    throw new Error(
      `its repository is ${layout.root}, and an agent that works in a part of it cannot hand on all of it`,
    );
  }
  return layout;
}

async function ensureWorktree(
  view: GitView,
  cwd: string,
  { branch, base, path: wanted }: SessionWorktreeRequest,
  beforeMaking: () => Promise<void>,
): Promise<Worktree> {
  const repository = view.layout;
  const path =
    wanted === undefined ? defaultPath(repository, branch) : await worktreePlace(resolve(cwd, wanted), repository.root);
  const existing = await checkoutOf(view, branch);
  if (existing !== undefined) {
    const usable = await usableAt(existing, repository);
    if (wanted !== undefined && usable !== path)
      throw new Error(`the branch is checked out at ${usable}, not at ${path}`);
    return { path: usable, branch, created: false };
  }
  await beforeMaking();
  let commit = await commitOf(view, `refs/heads/${branch}`);
  if (commit === undefined) {
    commit = await startOf(view, branch, base);
    await makeBranch(view, branch, commit);
  }
  await addWorktree(view, path, branch, commit);
  return { path, branch, created: true };
}

/** Beside the repository, as ChannelCoder names it. */
function defaultPath(repository: GitLayout, branch: string): string {
  return `${mainCheckout(repository) ?? repository.root}-${branch.replaceAll(/[/\\:*?"<>|]/g, '-')}`;
}

/** The checkout of the repository itself; undefined where it is bare. */
function mainCheckout({ root, gitDir, commonDir }: GitLayout): string | undefined {
  if (gitDir === commonDir) return root;
  return basename(commonDir) === '.git' ? dirname(commonDir) : undefined;
}

/** Where a branch is checked out, as the repository says. What a process left half made is removed. */
async function checkoutOf({ layout, paths }: GitView, branch: string): Promise<string | undefined> {
  const main = mainCheckout(layout);
  if (main !== undefined && (await branchIn(paths.to(layout.commonDir))) === branch) return main;
  const linked = (await linkedWorktrees(layout.commonDir, paths)).find((worktree) => worktree.branch === branch);
  if (!linked || !(await isHalfMade(linked, paths))) return linked?.path;
  await paths.remove(linked.gitDir);
  return undefined;
}

/** The commit that a new branch starts from. @throws Error where there is none */
async function startOf(view: GitView, branch: string, base: string | undefined): Promise<string> {
  if (base === undefined) {
    const [only, ...others] = await remoteBranches(view, branch);
    const commit = only !== undefined && others.length === 0 ? await commitOf(view, only) : undefined;
    if (commit !== undefined) return commit;
  }
  const name = base ?? (await branchIn(view.paths.to(view.layout.gitDir)));
  if (name === undefined) throw new Error("no branch is checked out in 'cwd'; give 'worktree.base'");
  const commit = (await commitOf(view, `refs/heads/${name}`)) ?? (await commitOf(view, `refs/remotes/${name}`));
  if (commit === undefined) throw new Error(`there is no branch ${shown(name)} to start from ('worktree.base')`);
  return commit;
}

/** @throws Error where something else is in the place of the ref: git would wait at a FIFO, and read a file without end */
async function commitOf(view: GitView, ref: string): Promise<string | undefined> {
  if (branchNameProblem(ref)) return undefined; // An agent may have written the name into HEAD.
  const path = join(view.layout.commonDir, ref);
  const stats = await lstat(view.paths.to(path)).catch(ignoreMissing);
  if (stats && !stats.isDirectory() && (!stats.isFile() || stats.size > MOST_REF_BYTES)) {
    throw new Error(`${path} is no file with the name of a commit; remove it`);
  }
  return runGit(view, ['rev-parse', '--verify', '--quiet', '--end-of-options', `${ref}^{commit}`]).then(
    (commit) => commit.trim(),
    () => undefined,
  );
}

/** The path of a worktree that the repository names, unless it is not one that a session may have. */
async function usableAt(path: string, { commonDir }: GitLayout): Promise<string> {
  const layout = await gitLayoutAt(path).catch(() => undefined);
  if (!layout) throw new Error(`its worktree ${path} is gone; run 'git worktree prune'`);
  if (layout.gitDir === layout.commonDir) {
    throw new Error(`the branch is checked out in the repository itself, ${path}; choose another`);
  }
  // An agent may have written an entry into its repository that leads to the worktree of another.
  if (layout.commonDir !== commonDir || !(await isKnown(layout))) {
    throw new Error(`${path}, where the repository says it is checked out, belongs to another one`);
  }
  return layout.root;
}
