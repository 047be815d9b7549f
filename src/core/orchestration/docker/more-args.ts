import type { ContainerOptions, PortOption, UlimitOption } from '../session/container-options.js';
import type { DockerOptions } from '../session/docker-options.js';
import { OrchestrationError, quote } from '../util/errors.js';
import { parseNamedMounts } from '../workspace/volumes.js';

/** The flags of `docker run` for the options of `ContainerOptions`. */
export function moreArgs(options: Readonly<Partial<DockerOptions>>): string[] {
  const { ports = [], extraHosts = {}, shmSize, ulimits = {}, platform, gpus, selinux } = options;
  const { volumes, tmpfs } = parseNamedMounts(options);
  return [
    ...volumes.flatMap(({ name, target, readonly }) => [
      '--mount',
      fields(['type=volume', `source=${name}`, `target=${target}`, ...(readonly ? ['readonly'] : [])]),
    ]),
    ...tmpfs.flatMap(({ target, size, mode }) => [
      '--mount',
      fields([
        'type=tmpfs',
        `target=${target}`,
        ...(size === undefined ? [] : [`tmpfs-size=${size}`]),
        ...(mode === undefined ? [] : [`tmpfs-mode=${mode}`]),
      ]),
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
