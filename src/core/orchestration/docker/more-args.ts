import type { ContainerOptions, PortOption, UlimitOption } from '../session/container-options.js';
import type { DockerOptions } from '../session/docker-options.js';
import { OrchestrationError, quote } from '../util/errors.js';
import { quoted } from '../util/shell-quote.js';
import { parseNamedMounts } from '../workspace/volumes.js';
import { SYSTEM_PATH } from './system-path.js';

/** The mode of a folder in memory, if the option gives none. */
const TMPFS_MODE = '1777';

/**
 * The flags of `docker run` for the options of `ContainerOptions`.
 *
 * @param owner the user whom folders in memory belong to; undefined if the engine cannot give them to anybody
 */
export function moreArgs(options: Readonly<Partial<DockerOptions>>, owner: Owner | undefined): string[] {
  const { ports = [], extraHosts = {}, shmSize, ulimits = {}, platform, gpus, selinux } = options;
  const { volumes, tmpfs } = parseNamedMounts(options);
  return [
    ...volumes.flatMap(({ name, target, readonly }) => [
      '--mount',
      fields(['type=volume', `source=${name}`, `target=${target}`, ...(readonly ? ['readonly'] : [])]),
    ]),
    // `--mount` takes no owner.
    ...tmpfs.flatMap(({ target, size, mode = TMPFS_MODE }) => [
      '--tmpfs',
      `${target}:${owner ? `uid=${owner.uid},gid=${owner.gid},` : ''}mode=${mode}${size === undefined ? '' : `,size=${size}`}`,
    ]),
    ...ports.flatMap((port) => ['--publish', published(port)]),
    ...Object.entries(extraHosts).flatMap(([name, address]) => ['--add-host', `${name}:${address}`]),
    ...(shmSize === undefined ? [] : ['--shm-size', shmSize]),
    ...Object.entries(ulimits).flatMap(([name, limit]) => ['--ulimit', `${name}=${limited(limit)}`]),
    ...(platform === undefined ? [] : ['--platform', platform]),
    ...(gpus === undefined ? [] : ['--gpus', cards(gpus)]),
    ...(selinux === 'disable' ? ['--security-opt', 'label=disable'] : []),
  ];
}

interface Owner {
  readonly uid: number;
  readonly gid: number;
}

/**
 * Words in front of a container's command which give the folders in memory their modes. Where the image or the workspace has a
 * folder already, the engine gives its mode to the one in memory. The agent's user does this, who owns them: root could be led to
 * other files by a link that an agent puts in the way.
 */
export function tmpfsWords(options: Readonly<Partial<DockerOptions>>): string[] {
  const { tmpfs } = parseNamedMounts(options);
  if (tmpfs.length === 0) return [];
  const changes = tmpfs.map(({ target, mode = TMPFS_MODE }) => `PATH=${SYSTEM_PATH} chmod ${mode} ${quoted(target)}`);
  return ['/bin/sh', '-c', `${changes.join('\n')}\nexec "$@"`, 'sh'];
}

/** The flags for caches. Without `volume-nocopy`, an empty volume would get the owner that its place has in the image. */
export function cacheArgs(caches: readonly { readonly volume: string; readonly target: string }[]): string[] {
  return caches.flatMap(({ volume, target }) => [
    '--mount',
    fields(['type=volume', `source=${volume}`, `target=${target}`, 'volume-nocopy']),
  ]);
}

/** The labels of the user, which come before the library's own. */
export function userLabels({ labels = {} }: Pick<ContainerOptions, 'labels'>): Record<string, string> {
  return { ...labels };
}

/** A bind mount with a label of SELinux. Only `--volume` has such labels. `requireMountable` has refused what it cannot take. */
export function labelledMount(
  { source, target, readonly }: { source: string; target: string; readonly: boolean },
  selinux: 'z' | 'Z',
): string {
  return `${source}:${target}:${readonly ? 'ro,' : ''}${selinux}`;
}

/**
 * Refuses sources of mounts whose paths the docker command cannot take. It would mount another path, or make one that is missing.
 *
 * @throws OrchestrationError `INVALID_OPTIONS`
 */
export function requireMountable(sources: readonly string[], { selinux }: Readonly<Partial<DockerOptions>>): void {
  for (const source of sources) {
    // It reads the values of `--mount` as lines of CSV, and turns these two characters into one.
    if (source.includes('\r\n')) {
      throw new OrchestrationError(
        'INVALID_OPTIONS',
        `${quote(source)} cannot be mounted, because the docker command takes no path with a carriage return and a line feed. Rename it.`,
      );
    }
    if ((selinux === 'z' || selinux === 'Z') && source.includes(':')) {
      throw new OrchestrationError(
        'INVALID_OPTIONS',
        `Option 'docker.selinux': ${quote(source)} cannot get a label, because its path has a colon. Move it, or set 'disable'.`,
      );
    }
  }
}

function published({ container, host, protocol = 'tcp', address = '127.0.0.1' }: PortOption): string {
  const at = address.includes(':') ? `[${address}]` : address;
  return `${at}:${host ?? ''}:${container}/${protocol}`;
}

function limited(limit: number | UlimitOption): string {
  return typeof limit === 'number' ? String(limit) : `${limit.soft}:${limit.hard}`;
}

/** The CLI reads the value as a line of CSV, so a list of cards needs quotes of its own. */
function cards(gpus: NonNullable<ContainerOptions['gpus']>): string {
  return typeof gpus === 'object' ? `"device=${gpus.join(',')}"` : String(gpus);
}

/** `--mount` takes comma-separated values. Values that contain commas, quotes or line ends are quoted. */
export function fields(values: readonly string[]): string {
  return values.map((field) => (/[",\r\n]/.test(field) ? `"${field.replaceAll('"', '""')}"` : field)).join(',');
}
