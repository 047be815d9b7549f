import { lstat } from 'node:fs/promises';
import { join, relative, sep } from 'node:path';
import { OrchestrationError, quote } from '../util/errors.js';
import { isInside } from '../util/fs/is-inside.js';
import type { Mount } from './mount.js';

const paths = (text: string): string[] => text.trim().split(/\s+/);

/**
 * The places in the container that make its boundary, and those of the guard's hook. Nothing of the user's may be mounted there
 * or around them.
 */
const TAKEN = [
  ...paths('/proc /sys /dev /etc/claude-code /run/autonomous-orchestration /var/run/autonomous-orchestration'),
  '/workspace/.git',
];
/**
 * The places of the programs that the guard's hook uses. Nothing may be mounted over these places, and nothing writable inside
 * them.
 */
const PROGRAMS =
  paths(`/bin /sbin /lib /lib32 /lib64 /libx32 /usr/bin /usr/sbin /usr/lib /usr/lib32 /usr/lib64 /usr/libx32
  /usr/local/bin /usr/local/sbin /usr/local/lib /etc`);
/**
 * Claude's conversation, which is mounted from the session's folder. Nothing of the user's may be mounted there. The pattern
 * fits the home folder of any user.
 */
const CONVERSATION = /\/\.claude\/projects(\/|$)/;

/** Why nothing of the user's can be mounted at a place in the container. Undefined if it can. */
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
 * Refuses a mount inside another mount, such as one below `/workspace`, if a link is on the way. An agent may have made the
 * link, and the engine follows it to any place in the container, for example to the guard's files.
 *
 * @param further places in the container at which something is mounted that is no folder of the machine
 * @throws OrchestrationError `UNSAFE_MOUNT`
 */
export async function refuseLinkedTargets(mounts: readonly Mount[], further: readonly string[] = []): Promise<void> {
  for (const mount of [...mounts, ...further.map((target) => ({ target }))]) {
    const around = mounts
      .filter((other) => other !== mount && isInside(mount.target, other.target))
      .sort((one, other) => other.target.length - one.target.length)[0];
    if (!around) continue;
    let path = around.source;
    for (const name of relative(around.target, mount.target).split(sep)) {
      path = join(path, name);
      const stats = await lstat(path).catch(() => undefined);
      if (!stats) break; // The engine will make a folder there.
      if (!stats.isSymbolicLink()) continue;
      throw new OrchestrationError(
        'UNSAFE_MOUNT',
        `Mounting to ${quote(mount.target)} is refused: ${quote(path)} is a link on the way. Remove the link, or mount elsewhere.`,
      );
    }
  }
}
