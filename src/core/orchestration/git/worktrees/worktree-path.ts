import { createHash } from 'node:crypto';
import { lstat, readdir, statfs } from 'node:fs/promises';
import { basename, dirname, join, relative, resolve } from 'node:path';
import type { SessionWorktreeRequest } from '../../session/worktree-request.js';
import { quote, systemCode } from '../../util/errors.js';
import { ignoreMissing } from '../../util/fs/ignore-missing.js';
import { isInside } from '../../util/fs/is-inside.js';
import type { LinkFreePaths } from '../../util/fs/link-free-paths.js';
import { makeFolder, writeNewFile } from '../../util/fs/owner.js';
import { refusalToWrite } from '../../util/fs/permission.js';
import { isConfined, requireInside } from '../repository/confinement.js';
import { findGitLayout, type GitLayout } from '../repository/layout.js';
import { mainCheckout } from '../repository/repository.js';
import type { GitView } from '../repository/view.js';
import { worktreePlace } from './worktree-place.js';

/** The folder in a repository for worktrees that cannot be made beside it. */
const HIDDEN = '.worktrees';
/** The longest name that file systems allow, in bytes. */
const MOST_NAME_BYTES = 255;
/** The longest path that Linux allows, less what the longest name in a repository of people needs. */
const MOST_PATH_BYTES = 3500;

/** Where a worktree is made. Nothing is made yet. @throws Error if the session may not have it there */
export async function pathOf(view: GitView, cwd: string, request: SessionWorktreeRequest): Promise<string> {
  const { branch, path: wanted, workspaces } = request;
  const path =
    wanted === undefined
      ? await defaultPath(view, branch, request)
      : await worktreePlace(resolve(cwd, wanted), view.layout.root);
  await requireInside(path, workspaces, 'its worktree');
  return path;
}

/**
 * Beside the repository, under the name that ChannelCoder would give. If the session may not leave the repository, or if this
 * process may not write there: in a folder of the repository.
 */
async function defaultPath(
  view: GitView,
  branch: string,
  { workspaces }: Pick<SessionWorktreeRequest, 'workspaces'>,
): Promise<string> {
  const top = await topOf(view.layout);
  const name = branch.replaceAll(/[/\\:*?"<>|]/g, '-');
  const outer = await superproject(view.layout, top);
  // A bare repository is usually called `<name>.git`.
  const own = top === view.layout.gitDir ? basename(top).replace(/\.git$/, '') : basename(top);
  const prefix = outer === undefined ? own : [basename(outer), ...relative(outer, top).split('/')].join('-');
  const beside = join(dirname(outer ?? top), shortened(`${prefix}-${name}`));
  const isBeside = (await isConfined(beside, workspaces)) && (await refusalToWrite(dirname(beside))) === undefined;
  return isBeside ? beside : join(top, HIDDEN, shortened(name));
}

/** The checkout of the repository itself, or else the folder that the session was given. */
async function topOf(layout: GitLayout): Promise<string> {
  return (await mainCheckout(layout)) ?? layout.root;
}

/** The outermost checkout of which a repository is a submodule. Beside the submodule, a worktree would lie among its files. */
async function superproject({ commonDir }: GitLayout, top: string): Promise<string | undefined> {
  const around = await findGitLayout(dirname(top));
  if (!around || !isInside(commonDir, join(around.gitDir, 'modules'))) return undefined;
  return (await superproject(around, around.root)) ?? around.root;
}

/** A name of any length, in a form that file systems allow. */
function shortened(name: string): string {
  if (Buffer.byteLength(name) <= MOST_NAME_BYTES) return name;
  const hash = createHash('sha256').update(name).digest('hex').slice(0, 8);
  return `${Buffer.from(name)
    .subarray(0, 200)
    .toString()
    .replace(/\uFFFD+$/, '')}-${hash}`;
}

/**
 * Refuses a place in which no worktree can be made. The place may change until the worktree is made, so `addWorktree` refuses
 * it, too.
 *
 * @throws Error
 */
export async function requirePlace({ layout, paths }: GitView, path: string): Promise<void> {
  const other = "choose another place with 'worktree.path'";
  if (isInside(path, layout.commonDir)) throw new Error(`${path} lies in the repository's git folder; ${other}`);
  const isLong = path.split('/').some((part) => Buffer.byteLength(part) > MOST_NAME_BYTES);
  if (isLong || Buffer.byteLength(path) > MOST_PATH_BYTES) {
    throw new Error(`the path of its worktree, ${quote(path)}, is longer than file systems allow; ${other}`);
  }
  await requireFree(paths, path);
  const folder = await existing(paths, dirname(path));
  const stats = await lstat(paths.to(folder));
  if (!stats.isDirectory()) throw new Error(`${folder} is no folder, so ${path} cannot be made; ${other}`);
  if ((await refusalToWrite(paths.to(folder))) !== undefined) {
    throw new Error(`this process may not write to ${folder} (it belongs to uid ${stats.uid}); ${other}`);
  }
  for (const place of [folder, layout.commonDir]) await requireRoom(paths, place);
}

/** Refuses a place where something is. An empty folder is as good as nothing. @throws Error */
export async function requireFree(paths: LinkFreePaths, path: string): Promise<void> {
  const stats = await lstat(paths.to(path)).catch(ignoreMissing);
  if (!stats || (stats.isDirectory() && (await readdir(paths.to(path))).length === 0)) return;
  throw new Error(`something is at ${path} already; remove it, or choose another place with 'worktree.path'`);
}

/**
 * Makes the folders that lead to a path.
 *
 * @returns those that were missing, the lowest first
 */
export async function makeFoldersTo({ layout, paths, owner }: GitView, path: string): Promise<string[]> {
  const top = await topOf(layout);
  const folder = dirname(path);
  if (await lstat(paths.to(folder)).catch(ignoreMissing)) return [];
  const above = await makeFoldersTo({ layout, paths, owner } as GitView, folder);
  try {
    await makeFolder(paths.to(folder), owner);
  } catch (error) {
    if (systemCode(error) !== 'EEXIST') throw error;
    return above;
  }
  // Git does not show files in it as new.
  if (folder === join(top, HIDDEN)) await writeNewFile(paths.to(join(folder, '.gitignore')), '*\n', owner);
  return [folder, ...above];
}

/** The lowest folder on a path that exists. */
async function existing(paths: LinkFreePaths, folder: string): Promise<string> {
  if (dirname(folder) === folder) return folder;
  const stats = await lstat(paths.to(folder)).catch((error: unknown) => {
    if (systemCode(error) !== 'ENOTDIR' && systemCode(error) !== 'ENOENT') throw error;
  });
  return stats ? folder : existing(paths, dirname(folder));
}

async function requireRoom(paths: LinkFreePaths, folder: string): Promise<void> {
  const { blocks, bavail, files, ffree } = await statfs(paths.to(folder));
  // So it is below /proc and /sys.
  if (blocks === 0)
    throw new Error(`the file system at ${folder} keeps no files; choose another place with 'worktree.path'`);
  // Some file systems do not count their files.
  if (bavail > 0 && (files === 0 || ffree > 0)) return;
  throw new Error(`the disk that holds ${folder} is full; make room there`);
}
