import { realpath } from 'node:fs/promises';
import { isAbsolute, normalize, sep } from 'node:path';
import type { MountOption } from '../docker/docker-options.js';
import { OrchestrationError, shown } from '../errors.js';
import { isWithin } from '../files/is-within.js';

/** A bind mount with nothing left open. */
export type Mount = Required<MountOption>;

/** Host paths that no container may get hold of. */
export interface ProtectedPaths {
  home: string;
  /** Where engines listen. */
  engineSockets: readonly string[];
  /** Where the sessions' logs and records are. */
  stateDir: string;
}

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
      throw invalid(mount, "reads 'host:container[:ro]', and no path may have ':' in it");
    }
    return checked({ source, target, readonly: mode === 'ro' }, mount);
  });
}

/** Where in the container they are. Mounts that cannot be read are refused when the container is planned. */
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
  if (target === '' || target === '/workspace') throw invalid(given, 'cannot replace / or /workspace in the container');
  return { ...mount, target };
}

/**
 * Follows links in the sources of mounts and refuses those that would hand the host to the agent, as well as sources
 * that are not there (Docker's `-v` would create them).
 *
 * @param allowUnsafe lets the engine's socket, `/` and the home folder pass
 * @throws OrchestrationError `INVALID_OPTIONS`, `UNSAFE_MOUNT`
 */
export async function resolveMounts(
  mounts: readonly Mount[],
  paths: ProtectedPaths,
  allowUnsafe: boolean,
): Promise<Mount[]> {
  return Promise.all(
    mounts.map(async (mount) => {
      const source = await realpath(mount.source).catch((cause: unknown) => {
        throw invalid(mount.source, 'does not exist on the host; create it first', cause);
      });
      if (!allowUnsafe) await refuseUnsafe(source, mount.source, paths);
      return { ...mount, source };
    }),
  );
}

/** @throws OrchestrationError `UNSAFE_MOUNT` */
export async function refuseUnsafe(source: string, given: string, paths: ProtectedPaths): Promise<void> {
  const real = async (path: string): Promise<string> => realpath(path).catch(() => path);
  const home = await real(paths.home);
  const stateDir = await real(paths.stateDir);
  const sockets = await Promise.all(paths.engineSockets.map(real));
  const why =
    (sockets.some((socket) => isWithin(socket, source)) &&
      "holds the Docker engine's socket, which is root on the host") ||
    (source.endsWith(`${sep}docker.sock`) && "is a Docker engine's socket, which is root on the host") ||
    (source === sep && 'is the whole host') ||
    (isWithin(home, source) && 'holds the home folder, with its keys and start-up scripts') ||
    (isWithin(stateDir, source) && "holds this library's stateDir, with other sessions' logs") ||
    (isWithin(source, stateDir) && "lies in this library's stateDir, with other sessions' logs");
  if (!why) return;
  throw new OrchestrationError(
    'UNSAFE_MOUNT',
    `Mounting ${shown(given)} is refused: it ${why}. Mount a folder below it, or set docker.allowUnsafeMounts.`,
  );
}

function invalid(given: unknown, why: string, cause?: unknown): OrchestrationError {
  return new OrchestrationError('INVALID_OPTIONS', `Option 'docker.mounts': ${shown(given)} ${why}.`, { cause });
}
