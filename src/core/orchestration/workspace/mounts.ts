import { isAbsolute, normalize } from 'node:path';
import type { MountOption } from '../session/docker-options.js';
import { messageOf, OrchestrationError, quote, systemCode } from '../util/errors.js';
import { identityOf, pinPath } from '../util/fs/pinned-path.js';
import type { CheckedMount, Mount } from './mount.js';
import { takenTarget } from './mount-targets.js';
import type { ProtectedMachine } from './protected-machine.js';
import { UnsafeSources } from './unsafe-source.js';

/**
 * Reads the `mounts` option.
 *
 * @throws OrchestrationError `INVALID_OPTIONS`
 */
export function parseMounts(mounts: readonly (string | MountOption)[]): Mount[] {
  return mounts.map((mount) => {
    if (typeof mount !== 'string') return checked({ readonly: false, ...mount }, mount);
    const [source = '', target = '', mode = 'rw', ...rest] = mount.split(':');
    if (rest.length > 0 || (mode !== 'ro' && mode !== 'rw')) {
      throw invalid(mount, "must have the form 'source:target[:ro]', and a path must not contain ':'");
    }
    return checked({ source, target, readonly: mode === 'ro' }, mount);
  });
}

/**
 * The mounts' places in the container. Mounts that cannot be parsed are left out here; they are refused when the container is
 * planned.
 */
export function mountTargets(mounts: readonly (string | MountOption)[]): string[] {
  try {
    return parseMounts(mounts).map(({ target }) => target);
  } catch {
    return [];
  }
}

function checked(mount: Mount, given: unknown): Mount {
  for (const path of [mount.source, mount.target]) {
    if (!isAbsolute(path)) throw invalid(given, 'needs absolute paths on both sides');
    // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is looked for
    if (/[:\x00-\x1f]/.test(path)) throw invalid(given, "has ':', NUL or a control character in a path");
  }
  const target = normalize(mount.target).replace(/\/+$/, '');
  const why = takenTarget({ ...mount, target });
  if (why !== undefined) throw invalid(given, why);
  return { ...mount, target };
}

/**
 * Follows links in the sources of mounts. Refuses sources that would hand over the machine, and sources that do not exist
 * (Docker's `-v` would create them).
 *
 * @param allowUnsafe accepts everything that docs/security.md lists
 * @throws OrchestrationError `INVALID_OPTIONS`, `UNSAFE_MOUNT`
 */
export async function resolveMounts(
  mounts: readonly Mount[],
  machine: ProtectedMachine,
  allowUnsafe: boolean,
): Promise<CheckedMount[]> {
  const unsafe = allowUnsafe ? undefined : new UnsafeSources(machine);
  return Promise.all(
    mounts.map(async (mount) => {
      const source = await pinPath(mount.source, { withMount: true }).catch((cause: unknown) => {
        if (systemCode(cause) === undefined) throw refused(mount.source, messageOf(cause), cause);
        throw invalid(mount.source, 'does not exist on the machine; create it first', cause);
      });
      const why = await unsafe?.why({ source, given: mount.source, readonly: mount.readonly });
      if (why !== undefined) throw refused(mount.source, `it ${why}`);
      return { ...mount, source: source.path, identity: identityOf(source.stats) };
    }),
  );
}

/**
 * Refuses to make a worktree in a place from which it could not be mounted afterwards.
 *
 * @throws OrchestrationError `UNSAFE_MOUNT`
 */
export async function refuseUnsafeWorktree(path: string, machine: ProtectedMachine): Promise<void> {
  const why = await new UnsafeSources(machine).whyNew(path);
  if (why !== undefined) throw refused(path, `the worktree ${why}`);
}

function refused(given: string, why: string, cause?: unknown): OrchestrationError {
  return new OrchestrationError(
    'UNSAFE_MOUNT',
    `Mounting ${quote(given)} is refused: ${why}. Mount a folder that holds only what the agent needs, or set docker.allowUnsafeMounts.`,
    { cause },
  );
}

function invalid(given: unknown, why: string, cause?: unknown): OrchestrationError {
  return new OrchestrationError('INVALID_OPTIONS', `Option 'docker.mounts': ${quote(given)} ${why}.`, { cause });
}
