import { messageOf, OrchestrationError, shown } from '../errors.js';
import type { CheckedMount, Mount } from './mounts.js';
import { type FileIdentity, identityOf, pinPath } from './pinned-path.js';

/**
 * Takes down what the mounts of a container lead to, after everything else about them was checked. The container compares
 * it with what it was given, so that nothing can be put in its place in between, see `checkedStart`.
 *
 * @param mounts sources without links; those that were looked at before have to be the same still
 * @throws OrchestrationError `UNSAFE_MOUNT` where a source is a link now, is gone, or is something else
 */
export async function pinMounts(mounts: readonly (Mount | CheckedMount)[]): Promise<CheckedMount[]> {
  return Promise.all(
    mounts.map(async (mount) => {
      const { source } = mount;
      const { path, stats } = await pinPath(source).catch((cause: unknown) => {
        throw moved(source, messageOf(cause), cause);
      });
      if (path !== source) throw moved(source, `it leads to ${shown(path)} now`);
      const identity = identityOf(stats);
      if ('identity' in mount && !isSame(mount.identity, identity)) throw moved(source, 'something else is there now');
      return { ...mount, identity };
    }),
  );
}

function isSame(one: FileIdentity, other: FileIdentity): boolean {
  return one.dev === other.dev && one.ino === other.ino;
}

function moved(source: string, why: string, cause?: unknown): OrchestrationError {
  return new OrchestrationError(
    'UNSAFE_MOUNT',
    `Mounting ${shown(source)} is refused: ${why}, and it was something else when it was checked. Look at what moved it, then create the session again.`,
    { cause },
  );
}
