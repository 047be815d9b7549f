import { isAbsolute, normalize } from 'node:path';
import type { TmpfsOption, VolumeOption } from '../session/container-options.js';
import type { DockerOptions } from '../session/docker-options.js';
import { OrchestrationError, quote } from '../util/errors.js';
import { isInside } from '../util/fs/is-inside.js';
import { takenTarget } from './mount-targets.js';
import { parseMounts } from './mounts.js';

/** The beginning of the names of the volumes that hold the library's caches. No session gets one by its name. */
export const CACHE_PREFIX = 'ao-cache-';

/** The volumes and folders in memory of a session, with all defaults filled in. */
export interface NamedMounts {
  readonly volumes: readonly Required<VolumeOption>[];
  readonly tmpfs: readonly TmpfsOption[];
}

/**
 * Reads the options `volumes` and `tmpfs`. Their targets are checked like those of `mounts`.
 *
 * @throws OrchestrationError `INVALID_OPTIONS`
 */
export function parseNamedMounts({ volumes = [], tmpfs = [], mounts = [] }: NamedOptions): NamedMounts {
  const parsed = {
    volumes: volumes.map((volume) => ({ readonly: false, ...volume, target: checked('volumes', volume) })),
    tmpfs: tmpfs.map((folder) => ({ ...folder, target: checked('tmpfs', folder) })),
  };
  const own = volumes.find(({ name }) => name.startsWith(CACHE_PREFIX));
  if (own)
    throw invalid('volumes', `${quote(own.name)} is a cache of the library. Use the option 'caches', or another name`);
  const targets = [
    ...parseMounts(mounts).map(({ target }) => ({ option: 'mounts', target })),
    ...parsed.volumes.map(({ target }) => ({ option: 'volumes', target })),
    ...parsed.tmpfs.map(({ target }) => ({ option: 'tmpfs', target })),
  ];
  for (const [at, { option, target }] of targets.entries()) {
    const earlier = targets.slice(0, at).find((other) => other.target === target);
    if (earlier)
      throw invalid(option, `something else is mounted at ${quote(target)} already (docker.${earlier.option})`);
    // An earlier session may have left a link in the volume, and the engine would follow it to any place in the container.
    const around = parsed.volumes.find((volume) => volume.target !== target && isInside(target, volume.target));
    if (around) throw invalid(option, `${quote(target)} lies in the volume ${quote(around.name)}. Mount beside it`);
  }
  return parsed;
}

type NamedOptions = Pick<Partial<DockerOptions>, 'volumes' | 'tmpfs' | 'mounts'>;

/** The places in the container of a session's volumes and folders in memory. @throws OrchestrationError `INVALID_OPTIONS` */
export function namedTargets(docker: NamedOptions): string[] {
  const { volumes, tmpfs } = parseNamedMounts(docker);
  return [...volumes, ...tmpfs].map(({ target }) => target);
}

/** The places of volumes in the container. */
export function volumeTargets({ volumes = [] }: Pick<Partial<DockerOptions>, 'volumes'>): string[] {
  return volumes.map(({ target }) => normalized(target));
}

function checked(option: string, { target, readonly = false }: { target: string; readonly?: boolean }): string {
  if (!isAbsolute(target)) throw invalid(option, `${quote(target)} is no absolute path`);
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is looked for
  if (/[:\x00-\x1f]/.test(target)) throw invalid(option, `${quote(target)} has ':', NUL or a control character in it`);
  const path = normalized(target);
  const why = takenTarget({ target: path, readonly });
  if (why !== undefined) throw invalid(option, `${quote(target)} ${why}`);
  return path;
}

const normalized = (target: string): string => normalize(target).replace(/\/+$/, '');

/** What the engine says of a volume. */
export interface EngineVolume {
  readonly name: string;
  readonly driver: string;
  readonly options: Readonly<Record<string, string>>;
  readonly labels: Readonly<Record<string, string>>;
  /** When it was made, as the engine writes it. Another volume of the same name has another time. */
  readonly createdAt: string;
}

/**
 * Refuses a volume that may lead to a folder of the machine. The driver `local` mounts any folder and any disk with the option
 * `device`, and other drivers are programs on the machine that may do the same.
 *
 * @throws OrchestrationError `UNSAFE_MOUNT`
 */
export function requireSafeVolume({ name, driver, options }: EngineVolume): void {
  const { type = '', device = '', o = '', ...others } = options;
  const inMemory = type === 'tmpfs' && (device === '' || device === 'tmpfs') && !/\b(bind|rbind|move)\b/.test(o);
  const plain = type === '' && device === '' && o === '';
  // `size` is a quota. What else a later engine may know is not known to be harmless.
  const known = Object.keys(others).every((option) => option === 'size');
  if (driver === 'local' && (plain || inMemory) && known) return;
  const how = driver === 'local' ? `options ${quote(options)}` : `driver ${quote(driver)}`;
  throw new OrchestrationError(
    'UNSAFE_MOUNT',
    `Mounting the volume ${quote(name)} is refused: its ${how} can hand a folder of the machine to the agent. Use a volume ` +
      "without options ('docker volume create'), or set docker.allowUnsafeMounts.",
  );
}

function invalid(option: string, why: string): OrchestrationError {
  return new OrchestrationError('INVALID_OPTIONS', `Option 'docker.${option}': ${why}.`);
}
