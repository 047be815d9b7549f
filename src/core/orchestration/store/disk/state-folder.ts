import { mkdir, realpath } from 'node:fs/promises';
import { join } from 'node:path';
import { notWritable } from '../../util/fs/not-writable.js';
import { ifThere, requireOwnFolder } from '../../util/fs/own-file.js';

/**
 * Makes the state folder if there is none. An existing one has to be the user's own, because a person who can write to it
 * decides what later sessions mount and run. The path that leads to the folder, links included, is the user's responsibility.
 * Below the folder, no links are allowed.
 *
 * @returns the folder
 * @throws OrchestrationError `STATE_NOT_WRITABLE`
 */
export async function openStateFolder(folder: string): Promise<string> {
  let path = folder;
  try {
    await mkdir(folder, { recursive: true, mode: 0o700 });
    requireOwnFolder(await realpath(folder));
    for (const name of ['sessions', 'worktrees']) {
      path = join(folder, name);
      ifThere(requireOwnFolder, path);
    }
    return folder;
  } catch (cause) {
    throw notWritable(path, cause);
  }
}
