import { constants } from 'node:fs';
import { chown, type FileHandle, lchown, lstat, mkdir, open, readdir, readFile, stat, symlink } from 'node:fs/promises';
import { dirname } from 'node:path';

/** The user to whom files on the machine belong. */
export interface Owner {
  readonly uid: number;
  readonly gid: number;
}

/**
 * The user to whom everything is given that this process makes in a folder. Undefined if that is this process's own user, or
 * if this process cannot give files away: only root can.
 */
export async function ownerOf(folder: string): Promise<Owner | undefined> {
  if (process.getuid?.() !== 0) return undefined;
  const { uid, gid } = await lstat(folder);
  return uid === 0 ? undefined : { uid, gid };
}

/**
 * Makes a folder and gives it to its owner. The folder is opened for that, and a link is not opened. Somebody may move a folder of
 * root's into its place in between. Only an empty folder is given away, and it is the opened one that is looked into.
 *
 * @throws Error if something is there already, like `mkdir`
 */
export async function makeFolder(path: string, owner: Owner | undefined): Promise<void> {
  await mkdir(path);
  const shares = await isShared(path);
  if (!owner && !shares) return;
  const folder = await open(path, constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW);
  try {
    const { uid, mode } = await folder.stat();
    const isNew = uid === process.getuid?.() && (await readdir(opened(folder, path))).length === 0;
    if (isNew && owner) await folder.chown(owner.uid, owner.gid);
    if (isNew && shares) await folder.chmod((mode & 0o7777) | 0o070);
  } finally {
    await folder.close();
  }
}

/**
 * True if the folder around a path belongs to a group whose members share what is in it, as git's `core.sharedRepository` makes
 * it. Then they may also change what this process makes there.
 */
async function isShared(path: string): Promise<boolean> {
  const { mode } = await stat(dirname(path));
  return (mode & 0o2020) === 0o2020;
}

/** A path that leads to an open folder, whatever its own path leads to by now. Only Linux has one. */
export function opened({ fd }: FileHandle, path: string): string {
  return process.platform === 'linux' ? `/proc/self/fd/${fd}` : path;
}

/** Writes a new file and gives it to its owner. @throws Error if something is there already, even a link */
export async function writeNewFile(
  path: string,
  content: string | Uint8Array,
  owner: Owner | undefined,
  mode = 0o666,
): Promise<void> {
  const file = await open(path, 'wx', mode);
  try {
    if (owner) await file.chown(owner.uid, owner.gid);
    if ((mode & 0o020) !== 0 && (await isShared(path))) await file.chmod(0o664);
    await file.writeFile(content);
  } finally {
    await file.close();
  }
}

/** Opens a link itself instead of its target. Node.js has no name for this flag. Linux only. */
const O_PATH = 0o10000000;

/**
 * Makes a link and gives it to its owner. The link is opened for that. Somebody may move a file of root's into its place in between,
 * and only a link is given away.
 *
 * @throws Error if something is there already, like `symlink`
 */
export async function makeLink(target: string, path: string, owner: Owner | undefined): Promise<void> {
  await symlink(target, path);
  if (!owner) return;
  // Nothing but its name leads to a link elsewhere.
  if (process.platform !== 'linux') return lchown(path, owner.uid, owner.gid);
  const link = await open(path, O_PATH | constants.O_NOFOLLOW);
  try {
    if ((await link.stat()).isSymbolicLink()) await chown(opened(link, path), owner.uid, owner.gid);
  } finally {
    await link.close();
  }
}

/** The home folder of a user, according to the machine's list of users. Undefined if the list does not have the user. */
export async function homeOf({ uid }: Owner): Promise<string | undefined> {
  const users = await readFile('/etc/passwd', 'utf8').catch(() => '');
  const fields = users.split('\n').map((line) => line.split(':'));
  return fields.find((each) => each[2] === String(uid))?.[5];
}
