import { realpath, stat } from 'node:fs/promises';
import { OrchestrationError, quote } from '../util/errors.js';

/**
 * The real path of a workspace.
 *
 * @throws OrchestrationError `WORKSPACE_NOT_FOUND`
 */
export async function resolveWorkspace(cwd: string): Promise<string> {
  const problem = (why: string, cause?: unknown): OrchestrationError =>
    new OrchestrationError('WORKSPACE_NOT_FOUND', `Option 'cwd' (${quote(cwd)}) ${why}. Give an existing folder.`, {
      cause,
    });
  const path = await realpath(cwd).catch((cause: unknown) => {
    throw problem('does not exist', cause);
  });
  if (!(await stat(path)).isDirectory()) throw problem('is not a folder');
  return path;
}

/** The user that the containers of an image run as. */
export interface ImageUser {
  readonly uid: number;
  readonly gids: readonly number[];
}

/**
 * Makes sure that the image's user can write to a folder of the machine. Containers run without capabilities, so uid 0 needs
 * permission like any other user.
 *
 * @throws OrchestrationError `WORKSPACE_NOT_WRITABLE`
 */
export async function checkWritable(folder: string, image: string, { uid, gids }: ImageUser): Promise<void> {
  const { mode, uid: owner, gid } = await stat(folder);
  const bits = owner === uid ? mode >> 6 : gids.includes(gid) ? mode >> 3 : mode;
  if ((bits & 0o3) === 0o3) return;
  throw new OrchestrationError(
    'WORKSPACE_NOT_WRITABLE',
    `${quote(folder)} belongs to ${owner}:${gid} (mode ${(mode & 0o777).toString(8)}) and cannot be written by uid ${uid}, ` +
      `the user of image '${image}'. Change its owner or mode, or set docker.user to '${owner}:${gid}'. If that user has no home folder in the image, set HOME in the image, too.`,
  );
}
