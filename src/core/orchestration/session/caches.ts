/** The package managers whose caches are known: where they keep them, and how they are told. */
export const PACKAGE_MANAGERS = ['npm', 'pnpm', 'yarn', 'pip', 'uv', 'cargo', 'go'] as const;
export type PackageManager = (typeof PACKAGE_MANAGERS)[number];

/** A folder of the container that the next session of the same repository finds again. */
export interface CacheOption {
  /** A package manager, or a name of your own: lower-case letters, digits and `-`. */
  name: string;
  /** An absolute path in the container. Needed for a name of your own. Default for a package manager: a folder of the library. */
  target?: string;
  /** How much the cache may hold, in bytes. If it holds more after a session, it is emptied. Default 5 GiB. */
  maxBytes?: number;
}

/** A cache with all defaults filled in. */
export interface SessionCache extends Readonly<Required<CacheOption>> {
  /** The variables that tell the package manager. */
  readonly env: Readonly<Record<string, string>>;
}

const PLACE = '/var/cache/autonomous-orchestration';
const DEFAULT_BYTES = 5 * 1024 ** 3;

/** The variables of the package managers, each with the folder that it names. */
const VARIABLES: Readonly<Record<PackageManager, Readonly<Record<string, string>>>> = {
  npm: { npm_config_cache: '' },
  // Release 11 reads only the second one.
  pnpm: { npm_config_store_dir: '', pnpm_config_store_dir: '' },
  // Release 1 reads the first one, later releases read both.
  yarn: { YARN_CACHE_FOLDER: '/cache', YARN_GLOBAL_FOLDER: '/global' },
  pip: { PIP_CACHE_DIR: '' },
  uv: { UV_CACHE_DIR: '' },
  cargo: { CARGO_HOME: '' },
  go: { GOMODCACHE: '/mod', GOCACHE: '/build' },
};

export function isPackageManager(name: string): name is PackageManager {
  return (PACKAGE_MANAGERS as readonly string[]).includes(name);
}

/** @param option a custom name has a target, which the check of the options ensures */
export function sessionCache(option: string | CacheOption): SessionCache {
  const {
    name,
    target = `${PLACE}/${name}`,
    maxBytes = DEFAULT_BYTES,
  } = typeof option === 'string' ? { name: option } : option;
  const variables = isPackageManager(name) ? VARIABLES[name] : {};
  const env = Object.fromEntries(Object.entries(variables).map(([variable, below]) => [variable, target + below]));
  return { name, target, maxBytes, env };
}
