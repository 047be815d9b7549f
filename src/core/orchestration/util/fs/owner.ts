import { constants } from 'node:fs';
import { lstat, mkdir, open, readFile } from 'node:fs/promises';

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
 * Makes a folder and gives it to its owner. The folder is opened for that, and a link is not opened. So if somebody replaces the
 * folder in between, nothing but another folder in the same place can be given away, and only one that is root's.
 *
 * @throws Error if something is there already, like `mkdir`
 */
export async function makeFolder(path: string, owner: Owner | undefined): Promise<void> {
  await mkdir(path);
  if (!owner) return;
  const folder = await open(path, constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW);
  try {
    if ((await folder.stat()).uid === 0) await folder.chown(owner.uid, owner.gid);
  } finally {
    await folder.close();
  }
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
    await file.writeFile(content);
  } finally {
    await file.close();
  }
}

/** The home folder of a user, according to the machine's list of users. Undefined if the list does not have the user. */
export async function homeOf({ uid }: Owner): Promise<string | undefined> {
  const users = await readFile('/etc/passwd', 'utf8').catch(() => '');
  const fields = users.split('\n').map((line) => line.split(':'));
  return fields.find((each) => each[2] === String(uid))?.[5];
}

interface Rights extends Owner {
  readonly mode: number;
}

/** True if a user who is not root may do something with a file. Additional groups and access lists do not count. */
export function permits(stats: Rights, { uid, gid }: Owner, wanted: number): boolean {
  const shift = stats.uid === uid ? 6 : stats.gid === gid ? 3 : 0;
  return ((stats.mode >> shift) & wanted) === wanted;
}
