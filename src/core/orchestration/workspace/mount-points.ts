import { lstat } from 'node:fs/promises';
import { join, relative, sep } from 'node:path';
import { WORKSPACE } from '../session/agent-place.js';
import { OrchestrationError, quote, systemCode } from '../util/errors.js';
import { isInside } from '../util/fs/is-inside.js';
import { withLinkFreePaths } from '../util/fs/link-free-paths.js';
import { makeFolder, ownerOf } from '../util/fs/owner.js';

/**
 * Makes the folders of the workspace over which something is mounted. The engine would make them as root, and they stay after the
 * session, in the way of the workspace's owner.
 *
 * @param workspace its real path on the machine
 * @param targets places in the container; those outside of the workspace are left to the engine
 * @throws OrchestrationError `UNSAFE_MOUNT` if a link is on the way
 */
export async function makeMountPoints(workspace: string, targets: readonly string[]): Promise<void> {
  const paths = targets.filter((target) => isInside(target, WORKSPACE)).map((target) => relative(WORKSPACE, target));
  if (paths.length === 0) return;
  const owner = await ownerOf(workspace);
  await withLinkFreePaths(async (linkFree) => {
    for (const path of paths) {
      let folder = workspace;
      for (const name of path.split(sep)) {
        folder = join(folder, name);
        try {
          await makeFolder(linkFree.to(folder), owner);
        } catch (cause) {
          const code = systemCode(cause);
          if (code === 'EEXIST' && (await lstat(linkFree.to(folder))).isDirectory()) continue;
          if (code === 'EACCES' || code === 'EROFS') return; // The engine may be allowed what this process is not.
          throw new OrchestrationError(
            'UNSAFE_MOUNT',
            `Mounting to ${quote(join(WORKSPACE, path))} is refused: ${quote(folder)} is no folder, or a link is on the way to it. Remove it, or mount elsewhere.`,
            { cause },
          );
        }
      }
    }
  });
}
