import { MOUNTS_DIFFER, MOUNTS_REFUSED } from '../session/mounts-refused.js';
import { quoted } from '../util/shell-quote.js';
import type { CheckedMount } from '../workspace/mount.js';
import type { Preparation } from './home-preparation.js';
import { SYSTEM_PATH } from './system-path.js';

/**
 * The entrypoint and command of a container, preceded by a check of its mounts.
 *
 * There is a moment between our check of a mount and the mounting by the engine. In this moment, an agent that can write to a
 * folder on the way can put a link there. So the container compares device and inode of every mount with those that were
 * checked, before anything else runs in it. From then on, a mount stays the same, whatever happens to the path that it came
 * from.
 *
 * If the engine's kernel is not the kernel of this process, as with Docker Desktop, device and inode say nothing. In that case
 * they differ for `canary`, too, and then nothing else is compared.
 *
 * @param canary one of the mounts, whose source no agent can reach
 * @param preparation what root does between the check and the command, if the command gets another user than the container
 */
export function checkedStart(
  mounts: readonly CheckedMount[],
  canary: CheckedMount,
  command: readonly string[],
  preparation?: Preparation,
): { entrypoint: string; args: string[] } {
  const compared = [canary, ...mounts];
  // If one of the mounts cannot be examined, nothing is started either.
  const script = `
refuse() {
  echo '${MOUNTS_REFUSED}' >&2
  exit ${MOUNTS_DIFFER}
}
seen=$(PATH=${SYSTEM_PATH} stat -c %d:%i -- ${compared.map(({ target }) => quoted(target)).join(' ')}) || refuse
if [ "$seen" != ${quoted(compared.map(identity).join('\n'))} ]; then
  case $seen in ${quoted(`${identity(canary)}\n`)}*) refuse ;; esac
fi${preparation?.script ?? ''}
exec "$@"`;
  return { entrypoint: '/bin/sh', args: ['-c', script, 'sh', ...(preparation?.become ?? []), ...command] };
}

function identity({ identity: { dev, ino } }: CheckedMount): string {
  return `${dev}:${ino}`;
}
