import { MOUNTS_DIFFER, MOUNTS_REFUSED } from '../session/outcome.js';
import { quoted } from '../util/shell-quote.js';
import type { CheckedMount } from '../workspace/mount.js';

/** Where the shell looks for `stat`; the session's own PATH may begin in its workspace. */
const SYSTEM_PATH = '/usr/local/bin:/usr/bin:/bin';

/**
 * A container's entrypoint and command, behind a check of what is mounted.
 *
 * Between the moment when a mount is checked and the moment when the engine mounts it, an agent that can write to a folder
 * on the way can put a link there. So the container compares device and inode of every mount with what was checked, before
 * anything else runs in it. A mount stays what it is from then on, whatever is done to the path that it came from.
 *
 * Where the engine's kernel is another one than this process's, as with Docker Desktop, device and inode tell nothing. That
 * is so where they differ for `canary`, and then nothing else is compared.
 *
 * @param canary one of the mounts, whose source no agent can reach
 */
export function checkedStart(
  mounts: readonly CheckedMount[],
  canary: CheckedMount,
  command: readonly string[],
): { entrypoint: string; args: string[] } {
  const compared = [canary, ...mounts];
  // Nothing is to start, either, where one of them cannot be looked at.
  const script = `
refuse() {
  echo '${MOUNTS_REFUSED}' >&2
  exit ${MOUNTS_DIFFER}
}
seen=$(PATH=${SYSTEM_PATH} stat -c %d:%i -- ${compared.map(({ target }) => quoted(target)).join(' ')}) || refuse
if [ "$seen" != ${quoted(compared.map(identity).join('\n'))} ]; then
  case $seen in ${quoted(`${identity(canary)}\n`)}*) refuse ;; esac
fi
exec "$@"`;
  return { entrypoint: '/bin/sh', args: ['-c', script, 'sh', ...command] };
}

function identity({ identity: { dev, ino } }: CheckedMount): string {
  return `${dev}:${ino}`;
}
