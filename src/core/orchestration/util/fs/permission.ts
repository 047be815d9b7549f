import { access, constants } from 'node:fs/promises';
import { systemCode } from '../errors.js';

/** What may be done with a file or a folder, as bits of its mode. To make files in a folder takes `WRITE | ENTER`. */
export const READ = 0o4;
export const WRITE = 0o2;
export const ENTER = 0o1;

/** Whose a file is, and what its mode says. */
export interface FileRights {
  readonly uid: number;
  readonly gid: number;
  readonly mode: number;
}

/**
 * True if a mode lets a user do all that is wanted. An access control list does not count, and uid 0 needs permission like any
 * other user, as in a container without capabilities.
 *
 * @param user `groups` are further groups of the user
 * @param wanted some of `READ`, `WRITE` and `ENTER`
 */
export function permits(
  file: FileRights,
  { uid, gid, groups = [] }: { uid: number; gid: number; groups?: readonly number[] },
  wanted: number,
): boolean {
  const shift = file.uid === uid ? 6 : file.gid === gid || groups.includes(file.gid) ? 3 : 0;
  return ((file.mode >> shift) & wanted) === wanted;
}

/** Why this process cannot make files in a folder, as the code of the system: `EROFS` where nobody can. Undefined if it can. */
export function refusalToWrite(folder: string): Promise<string | undefined> {
  return access(folder, constants.W_OK | constants.X_OK).then(
    () => undefined,
    (error) => systemCode(error) ?? 'EACCES',
  );
}
