import type { BigIntStats, Stats } from 'node:fs';
import type { DockerOptions } from '../session/docker-options.js';
import { messageOf, OrchestrationError, quote } from '../util/errors.js';
import { examineInPlace, identityOf, isSame, pinPath } from '../util/fs/pinned-path.js';
import type { CheckedMount, Mount } from './mount.js';
import { parseMounts } from './mounts.js';

/**
 * Records which files and folders the mounts of a container lead to, after everything else about the mounts was checked. The
 * container compares them with what was mounted, so that nobody can replace them in between, see `checkedStart`.
 *
 * @param mounts sources without links; a source that was examined before has to be the same file or folder still
 * @throws OrchestrationError `UNSAFE_MOUNT` if a source is now a link, is gone, or is something else
 */
export async function pinMounts(mounts: readonly (Mount | CheckedMount)[]): Promise<CheckedMount[]> {
  return Promise.all(mounts.map(async (mount) => ({ ...mount, identity: identityOf(await statsOf(mount)) })));
}

/** The uid to whom the source of a mount belongs. @throws OrchestrationError `UNSAFE_MOUNT` if something else is there now */
export async function ownerOfSource(mount: CheckedMount): Promise<number> {
  return Number((await statsOf(mount)).uid);
}

async function statsOf(mount: Mount | CheckedMount): Promise<BigIntStats> {
  const { source } = mount;
  const { path, stats } = await pinPath(source).catch((cause: unknown) => {
    throw moved(source, messageOf(cause), cause);
  });
  if (path !== source) throw moved(source, `it leads to ${quote(path)} now`);
  if ('identity' in mount && !isSame(mount.identity, identityOf(stats)))
    throw moved(source, 'something else is there now');
  return stats;
}

/**
 * Examines a folder that was found without links. Nobody else's folder is examined in its place: a link that is there by now is
 * not followed.
 *
 * @returns undefined if there is nothing
 * @throws OrchestrationError `UNSAFE_MOUNT` if there is a link on the way
 */
export async function folderInPlace(folder: string): Promise<Stats | undefined> {
  const found = await examineInPlace(folder);
  if (found && found.path !== folder) throw moved(folder, `it leads to ${quote(found.path)} now`);
  return found?.stats;
}

/** The user's own paths that a session's options mount: those of the mounts, and the key. */
export function sourcesOf({ mounts = [], ssh }: Pick<Partial<DockerOptions>, 'mounts' | 'ssh'>): string[] {
  return [...parseMounts(mounts).map(({ source }) => source), ...(typeof ssh === 'object' ? [ssh.keyFile] : [])];
}

/**
 * Refuses sources that lead elsewhere than before. When the session was created, links were followed. So a link that is there
 * now is newer, and an agent may have made it.
 *
 * @param found where the sources lead now
 * @param settled where the sources led when the session was created, or when the session that it inherits them from was created
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
