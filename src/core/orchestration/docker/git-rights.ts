import type { Stats } from 'node:fs';
import { access, constants, lstat, readdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { branchIn, findRepository } from '../git/repository/layout.js';
import { linkedWorktrees } from '../git/repository/linked-worktrees.js';
import { oddPart } from '../git/repository/missing-parts.js';
import { OrchestrationError, quote, systemCode } from '../util/errors.js';
import { withLinkFreePaths } from '../util/fs/link-free-paths.js';
import { permits, refusalToWrite, WRITE } from '../util/fs/permission.js';
import { quoted } from '../util/shell-quote.js';
import { processUser, type UserIds } from './agent-user.js';
import { type AskSystem, examinedFolder, mayWrite } from './work-folder.js';

/** Git keeps objects in at most so many folders. */
const OBJECT_FOLDER = /^[0-9a-f]{2}$/;

/**
 * Refuses a repository in which the user of a session could not commit. A git that ran as another user may have left parts of it,
 * and the agent's git would fail at each of them.
 *
 * @param cwd a folder of the repository
 * @param user with ids of the machine; undefined if the owners of files do not matter
 * @param branch of the worktree in which the session works; undefined if it works in the checkout at `cwd`
 * @throws OrchestrationError `WORKSPACE_NOT_WRITABLE`, `INVALID_OPTIONS`
 */
export async function requireGitRights(
  cwd: string,
  user: UserIds | undefined,
  branch: string | undefined,
  own = processUser(),
  ask: AskSystem = refusalToWrite,
): Promise<void> {
  const layout = await findRepository(cwd).catch(() => undefined); // Another check says what is wrong with it.
  if (!layout) return;
  const { commonDir } = layout;
  const gitDir = branch === undefined ? layout.gitDir : await worktreeOf(commonDir, branch);
  for (const folder of new Set([commonDir, gitDir ?? commonDir])) {
    const odd = await oddPart(folder);
    if (odd !== undefined) throw new OrchestrationError('INVALID_OPTIONS', `Option 'cwd' (${quote(cwd)}): ${odd}.`);
  }
  if (!user || !own) return;
  const { folders, files } = await written(commonDir, gitDir, branch);
  const problems = await Promise.all([
    ...folders.map((path) => ifThere(path, (stats) => closedFolder(path, stats))),
    ...files.map((path) => ifThere(path, (stats) => closedFile(path, stats))),
  ]);
  const problem = problems.find((each) => each !== undefined);
  if (problem !== undefined) throw new OrchestrationError('WORKSPACE_NOT_WRITABLE', problem);

  async function closedFolder(path: string, stats: Stats): Promise<string | undefined> {
    const folder = await examinedFolder(path, stats, ask);
    return user && own && mayWrite(folder, user, own) ? undefined : why(path, stats, folder.isFixed);
  }

  async function closedFile(path: string, stats: Stats): Promise<string | undefined> {
    const isOurs = own?.uid !== 0 && own?.uid === user?.uid && (await access(path, constants.W_OK).then(...OR_FALSE));
    return (user && permits(stats, user, WRITE)) || isOurs ? undefined : why(path, stats, false);
  }

  function why(path: string, { uid, gid, mode }: Stats, isFixed: boolean): string {
    if (isFixed)
      return `Git cannot write to ${quote(path)}, which is on a file system that is read-only. Work in a repository that can be written.`;
    const isOwner = uid === user?.uid;
    const command = isOwner ? 'chmod -R u+rwX' : `chown -R ${user?.uid}:${user?.gid}`;
    return (
      `Git in the session, which works as uid ${user?.uid}:${user?.gid}, cannot write to ${quote(path)}, which belongs to ${uid}:${gid} ` +
      `(mode ${(mode & 0o777).toString(8)}). ${isOwner ? 'Open it' : 'A git of another user, such as of sudo, may have left it. Give it back'} ` +
      `(for example: ${isOwner ? '' : 'sudo '}${command} ${quoted(commonDir)}).`
    );
  }
}

const OR_FALSE = [() => true, () => false] as const;

/** The git folder of the worktree that has a branch. Undefined if that is still to be made. */
async function worktreeOf(commonDir: string, branch: string): Promise<string | undefined> {
  const all = await withLinkFreePaths((paths) => linkedWorktrees(commonDir, paths)).catch(() => []);
  return all.find((worktree) => worktree.branch === branch)?.gitDir;
}

/** Where a git writes that commits. What is missing, git makes. */
async function written(
  commonDir: string,
  gitDir: string | undefined,
  worktreeBranch: string | undefined,
): Promise<{ folders: string[]; files: string[] }> {
  const objects = await readdir(join(commonDir, 'objects')).catch(() => []);
  const branch = worktreeBranch ?? (gitDir === undefined ? undefined : await branchIn(gitDir));
  const ref = branch === undefined ? [] : [`refs/heads/${branch}`];
  const shared = [
    'objects',
    'objects/pack',
    ...objects.filter((name) => OBJECT_FOLDER.test(name)).map((name) => `objects/${name}`),
    ...['refs', 'refs/heads', 'refs/tags', 'logs/refs', 'logs/refs/heads'],
    ...ref.flatMap((name) => [dirname(name), dirname(`logs/${name}`)]),
  ].map((name) => join(commonDir, name));
  const own = gitDir === undefined ? [] : [gitDir, join(gitDir, 'logs')];
  const head = gitDir === undefined ? [] : [join(gitDir, 'logs/HEAD')];
  return {
    folders: [...new Set([...own, ...shared])],
    files: [...head, ...ref.map((name) => join(commonDir, 'logs', name))],
  };
}

async function ifThere(
  path: string,
  examine: (stats: Stats) => Promise<string | undefined>,
): Promise<string | undefined> {
  const stats = await lstat(path).catch((error: unknown) => {
    // The folder on the way is closed, and is found for itself.
    if (!['ENOENT', 'ENOTDIR', 'EACCES'].includes(systemCode(error) ?? '')) throw error;
  });
  // Another check refuses links.
  return stats && !stats.isSymbolicLink() ? examine(stats) : undefined;
}
