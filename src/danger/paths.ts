import { credentialKind } from './credentials.js';
import type { DangerContext, IgnoredPaths } from './danger.js';
import { couldBeName } from './name-pattern.js';
import { baseName, isWithin } from './shell/path.js';
import { ANY, isKnown, SEGMENT } from './shell/value.js';

/** Folders that tools make again by themselves. Nothing is lost when they are deleted. */
const REGENERATED = new Set(
  `node_modules bower_components dist coverage htmlcov target __pycache__ tmp temp .tmp .temp .cache .next .nuxt .output
   .turbo .vite .parcel-cache .svelte-kit .astro .angular .docusaurus .nyc_output .pytest_cache .mypy_cache .ruff_cache
   .hypothesis .tox .nox .eggs .gradle .dart_tool .terragrunt-cache .serverless .webpack .rollup.cache .eslintcache
   .stryker-tmp test-results playwright-report storybook-static site-packages .venv venv DerivedData CMakeFiles
   cmake-build-debug cmake-build-release out-tsc dist-ssr .yalc .ipynb_checkpoints .sass-cache .jest-cache _build .build
   generated __generated__ dist-newstyle .stack-work elm-stuff .swc .expo Pods .coverage`.split(/\s+/),
);

/** Folders in the home folder that programs fill again. */
const CACHES = ['.cache', '.npm/_cacache', '.npm/_npx', '.gradle/caches', 'Library/Caches'];

/** Folders that a build makes. Below a folder of sources, such a folder is a part of the program. */
const BUILT = new Set(['build', 'out', 'obj']);
const SOURCES = new Set(`src source sources scripts tools internal pkg cmd test tests spec docs`.split(' '));

/** Folders that hold build output in some projects, and sources in others. */
const REBUILT = new Set(['lib', 'bin', 'public', 'vendor', 'build', 'out', 'obj']);
/** The folders of REBUILT that hold either sources or build output, but never uploads or other data. */
const REBUILT_PARTS = new Set(['lib', 'bin', 'vendor']);

/** Names of secret files and folders. They stay protected although the repository ignores them. */
const SECRET_NAME =
  /^\.env|^\.(ssh|gnupg|aws|kube|azure|docker)$|secret|credential|private|passw|(^|[._-])(keys?|certs?|tokens?)$/i;

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

/** Folders of the session's guard. */
const GUARD_FOLDERS = ['/etc/claude-code', '/run/autonomous-orchestration'];

const TEMPORARY_FOLDERS = ['/tmp', '/var/tmp', '/dev/shm', '/private/tmp'];

/** Devices that take any text without harm. */
const HARMLESS_DEVICE =
  /^\/dev\/(null|zero|full|random|urandom|tty\w*|pts\/.*|ptmx|stdin|stdout|stderr|fd\/.*|shm\/.*|tcp\/.*|udp\/.*)$/;

/** What a path means to an agent in its workspace. Paths are absolute, as `resolvePath` makes them. */
export class Places {
  readonly workspace: string;
  readonly cwd: string;
  readonly home: string;

  readonly #ignored: IgnoredPaths;

  readonly #mounts: readonly string[];

  constructor({ workspace, cwd = workspace, home, ignored = () => false, mounts = [] }: DangerContext) {
    this.#ignored = ignored;
    this.#mounts = mounts;
    this.workspace = workspace.replace(/(?<=.)\/+$/, '');
    this.cwd = cwd.replace(/(?<=.)\/+$/, '');
    this.home = (home ?? '/home/agent').replace(/(?<=.)\/+$/, '');
  }

  /** Whether a path can be anywhere. */
  isUnknown(path: string): boolean {
    return path.startsWith(ANY);
  }

  isInWorkspace(path: string): boolean {
    return isWithin(path, this.workspace);
  }

