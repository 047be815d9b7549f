import { lstat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { quote } from '../../util/errors.js';
import { ignoreMissing } from '../../util/fs/ignore-missing.js';
import { ENTER, permits, refusalToWrite, WRITE } from '../../util/fs/permission.js';
import { quoted } from '../../util/shell-quote.js';
import type { GitView } from '../repository/view.js';

/**
 * Refuses a repository in which this process, or the owner as whom git runs, may not make a worktree.
 *
 * @throws Error
 */
export async function requireRights({ layout, paths, owner }: GitView): Promise<void> {
  const { commonDir } = layout;
  const folders = ['objects', 'refs/heads', 'worktrees'].map((name) => join(commonDir, name));
  for (const wanted of folders) {
    const stats = await lstat(paths.to(wanted)).catch(ignoreMissing);
    const folder = stats ? wanted : dirname(wanted);
    const { uid, gid, mode } = stats ?? (await lstat(paths.to(folder)));
    const refusal = await refusalToWrite(paths.to(folder));
    if (refusal === 'EROFS') {
      throw new Error(`git cannot write to ${quote(folder)}, which is on a file system that is read-only`);
    }
    // Root makes the folder of a worktree itself.
    const isOpen =
      owner && wanted !== join(commonDir, 'worktrees')
        ? permits({ uid, gid, mode }, owner, WRITE | ENTER)
        : refusal === undefined;
    if (isOpen) continue;
    const user = owner?.uid ?? process.getuid?.();
    const [next, command] =
      uid === user ? ['Open it', 'chmod -R u+rwX'] : ['Give it to that user', `sudo chown -R ${user}`];
    throw new Error(
      `uid ${user} may not write to ${quote(folder)}, which belongs to ${uid}:${gid} (mode ${(mode & 0o777).toString(8)}). ` +
        `${next}, for example with: ${command} ${quoted(commonDir)}`,
    );
  }
  if (owner) await requireReachable(commonDir, owner.uid, (stats) => permits(stats, owner, ENTER));
}

/** Git runs as the owner of a repository, so folders above it must not be closed to that user. */
async function requireReachable(
  commonDir: string,
  uid: number,
  isOpen: (stats: { uid: number; gid: number; mode: number }) => boolean,
): Promise<void> {
  for (let folder = dirname(commonDir); folder !== dirname(folder); folder = dirname(folder)) {
    if (isOpen(await lstat(folder))) continue;
    throw new Error(
      `uid ${uid}, who owns the repository, may not enter ${quote(folder)} above it. ` +
        `Open it with 'chmod o+x', or move the repository`,
    );
  }
}
