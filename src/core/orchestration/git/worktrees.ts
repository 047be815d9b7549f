import { lstat, mkdir, realpath, writeFile } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { branchNameProblem } from '../session/branch-name.js';
import type { SessionWorktreeRequest } from '../session/worktree-request.js';
import { messageOf, OrchestrationError, quote, systemCode } from '../util/errors.js';
import { ignoreMissing } from '../util/fs/ignore-missing.js';
import { LinkFreePaths, withLinkFreePaths } from '../util/fs/link-free-paths.js';
import { refuseBorrowing } from './borrowing.js';
import { makeBranch, runGit } from './command.js';
import { isConfined, requireInside, type Workspaces } from './confinement.js';
import { branchIn, findGitLayout, type GitLayout, gitLayoutAt, isKnown } from './layout.js';
import { linkedWorktrees, unlinkWorktree } from './linked-worktrees.js';
import { addWorktree, isHalfMade } from './new-worktree.js';
import { remoteBranches } from './remote-branches.js';
import { type GitView, withGitView } from './view.js';
import { worktreePlace } from './worktree-place.js';

/** The longest name that a symbolic ref can have. */
const MOST_REF_BYTES = 4096;

/** A worktree that a session works in. */
export interface Worktree {
  path: string;
  branch: string;
  /** True if this call made it. */
  created: boolean;
}

/**
 * Makes and removes worktrees, one at a time in each repository. Used instead of ChannelCoder's `worktreeUtils` and of
 * `git worktree`, because both read the repository's own configuration. An agent may have written commands into that, or a
 * `commondir` that leads to another repository.
 */
export class Worktrees {
  /** The latest operation in each repository, by its git folder. */
  readonly #last = new Map<string, Promise<unknown>>();

