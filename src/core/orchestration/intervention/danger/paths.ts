import type { DangerContext } from './danger.js';
import { baseName, isWithin } from './shell/path.js';
import { ANY, CHARACTER, couldBe, isKnown, SEGMENT } from './shell/value.js';

/** Folders that tools make again by themselves, so that nothing is lost with them. `build` is not one: many repositories keep sources there. */
const REGENERATED = new Set(
  `node_modules bower_components dist coverage htmlcov target __pycache__ tmp temp .tmp .temp .cache .next .nuxt .output
   .turbo .vite .parcel-cache .svelte-kit .astro .angular .docusaurus .nyc_output .pytest_cache .mypy_cache .ruff_cache
   .hypothesis .tox .nox .eggs .gradle .dart_tool .terragrunt-cache .serverless .webpack .rollup.cache .eslintcache
   .stryker-tmp test-results playwright-report storybook-static site-packages .venv venv DerivedData CMakeFiles
   cmake-build-debug cmake-build-release out-tsc dist-ssr .yalc .ipynb_checkpoints .sass-cache .jest-cache`.split(
    /\s+/,
  ),
);

/** Where the build of a project usually goes, if it is one that the same command line makes again. */
const REBUILT = new Set(['build', 'out', 'lib', 'bin', 'obj', 'public', 'vendor', 'generated', '_build']);

const FILE_EXTENSION =
  /[^.]\.(?:[cm]?[jt]sx?|json|jsonl|map|tsbuildinfo|md|txt|log|csv|html?|css|scss|py|pyc|rs|go|[ch]|cpp|hpp|o|so|class|jar|wasm|lock|ya?ml|toml|xml|png|jpe?g|svg|gif|pdf|bak|orig|swp|t?gz|zip|tar|sqlite3?|db)$/;

const SYSTEM_FOLDERS = [
  'bin',
  'boot',
  'dev',
  'etc',
  'lib',
  'lib32',
  'lib64',
  'proc',
  'root',
  'sbin',
  'sys',
  'usr',
  'run',
];
const SYSTEM_STATE = ['/var/lib', '/var/spool', '/var/run', '/System', '/Library', '/Windows', '/mnt/c/Windows'];

/** What the guard itself lives in. */
const GUARD_FOLDERS = ['/etc/claude-code', '/run/autonomous-orchestration'];

const TEMPORARY_FOLDERS = ['/tmp', '/var/tmp', '/dev/shm', '/private/tmp'];

/** Devices that take any text without harm. */
const HARMLESS_DEVICE =
  /^\/dev\/(null|zero|full|random|urandom|tty\w*|pts\/.*|ptmx|stdin|stdout|stderr|fd\/.*|shm\/.*|tcp\/.*|udp\/.*)$/;

/** What a path means to an agent in its workspace. Paths are absolute, as `resolvePath` makes them. */
export class Places {
  readonly workspace: string;
  readonly home: string;

  constructor({ workspace, home }: DangerContext) {
    this.workspace = workspace.replace(/(?<=.)\/+$/, '');
    this.home = (home ?? '/home/agent').replace(/(?<=.)\/+$/, '');
  }

  /** Nobody can tell where it leads. */
  isUnknown(path: string): boolean {
    return path.startsWith(ANY);
  }

  isInWorkspace(path: string): boolean {
    return isWithin(path, this.workspace);
  }

  /** Below a folder for temporary files, but not such a folder itself. */
  isTemporary(path: string): boolean {
    if (this.isInWorkspace(path)) return false;
    return TEMPORARY_FOLDERS.some((folder) => path !== folder && isWithin(path, folder));
  }

  /** In a folder that a tool makes again, inside the workspace or wherever an unknown folder is. */
  isRegenerated(path: string): boolean {
    const inside = this.#belowWorkspace(path);
    if (inside === undefined) return false;
    return inside.some((segment) => REGENERATED.has(segment) || segment.endsWith('.egg-info'));
  }

