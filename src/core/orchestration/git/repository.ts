import { lstat, realpath } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import type { SessionWorktreeRequest } from '../session/worktree-request.js';
import { quote } from '../util/errors.js';
import { ignoreMissing } from '../util/fs/ignore-missing.js';
import { requireInside } from './confinement.js';
import { findGitLayout, type GitLayout, isKnown } from './layout.js';

/** The repository of a workspace, unless an agent may have made the workspace lead there. @throws Error */
export async function repositoryOf(
  cwd: string,
  { own, root, workspaces }: Pick<SessionWorktreeRequest, 'own' | 'root' | 'workspaces'> = {},
): Promise<GitLayout> {
  const real = await realpath(cwd);
  if (real !== cwd) throw new Error(`it is a link to ${quote(real)} by now`);
  const layout = await findGitLayout(cwd);
  if (!layout) throw new Error(await whyNone(cwd));
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

/** The checkout of the repository itself. Undefined if the repository is bare. */
export function mainCheckout({ root, gitDir, commonDir }: GitLayout): string | undefined {
  if (gitDir === commonDir) return root;
  return basename(commonDir) === '.git' ? dirname(commonDir) : undefined;
}

/** Why a folder has no repository in which a worktree can be made. */
async function whyNone(cwd: string): Promise<string> {
  for (let folder = cwd; ; folder = dirname(folder)) {
    if (await isBare(folder)) {
      return (
        `it is in the bare repository ${folder}, which has no checkout. ` +
        `Make one with 'git worktree add' and give that as 'cwd'`
      );
    }
    if (await kindOf(join(folder, '.git'))) {
      return `${join(folder, '.git')} is no git folder, and does not lead to one. Correct or remove it`;
    }
    if (dirname(folder) === folder) return "it is in no git repository. Choose another 'cwd', or run 'git init' there";
  }
}

async function isBare(folder: string): Promise<boolean> {
  const kinds = await Promise.all(['HEAD', 'objects', 'refs'].map((name) => kindOf(join(folder, name))));
  return kinds.join() === 'file,folder,folder';
}

async function kindOf(path: string): Promise<'file' | 'folder' | 'other' | undefined> {
  const stats = await lstat(path).catch(ignoreMissing);
  if (!stats) return undefined;
  return stats.isFile() ? 'file' : stats.isDirectory() ? 'folder' : 'other';
}
