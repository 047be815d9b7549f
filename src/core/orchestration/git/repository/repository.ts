import { lstat, realpath } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import type { SessionWorktreeRequest } from '../../session/worktree-request.js';
import { quote } from '../../util/errors.js';
import { ignoreMissing } from '../../util/fs/ignore-missing.js';
import { requireInside } from './confinement.js';
import { configOf, findRepository, type GitLayout, isKnown, isOn, settingIn } from './layout.js';

/** The repository of a workspace, unless an agent may have made the workspace lead there. @throws Error */
export async function repositoryOf(
  cwd: string,
  { own, root, workspaces }: Pick<SessionWorktreeRequest, 'own' | 'root' | 'workspaces'> = {},
): Promise<GitLayout> {
  const real = await realpath(cwd);
  if (real !== cwd) throw new Error(`it is a link to ${quote(real)} by now`);
  const layout = await findRepository(cwd);
  if (!layout) throw new Error(await whyNone(cwd));
  const isGitFolder = layout.gitDir === layout.root;
  if (isGitFolder && (cwd !== layout.root || basename(cwd) === '.git')) {
    throw new Error(
      `it lies in the git folder ${layout.root}. Give a folder with files, or the bare repository itself`,
    );
  }
  if (!(await isKnown(layout))) {
    throw new Error(`${join(layout.root, '.git')} leads to ${quote(layout.gitDir)}, which does not lead back`);
  }
  // A worktree contains the whole repository, not only the part at 'cwd'.
  for (const folder of [layout.root, (await mainCheckout(layout)) ?? layout.root, layout.gitDir, layout.commonDir])
    await requireInside(folder, workspaces, 'its repository');
  // The new session would get to see more than the agent that asks for it.
  if (own && layout.root !== (root ?? cwd)) {
    throw new Error(
      `its repository is ${layout.root}, and an agent that works in a part of it cannot hand on all of it`,
    );
  }
  return layout;
}

/** The checkout of the repository itself. Undefined if the repository is bare, or if its checkout cannot be known for certain. */
export async function mainCheckout({ root, gitDir, commonDir }: GitLayout): Promise<string | undefined> {
  if (gitDir !== commonDir && basename(commonDir) !== '.git') return undefined;
  return (await isBare({ root, gitDir, commonDir })) ? undefined : gitDir === commonDir ? root : dirname(commonDir);
}

/** True if a repository has no checkout of its own, so that its `HEAD` keeps no branch from being checked out elsewhere. */
export async function isBare({ root, gitDir, commonDir }: GitLayout): Promise<boolean> {
  if (gitDir === root) return true;
  const entries = (await configOf(commonDir)) ?? [];
  const bare = settingIn(entries, 'core.bare');
  if (bare !== undefined) return isOn(bare);
  // Like git, by the name. The checkout of a submodule has another one.
  return gitDir !== commonDir && basename(commonDir) !== '.git' && settingIn(entries, 'core.worktree') === undefined;
}

/** Why a folder has no repository in which a worktree can be made. */
async function whyNone(cwd: string): Promise<string> {
  for (let folder = cwd; ; folder = dirname(folder)) {
    if (await lstat(join(folder, '.git')).catch(ignoreMissing)) {
      return `${join(folder, '.git')} is no git folder, and does not lead to one. Correct or remove it`;
    }
    if (dirname(folder) === folder) return "it is in no git repository. Choose another 'cwd', or run 'git init' there";
  }
}