  isRebuilt(path: string): boolean {
    return this.#belowWorkspace(path)?.some((segment) => REBUILT.has(segment)) ?? false;
  }

  /** A name that folders seldom have. */
  isFileName(path: string): boolean {
    return FILE_EXTENSION.test(baseName(path));
  }

  /** A folder of the system, or one that may be one. */
  isSystem(path: string): boolean {
    if (path === '/' || path === `/${SEGMENT}`) return true;
    if (this.isTemporary(path) || isWithin(path, '/dev/shm') || HARMLESS_DEVICE.test(path)) return false;
    if (this.isInWorkspace(path) || isWithin(path, this.home)) return false;
    const [, first = ''] = path.split('/', 2);
    if (SYSTEM_FOLDERS.includes(first)) return path.startsWith('/');
    return SYSTEM_STATE.some((folder) => isWithin(path, folder));
  }

  isOutside(path: string): boolean {
    if (this.isUnknown(path) || this.isInWorkspace(path) || this.isTemporary(path)) return false;
    return !HARMLESS_DEVICE.test(path) && !TEMPORARY_FOLDERS.includes(path);
  }

  isGuard(path: string): boolean {
    return GUARD_FOLDERS.some((folder) => isWithin(path, folder) || (!isKnown(path) && couldBeWithin(path, folder)));
  }

  /** Claude Code's own settings, the user's or the project's: hooks and permissions are in them. */
  isAgentSettings(path: string): boolean {
    const segments = path.split('/');
    const folder = segments.lastIndexOf('.claude');
    if (folder < 0) return baseName(path) === '.claude.json';
    const rest = segments.slice(folder + 1);
    return /^(settings(\.\w+)?\.json|hooks|plugins)$/.test(rest[0] ?? '') || rest.length === 0;
  }

  /** What a shell, a login or a scheduler runs by itself. */
  isStartup(path: string): boolean {
    const inHome = /^(\/root|\/home\/[^/]+|\/Users\/[^/]+)\//.test(path) || isWithin(path, this.home);
    if (!inHome) return false;
    return (
      /\/\.(bashrc|bash_profile|bash_login|bash_logout|bash_aliases|profile|zshrc|zshenv|zprofile|zlogin|kshrc|cshrc|tcshrc|inputrc|vimrc|gitconfig|npmrc|pypirc|netrc)$/.test(
        path,
      ) ||
      /\/\.(ssh|gnupg|aws|kube|docker)(\/|$)/.test(path) ||
      /\/\.config\/(autostart|systemd|git|fish)\//.test(path)
    );
  }

  /** A disk or another device that writing destroys. */
  isDevice(path: string): boolean {
    return (path.startsWith('/dev/') && !HARMLESS_DEVICE.test(path)) || /^\/proc\/(sysrq-trigger|kcore)$/.test(path);
  }

  #belowWorkspace(path: string): readonly string[] | undefined {
    if (this.isUnknown(path)) return path.split('/').slice(1);
    if (!this.isInWorkspace(path)) return undefined;
    return path.slice(this.workspace.length).split('/').slice(1);
  }
}

/** Whether a pattern with something known in it may reach into a folder. */
function couldBeWithin(path: string, folder: string): boolean {
  const segments = path.split('/');
  const names = folder.split('/');
  if (segments.length < names.length) return false;
  return names.every((name, index) => couldBeName(segments[index] ?? '', name));
}

/** Whether a segment is a name, or a pattern that was made to look like it: `id_*`, but not `*`. */
export function couldBeName(segment: string, name: string): boolean {
  if (segment === name) return true;
  if (isKnown(segment)) return false;
  return knownCharacters(segment) >= 2 && couldBe(segment, name);
}

/** Without lists of characters: this is asked for every name on the list, for every argument. */
function knownCharacters(segment: string): number {
  let known = 0;
  for (let at = 0; at < segment.length; at++) {
    const character = segment[at];
    if (character !== ANY && character !== SEGMENT && character !== CHARACTER) known++;
  }
  return known;
}
