import { lstat } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { quote } from '../../util/errors.js';
import { ignoreMissing } from '../../util/fs/ignore-missing.js';
import type { GitView } from '../repository/view.js';

/** Git holds the lock of a branch for milliseconds. */
const PATIENCE_MS = 500;
const LOOK_MS = 20;

/**
 * Refuses a branch whose lock file exists, because git cannot make it. A git that was killed leaves such a file.
 *
 * @throws Error
 */
export async function requireUnlocked(
  { layout, paths }: Pick<GitView, 'layout' | 'paths'>,
  branch: string,
): Promise<void> {
  const lock = join(layout.commonDir, `refs/heads/${branch}.lock`);
  for (let waited = 0; await lstat(paths.to(lock)).catch(ignoreMissing); waited += LOOK_MS) {
    if (waited >= PATIENCE_MS) {
      throw new Error(
        `git's lock of the branch exists, ${quote(lock)}: a git that works there right now has made it, or one that was ended. ` +
          'If no git runs in the repository, remove that file',
      );
    }
    await delay(LOOK_MS);
  }
}
