import type { DockerOptions } from '../session/docker-options.js';
import { messageOf, OrchestrationError, quote } from '../util/errors.js';
import { identityOf, isSame, pinPath } from '../util/fs/pinned-path.js';
import type { CheckedMount, Mount } from './mount.js';
import { parseMounts } from './mounts.js';

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
      if (path !== source) throw moved(source, `it leads to ${quote(path)} now`);
      const identity = identityOf(stats);
      if ('identity' in mount && !isSame(mount.identity, identity)) throw moved(source, 'something else is there now');
      return { ...mount, identity };
    }),
  );
}

/** The paths of the user's that a session's options mount: those of its mounts, and its key. */
export function sourcesOf({ mounts = [], ssh }: Pick<Partial<DockerOptions>, 'mounts' | 'ssh'>): string[] {
  return [...parseMounts(mounts).map(({ source }) => source), ...(typeof ssh === 'object' ? [ssh.keyFile] : [])];
}

/**
 * Refuses sources that lead elsewhere than they did. Links that were there when a session was created were followed then,
 * so that one that is there now has come since: an agent may have made it.
 *
 * @param found where they lead now
 * @param settled where they led when the session was created, or the one that it inherits them from
 * @throws OrchestrationError `UNSAFE_MOUNT`
 */
export function refuseRedirected(found: readonly string[], settled: readonly string[]): void {
  found.forEach((source, index) => {
    if (settled[index] !== source) throw moved(settled[index] ?? source, `it leads to ${quote(source)} now`);
  });
}

function moved(source: string, why: string, cause?: unknown): OrchestrationError {
  return new OrchestrationError(
    'UNSAFE_MOUNT',
    `Mounting ${quote(source)} is refused: ${why}, and it was something else when it was checked. Look at what moved it, then create the session again.`,
    { cause },
  );
}