  /** Whether a path is below a folder for temporary files. Such a folder itself is not temporary. */
  isTemporary(path: string): boolean {
    if (this.isInWorkspace(path)) return false;
    return TEMPORARY_FOLDERS.some((folder) => path !== folder && isWithin(path, folder));
  }

  /** Whether a path is in a folder that a tool makes again: in the workspace, or in a place that is not known. */
  isRegenerated(path: string): boolean {
    if (CACHES.some((folder) => isWithin(path, `${this.home}/${folder}`))) return true;
    const inside = this.#belowWorkspace(path);
    if (inside === undefined) return false;
    const source = inside.findIndex((segment) => SOURCES.has(segment));
    return inside.some(
      (segment, index) =>
        REGENERATED.has(segment) ||
        segment.endsWith('.egg-info') ||
        (BUILT.has(segment) && (source < 0 || index < source)),
    );
  }

  /** Whether a path is in a folder of the workspace that the repository ignores, and has no secret name. */
  isIgnored(path: string): boolean {
    const inside = this.isInWorkspace(path) ? (this.#belowWorkspace(path) ?? []) : [];
    if (inside.some((segment) => segment === '.git' || SECRET_NAME.test(segment)) || credentialKind(path)) return false;
    const unknown = inside.findIndex((segment) => !isKnown(segment));
    const known = unknown < 0 ? inside : inside.slice(0, unknown);
    return known.length > 0 && this.#ignored(known.join('/'));
  }

  /** Whether a path is a folder that the project's build may make, or a part of one. */
  isRebuilt(path: string): 'whole' | 'part' | undefined {
    const inside = this.#belowWorkspace(path) ?? [];
    if (inside.slice(0, -1).some((segment) => REBUILT_PARTS.has(segment))) return 'part';
    return inside.some((segment) => REBUILT.has(segment)) ? 'whole' : undefined;
  }

  /** Whether a path has a name that folders seldom have. */
  isFileName(path: string): boolean {
    return FILE_EXTENSION.test(baseName(path));
  }

  /** Whether a path belongs to the system, or may belong to it. */
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

  /** Whether a path outside the workspace belongs to the user: it is in a mounted folder or in a repository's git folder. */
  isMounted(path: string): boolean {
    if (!this.isOutside(path)) return false;
    return path.split('/').includes('.git') || this.#mounts.some((folder) => isWithin(path, folder));
  }

  isGuard(path: string): boolean {
    return GUARD_FOLDERS.some((folder) => isWithin(path, folder) || (!isKnown(path) && couldBeWithin(path, folder)));
  }

  /** Whether a path is one of Claude Code's settings, of the user or of the project. They contain hooks and permissions. */
  isAgentSettings(path: string): boolean {
    const segments = path.split('/');
    const folder = segments.lastIndexOf('.claude');
    if (folder < 0) return baseName(path) === '.claude.json';
    const rest = segments.slice(folder + 1);
    return /^(settings(\.\w+)?\.json|hooks|plugins)$/.test(rest[0] ?? '') || rest.length === 0;
  }

  /** Whether a shell, a login or a scheduler runs or reads a file by itself. */
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

  /** Whether a path is a disk, or another device on which writing destroys something. */
  isDevice(path: string): boolean {
    return (path.startsWith('/dev/') && !HARMLESS_DEVICE.test(path)) || /^\/proc\/(sysrq-trigger|kcore)$/.test(path);
  }

  #belowWorkspace(path: string): readonly string[] | undefined {
    if (this.isUnknown(path)) return path.split('/').slice(1);
    if (!this.isInWorkspace(path)) return undefined;
    return path.slice(this.workspace.length).split('/').slice(1);
  }
}

/** Whether a pattern that is partly known may lead into a folder. */
function couldBeWithin(path: string, folder: string): boolean {
  const segments = path.split('/');
  const names = folder.split('/');
  if (segments.length < names.length) return false;
  return names.every((name, index) => couldBeName(segments[index] ?? '', name));
}
