import { execFile } from 'node:child_process';
import { constants } from 'node:fs';
import { lstat } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { homeOf, writeNewFile } from '../../util/fs/owner.js';
import { pathOutside } from '../../util/fs/program-path.js';
import { openRegularFile, readRegularFile } from '../../util/fs/regular-file.js';
import { parseGitConfig } from './config-file.js';
import { gitFailure } from './git-failure.js';
import { MOST_INDEX_BYTES } from './index-file.js';
import { readGitFile } from './layout.js';
import { type GitSetting, gitSettings } from './settings.js';
import { type GitView, IGNORE_FILE } from './view.js';

const run = promisify(execFile);

interface Bounds {
  /** Limits the time, because an agent can put a FIFO in the place of a file, and git would wait for it forever. */
  timeoutMs: number;
  /** The most memory that git may allocate at once, because a small object can unpack to an object of any size. */
  memory: string;
  /** Default: none. */
  input?: string;
  /** The most that git may print, in bytes. Default: a megabyte. */
  mostOutput?: number;
}

const BOUNDS: Bounds = { timeoutMs: 30_000, memory: '1g' };
/** Large repositories take minutes, and each file of Git LFS is in memory as a whole. */
const CHECKOUT_BOUNDS: Bounds = { timeoutMs: 30 * 60_000, memory: '8g' };
const MOST_OUTPUT_BYTES = 1024 * 1024;

const SETTINGS: readonly GitSetting[] = [
  ['core.fsmonitor', 'false'],
  ['core.hooksPath', '/dev/null'],
  ['core.commitGraph', 'false'],
  // The names of packs in this file are paths. With `../` they would lead to packs of other repositories.
  ['core.multiPackIndex', 'false'],
  // The shared part of a split index would stay in the view.
  ['core.splitIndex', 'false'],
  ['submodule.recurse', 'false'],
];

/**
 * Runs git on the machine with a view of a repository that an agent worked in. Git does not see the user's configuration,
 * because an agent could trigger the filters in it. Only the user's ignore rules count.
 *
 * @throws Error if git fails, takes too long or prints more than a megabyte
 */
export async function runGit(view: GitView, args: readonly string[]): Promise<string> {
  return gitIn(view, view.layout.root, args);
}

/** The same in another folder, or with other bounds. @param folder the checkout */
export async function gitIn(
  view: GitView,
  folder: string,
  args: readonly string[],
  bounds: Pick<Bounds, 'input' | 'mostOutput'> = {},
): Promise<string> {
  const variables = {
    PATH: pathOf(view.layout.root),
    HOME: homedir(),
    GIT_CONFIG_GLOBAL: '/dev/null',
    GIT_CONFIG_NOSYSTEM: '1',
    GIT_ATTR_NOSYSTEM: '1',
    GIT_OPTIONAL_LOCKS: '0',
    // The user's ignore rules count here as they do for the user's own git.
    ...gitSettings({}, [...SETTINGS, ['core.excludesFile', join(view.folder, IGNORE_FILE)]]),
  };
  return git(args, view, folder, variables, { ...BOUNDS, ...bounds });
}

/** Makes a branch that does not exist yet, by running git in the same way. @throws Error as `runGit` */
export async function makeBranch(view: GitView, branch: string, commit: string): Promise<void> {
  await runGit(view, ['update-ref', `refs/heads/${branch}`, commit, '']);
}

/** Removes a branch, unless it has moved from the commit. @throws Error as `runGit` */
export async function removeBranch(view: GitView, branch: string, commit: string): Promise<void> {
  await runGit(view, ['update-ref', '-d', `refs/heads/${branch}`, commit]);
}

/**
 * Writes the files of a commit into a folder, and keeps the index in the view. As when the user clones a repository, git sees
 * the user's configuration, but not the repository's own. So nothing that an agent has written into the repository's
 * configuration can name a command.
 *
 * @param folder out of the reach of agents
 * @param settings more of them
 * @throws Error if git fails or takes too long; missing objects are not fetched, they make git fail
 */
export async function checkOut(
  view: GitView,
  folder: string,
  commit: string,
  settings: readonly GitSetting[] = [],
): Promise<void> {
  const head = await openRegularFile(join(view.folder, 'HEAD'), { flags: constants.O_WRONLY | constants.O_TRUNC });
  await head.writeFile(`${commit}\n`).finally(() => head.close());
  const more = settings.flatMap(([name, value]) => ['-c', `${name}=${value}`]);
  await gitAsUser([...more, 'read-tree', '--reset', '-u', 'HEAD'], view, folder);
}

