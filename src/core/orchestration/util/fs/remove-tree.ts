import { execFile } from 'node:child_process';
import { constants } from 'node:fs';
import { access, chmod, lstat, opendir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { systemCode } from '../errors.js';
import { ignoreMissing } from './ignore-missing.js';
import { NotOwn } from './own-file.js';

const run = promisify(execFile);
/** More names than a session leaves in its folder, unless the agent has made some. */
const MOST_NAMES = 1_000;
/** Node.js cannot name what lies in folders that are nested much deeper. */
const DEEPEST = 50;

/**
 * Removes a folder in which an agent may have written. To remove a folder, Node.js holds all its names in memory and needs the
 * path of each. An agent can make millions of names and thousands of nested folders, so such a folder is left to `rm`.
 */
export async function removeTree(path: string): Promise<void> {
  // A failure shows in the next line.
  if (!(await isSmall(path))) await run('rm', ['-rf', '--', path]).catch(() => {});
  await rm(path, { recursive: true, force: true });
}

/**
 * Checks that this process can remove a folder in which an agent has written. If the agent has closed folders of this process's
 * own user, they are opened again. Only the first 1,000 names are looked at.
 *
 * @throws NotOwn if the folder contains files of another user in a folder that only the other user may change
 */
export async function requireRemovable(path: string): Promise<void> {
  const own = process.getuid?.();
  if (own === undefined || own === 0) return;
  let names = 0;
  for (const folders = [path]; ; ) {
    const folder = folders.pop();
    if (folder === undefined) return;
    const stats = await lstat(folder).catch(ignoreMissing);
    if (!stats?.isDirectory()) continue;
    const isOwn = stats.uid === own;
    if (isOwn && (stats.mode & 0o700) !== 0o700) await chmod(folder, 0o700);
    const isOpen = isOwn || ((stats.mode & 0o1000) === 0 && (await mayChange(folder)));
    try {
      for await (const entry of await opendir(folder)) {
        if (!isOpen) throw foreign(folder, stats.uid, own);
        if (entry.isDirectory()) folders.push(join(folder, entry.name));
        if (++names > MOST_NAMES) return;
      }
    } catch (error) {
      throw systemCode(error) === 'EACCES' ? foreign(folder, stats.uid, own) : error;
    }
  }
}

function mayChange(folder: string): Promise<boolean> {
  return access(folder, constants.W_OK | constants.X_OK).then(
    () => true,
    () => false,
  );
}

function foreign(folder: string, uid: number, own: number): NotOwn {
  return new NotOwn(`the files in ${folder} belong to uid ${uid}, and this process runs as uid ${own}`);
}

/** True if a folder contains no more than a session leaves there. */
async function isSmall(path: string): Promise<boolean> {
  let names = 0;
  for (let level = [path], depth = 0; level.length > 0; depth++) {
    if (depth > DEEPEST) return false;
    const next: string[] = [];
    for (const folder of level) {
      try {
        for await (const entry of await opendir(folder)) {
          if (++names > MOST_NAMES) return false;
          if (entry.isDirectory()) next.push(join(folder, entry.name));
        }
      } catch {
        // There is no such folder, or nobody may read it.
      }
    }
    level = next;
  }
  return true;
}
