import type { Stats } from 'node:fs';
import { ENTER, permits, type refusalToWrite, WRITE } from '../util/fs/permission.js';
import type { UserIds, WorkFolder } from './agent-user.js';

/** See {@link refusalToWrite}. */
export type AskSystem = typeof refusalToWrite;

/**
 * True if a user can make files in a folder. If the user has all ids of this process, the system has said so: it also knows access
 * control lists, which the mode does not show. Of all other users, only the mode is known.
 *
 * @param user with ids of the machine; undefined if the machine has no number for the user
 * @param own the user of this process
 */
export function mayWrite(folder: WorkFolder, user: UserIds | undefined, own: UserIds): boolean {
  if (user === undefined || folder.isFixed) return false;
  return permits(folder, user, WRITE | ENTER) || (folder.isOurs && hasAllIds(user, own));
}

function hasAllIds(user: UserIds, own: UserIds): boolean {
  // For root, the system answers what root may do, and agents have no capabilities.
  if (own.uid === 0 || user.uid !== own.uid) return false;
  return [own.gid, ...own.groups].every((id) => id === user.gid || user.groups.includes(id));
}

export async function examinedFolder(
  path: string,
  { uid, gid, mode }: Pick<Stats, 'uid' | 'gid' | 'mode'>,
  ask: AskSystem,
): Promise<WorkFolder> {
  const problem = await ask(path);
  return { path, uid, gid, mode, isOurs: problem === undefined, isFixed: problem === 'EROFS' };
}