  /** Checks that a workspace has a repository for worktrees. @throws OrchestrationError `WORKTREE_FAILED` */
  async check(cwd: string, request: SessionWorktreeRequest): Promise<void> {
    try {
      const repository = await repositoryOf(cwd, request);
      await refuseBorrowing(repository.commonDir);
      // Without `workspaces`, it is early enough if `ensure` checks this.
      if (!request.workspaces) return;
      await this.#serialized(repository, () =>
        withLinkFreePaths((paths) => usableWorktree({ layout: repository, paths }, cwd, request)),
      );
    } catch (cause) {
      throw failed(cwd, request, cause);
    }
  }

  /**
   * Finds the worktree of a branch, or makes it.
   *
   * @param beforeMaking called if there is no worktree yet; if it rejects, none is made
   * @throws OrchestrationError `WORKTREE_FAILED`; no worktree is left behind (a branch that was made stays)
   */
  async ensure(
    cwd: string,
    request: SessionWorktreeRequest,
    beforeMaking: () => Promise<void> = async () => {},
  ): Promise<Worktree> {
    try {
      const repository = await repositoryOf(cwd, request);
      return await this.#serialized(repository, async () => {
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
    await this.#serialized(repository, () =>
      withLinkFreePaths((paths) => unlinkWorktree(repository.commonDir, path, paths)),
    );
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

function failed(cwd: string, { branch }: SessionWorktreeRequest, cause: unknown): OrchestrationError {
  const message = `No worktree for branch ${quote(branch)} of ${cwd}: ${LinkFreePaths.plain(messageOf(cause))}.`;
  return new OrchestrationError('WORKTREE_FAILED', message, { cause });
}

/** The repository of a workspace, unless an agent may have made the workspace lead there. @throws Error */
async function repositoryOf(
  cwd: string,
  { own, root, workspaces }: Pick<SessionWorktreeRequest, 'own' | 'root' | 'workspaces'> = {},
): Promise<GitLayout> {
  const real = await realpath(cwd);
  if (real !== cwd) throw new Error(`it is a link to ${quote(real)} by now`);
  const layout = await findGitLayout(cwd);
  if (!layout) throw new Error('it is in no git repository');
  if (!(await isKnown(layout))) {
    throw new Error(`${join(layout.root, '.git')} leads to ${quote(layout.gitDir)}, which does not lead back`);
  }
  // A worktree contains the whole repository, not only the part at 'cwd'.
  for (const folder of [layout.root, mainCheckout(layout) ?? layout.root, layout.gitDir, layout.commonDir])
    await requireInside(folder, workspaces, 'its repository');
  // The new session would get to see more than the agent that asks for it.
  if (own && layout.root !== (root ?? cwd)) {
    throw new Error(
      `its repository is ${layout.root}, and an agent that works in a part of it cannot hand on all of it`,
    );
  }
  return layout;
}

async function ensureWorktree(
  view: GitView,
  cwd: string,
  request: SessionWorktreeRequest,
  beforeMaking: () => Promise<void>,
): Promise<Worktree> {
  const { branch, base, path: wanted, workspaces } = request;
  const usable = await usableWorktree(view, cwd, request);
  if (usable !== undefined) return { path: usable, branch, created: false };
  const path =
    wanted === undefined
      ? await defaultPath(view, branch, workspaces)
      : await worktreePlace(resolve(cwd, wanted), view.layout.root);
  await requireInside(path, workspaces, 'its worktree');
  await beforeMaking();
  let commit = await commitOf(view, `refs/heads/${branch}`);
  if (commit === undefined) {
    commit = await startOf(view, branch, base);
    await makeBranch(view, branch, commit);
  }
  await addWorktree(view, path, branch, commit);
  return { path, branch, created: true };
}

/** The worktree that has the branch. Undefined if none has it. @throws Error if the session may not use it */
async function usableWorktree(
  view: Pick<GitView, 'layout' | 'paths'>,
  cwd: string,
  { branch, path: wanted, workspaces }: SessionWorktreeRequest,
): Promise<string | undefined> {
  const existing = await checkoutOf(view, branch);
  if (existing === undefined) return undefined;
  const usable = await usableAt(existing, view.layout);
  const path = wanted === undefined ? usable : await worktreePlace(resolve(cwd, wanted), view.layout.root);
  if (usable !== path) throw new Error(`the branch is checked out at ${usable}, not at ${path}`);
  await requireInside(usable, workspaces, 'its worktree');
  return usable;
}

/**
 * Beside the repository, under the name that ChannelCoder would give. If the session may not leave the repository: in a folder
 * of the repository.
 */
async function defaultPath(view: GitView, branch: string, workspaces: Workspaces): Promise<string> {
  const top = mainCheckout(view.layout) ?? view.layout.root;
  const name = branch.replaceAll(/[/\\:*?"<>|]/g, '-');
  const beside = `${top}-${name}`;
  return (await isConfined(beside, workspaces)) ? beside : join(await hiddenFolder(view, top, workspaces), name);
}

/** A folder in a repository. Git does not show files in it as new. */
async function hiddenFolder({ paths }: GitView, top: string, workspaces: Workspaces): Promise<string> {
  const folder = join(top, '.worktrees');
  await requireInside(folder, workspaces, 'the folder for its worktree');
  try {
    await mkdir(paths.to(folder));
    await writeFile(paths.to(join(folder, '.gitignore')), '*\n', { flag: 'wx' });
  } catch (error) {
    if (systemCode(error) !== 'EEXIST') throw error;
  }
  return folder;
}

/** The checkout of the repository itself. Undefined if the repository is bare. */
function mainCheckout({ root, gitDir, commonDir }: GitLayout): string | undefined {
  if (gitDir === commonDir) return root;
  return basename(commonDir) === '.git' ? dirname(commonDir) : undefined;
}

/**
 * Where a branch is checked out, according to the repository. If a process left a worktree half made, its git folder is
 * removed.
 */
async function checkoutOf(
  { layout, paths }: Pick<GitView, 'layout' | 'paths'>,
  branch: string,
): Promise<string | undefined> {
  const main = mainCheckout(layout);
  if (main !== undefined && (await branchIn(paths.to(layout.commonDir))) === branch) return main;
  const linked = (await linkedWorktrees(layout.commonDir, paths)).find((worktree) => worktree.branch === branch);
  if (!linked || !(await isHalfMade(linked, paths))) return linked?.path;
  await paths.remove(linked.gitDir);
  return undefined;
}

/** The commit that a new branch starts from. @throws Error if there is none */
async function startOf(view: GitView, branch: string, base: string | undefined): Promise<string> {
  if (base === undefined) {
    const [only, ...others] = await remoteBranches(view, branch);
    const commit = only !== undefined && others.length === 0 ? await commitOf(view, only) : undefined;
    if (commit !== undefined) return commit;
  }
  const name = base ?? (await branchIn(view.paths.to(view.layout.gitDir)));
  if (name === undefined) throw new Error("no branch is checked out in 'cwd'; give 'worktree.base'");
  const commit = (await commitOf(view, `refs/heads/${name}`)) ?? (await commitOf(view, `refs/remotes/${name}`));
  if (commit === undefined) throw new Error(`there is no branch ${quote(name)} to start from ('worktree.base')`);
  return commit;
}

/**
 * @throws Error if something else is in the place of the ref, because git would wait at a FIFO, and would read an endless file
 * forever
 */
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

/** The path of a worktree that the repository names. @throws Error if a session may not use that worktree */
async function usableAt(path: string, { commonDir }: GitLayout): Promise<string> {
  const layout = await gitLayoutAt(path).catch(() => undefined);
  if (!layout) throw new Error(`its worktree ${path} is gone; run 'git worktree prune'`);
  if (layout.gitDir === layout.commonDir) {
    throw new Error(`the branch is checked out in the repository itself, ${path}; choose another`);
  }
  // An agent may have written an entry into its repository that leads to a worktree of another repository.
  if (layout.commonDir !== commonDir || !(await isKnown(layout))) {
    throw new Error(`${path}, where the repository says it is checked out, belongs to another one`);
  }
  return layout.root;
}
