import { lstat } from 'node:fs/promises';
import { join, relative, sep } from 'node:path';
import { OrchestrationError, quote } from '../util/errors.js';
import { isInside } from '../util/fs/is-inside.js';
import type { Mount } from './mount.js';

const paths = (text: string): string[] => text.trim().split(/\s+/);

/** Where the container keeps what makes its boundary, and the guard its hook: nothing of the user's there, or around it. */
const TAKEN = [
  ...paths('/proc /sys /dev /etc/claude-code /run/autonomous-orchestration /var/run/autonomous-orchestration'),
  '/workspace/.git',
];
/** Where the programs are that the guard's hook is made of: nothing in their place, and nothing writable among them. */
const PROGRAMS =
  paths(`/bin /sbin /lib /lib32 /lib64 /libx32 /usr/bin /usr/sbin /usr/lib /usr/lib32 /usr/lib64 /usr/libx32
  /usr/local/bin /usr/local/sbin /usr/local/lib /etc`);
/** Claude's conversation, which is mounted from the session's folder: nothing of the user's in it, whoever the user is. */
const CONVERSATION = /\/\.claude\/projects(\/|$)/;

/** Why nothing of the user's can be mounted at a place in the container; undefined where it can. */
export function takenTarget({ target, readonly }: Pick<Mount, 'target' | 'readonly'>): string | undefined {
  if (target === '' || target === '/workspace') return 'cannot replace / or /workspace in the container';
  const taken = TAKEN.find((path) => isInside(target, path) || isInside(path, target));
  if (taken !== undefined)
    return `would cover ${taken} in the container, or a part of it, which the session needs as it is; mount elsewhere`;
  if (CONVERSATION.test(target)) return "would cover Claude's conversation in the container; mount elsewhere";
  const programs = PROGRAMS.find((path) => isInside(path, target) || (!readonly && isInside(target, path)));
  if (programs === undefined) return undefined;
  return `would cover ${programs} in the container, or make a part of it writable, where the guard's programs are; mount elsewhere, or a single file read-only`;
}

/**
 * Refuses a mount into another one, such as one below `/workspace`, where a link is on the way: an agent may have made it,
 * and the engine follows it to wherever it leads in the container, the guard's files for example.
 *
 * @throws OrchestrationError `UNSAFE_MOUNT`
 */
export async function refuseLinkedTargets(mounts: readonly Mount[]): Promise<void> {
  for (const mount of mounts) {
    const around = mounts
      .filter((other) => other !== mount && isInside(mount.target, other.target))
      .sort((one, other) => other.target.length - one.target.length)[0];
    if (!around) continue;
    let path = around.source;
    for (const name of relative(around.target, mount.target).split(sep)) {
      path = join(path, name);
      const stats = await lstat(path).catch(() => undefined);
      if (!stats) break; // The engine makes a folder there.
      if (!stats.isSymbolicLink()) continue;
      throw new OrchestrationError(
        'UNSAFE_MOUNT',
        `Mounting to ${quote(mount.target)} is refused: ${quote(path)} is a link on the way. Remove the link, or mount elsewhere.`,
      );
    }
  }
}