/**
 * Gives a new worktree the index that {@link checkOut} has made.
 *
 * @param copied the folder of the files, if they are copies of those that were written; without a refresh, git would take them
 * for changed
 */
export async function installIndex(view: GitView, gitDir: string, copied?: string): Promise<void> {
  if (copied !== undefined) await gitAsUser(['update-index', '-q', '--refresh'], view, copied);
  const index = await readRegularFile(join(view.folder, 'index'), { most: MOST_INDEX_BYTES });
  await writeNewFile(view.paths.to(join(gitDir, 'index')), index, view.owner);
}

async function gitAsUser(args: readonly string[], view: GitView, folder: string): Promise<void> {
  const variables = await userVariables(view);
  const settings = gitSettings(variables, [...SETTINGS, ...(await largeFileSettings(view))]);
  await git(args, view, folder, { ...variables, ...settings }, CHECKOUT_BOUNDS);
}

/** As root, git runs as the repository's owner. So it has no more rights than an agent that works there. */
async function git(
  args: readonly string[],
  { folder, paths, owner }: GitView,
  root: string,
  variables: Readonly<Record<string, string | undefined>>,
  { timeoutMs, memory, input = '', mostOutput = MOST_OUTPUT_BYTES }: Bounds = BOUNDS,
): Promise<string> {
  const running = run('git', ['--no-pager', ...args], {
    ...owner,
    // If a link has taken the place of the folder, git does not even start.
    cwd: paths.to(root),
    env: {
      ...variables,
      GIT_DIR: paths.own(folder),
      GIT_WORK_TREE: '.',
      GIT_ALLOC_LIMIT: memory,
      LC_ALL: 'C',
      GIT_TERMINAL_PROMPT: '0',
      GIT_NO_REPLACE_OBJECTS: '1',
      // A repository may say that its objects are elsewhere, and name the command that fetches them. Older git versions know
      // only the second of these two variables.
      GIT_NO_LAZY_FETCH: '1',
      GIT_ALLOW_PROTOCOL: 'none',
    },
    timeout: timeoutMs,
    killSignal: 'SIGKILL',
    maxBuffer: mostOutput,
  });
  running.child.stdin?.on('error', () => {}).end(input); // Git may end before it has read all.
  try {
    const { stdout } = await running;
    return stdout;
  } catch (cause) {
    throw gitFailure(args, cause, timeoutMs);
  }
}

/**
 * The environment of this process without the variables that lead git elsewhere. Those with configuration stay, because they
 * are the user's own. If git runs as another user, that user's configuration counts, and root's other variables, which may
 * hold secrets, stay with root.
 */
async function userVariables({ layout, owner }: GitView): Promise<Record<string, string | undefined>> {
  const PATH = pathOf(layout.root);
  const isSetting = (name: string): boolean => name.startsWith('GIT_CONFIG');
  const own = Object.entries(process.env).filter(([name]) => !name.startsWith('GIT_') || isSetting(name));
  if (!owner) return { ...Object.fromEntries(own), PATH };
  return { ...Object.fromEntries(own.filter(([name]) => isSetting(name))), PATH, HOME: await homeOf(owner) };
}

/**
 * The PATH without folders in the checkout. An agent can write programs into its checkout, such as a `git` in
 * `node_modules/.bin`.
 */
function pathOf(root: string): string {
  return pathOutside(process.env.PATH ?? '', root);
}

/** The settings of Git LFS exactly as `git lfs install --local` writes them into a repository's configuration. */
const LARGE_FILES = /^git-lfs (smudge|clean|filter-process)( --skip)?( --)?( %f)?$/;

/**
 * The settings that Git LFS needs to find the files of a repository. Its other settings are left out, because they may name
 * commands.
 */
async function largeFileSettings({ layout, paths }: GitView): Promise<GitSetting[]> {
  const entries = parseGitConfig((await readGitFile(paths.to(join(layout.commonDir, 'config')))) ?? '') ?? [];
  const needed = entries.filter(
    ({ name, value }) =>
      (/^filter\.lfs\.\w+$/.test(name) && (LARGE_FILES.test(value) || value === 'true')) ||
      (/^remote\..+\.url$/.test(name) && /^(https?|ssh):\/\/[^-]|^[\w.]+@[\w.]+:/.test(value)),
  );
  // Git LFS copies any file that has the name and the size of the file that it looks for. A link there could lead to any file.
  const storage = paths.to(join(layout.commonDir, 'lfs'));
  const isFolder = (await lstat(storage).catch(() => undefined))?.isDirectory() ?? false;
  return [
    ...needed.map(({ name, value }) => [name, value] as const),
    ...(isFolder ? [['lfs.storage', storage] as const] : []),
  ];
}
