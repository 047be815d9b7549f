import { execFile } from 'node:child_process';
import { lstat, mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { homedir, tmpdir } from 'node:os';
import { delimiter, isAbsolute, join } from 'node:path';
import { promisify } from 'node:util';
import { isWithin } from '../files/is-within.js';
import { parseGitConfig } from './git-config-file.js';
import { hashBytes, readIndex } from './git-index.js';
import { type GitLayout, gitLayoutAt, readGitFile } from './git-layout.js';
import { type GitSetting, gitSettings } from './git-settings.js';

const run = promisify(execFile);

/** A FIFO in the place of a file could make git wait for good. */
const TIMEOUT_MS = 30_000;
/** Large repositories take minutes. */
const CHECKOUT_TIMEOUT_MS = 30 * 60_000;
const MOST_OUTPUT_BYTES = 1024 * 1024;

const SETTINGS: readonly GitSetting[] = [
  ['core.fsmonitor', 'false'],
  ['core.hooksPath', '/dev/null'],
  ['core.commitGraph', 'false'],
  ['submodule.recurse', 'false'],
];

/** What a repository may say about its file system: words only, so nothing that git would execute or follow. */
const KEPT = /^core\.(filemode|ignorecase|symlinks|precomposeunicode|autocrlf|eol)$/;

/**
 * Whether a checkout has changes or files that no commit has. Ignored files are not counted. A checkout with submodules
 * has work, and so has one about which git cannot tell.
 */
export async function uncommittedWork(checkout: string): Promise<boolean> {
  try {
    const layout = await layoutAt(checkout);
    const { gitlinks, problem } = await readIndex(join(layout.gitDir, 'index'), await hashBytes(layout.commonDir));
    if (gitlinks.length > 0 || problem) return true;
    const options = ['--porcelain', '-z', '--untracked-files=normal', '--ignore-submodules=all', '--no-renames'];
    return (await runGit(checkout, ['status', ...options])) !== '';
  } catch {
    return true;
  }
}

/**
 * Whether a branch, or a detached `HEAD` of the checkout, has commits that no other branch, remote branch or tag has.
 * So it is as well where git cannot tell, or there is no such branch.
 */
export async function unmergedWork(checkout: string, branch: string): Promise<boolean> {
  const ref = `refs/heads/${branch}`;
  const others = [`--exclude=${branch}`, '--branches', '--remotes', '--tags'];
  try {
    return (await runGit(checkout, ['rev-list', '--max-count=1', ref, 'HEAD', '--not', ...others, '--'])) !== '';
  } catch {
    return true;
  }
}

/**
 * Runs git on the host in a checkout that an agent worked in. Git gets a git folder of its own, which
 * borrows the objects, branches and index of the real one: whatever configuration, hooks, attributes or `commondir` the
 * real one has, git does not see them. Neither does it see the user's configuration, whose filters an agent can call up.
 *
 * @throws Error where git fails, takes too long or prints more than a megabyte
 */
export async function runGit(checkout: string | GitLayout, args: readonly string[]): Promise<string> {
  const layout = typeof checkout === 'string' ? await layoutAt(checkout) : checkout;
  return withLent(layout, (folder) =>
    git(args, folder, {
      PATH: pathOutside(layout.root),
      HOME: homedir(),
      GIT_CONFIG_GLOBAL: '/dev/null',
      GIT_CONFIG_NOSYSTEM: '1',
      GIT_ATTR_NOSYSTEM: '1',
      GIT_OPTIONAL_LOCKS: '0',
      ...borrowed(layout, folder),
      ...gitSettings({}, SETTINGS),
    }),
  );
}

/** Makes a branch that is not there yet, in the same way. @throws Error as `runGit` */
export async function makeBranch(repository: GitLayout, branch: string, commit: string): Promise<void> {
  await runGit(repository, ['update-ref', `refs/heads/${branch}`, commit, '']);
}

/**
 * Writes the files of a worktree that was made without them. Git sees the user's configuration, but not the repository's
 * own, as when the user clones a repository: what an agent has written there cannot name a command.
 *
 * @throws Error where git fails or takes too long; where objects are missing, none are fetched
 */
export async function checkOut(worktree: string): Promise<void> {
  const layout = await layoutAt(worktree);
  const settings = [...SETTINGS, ...(await largeFileSettings(layout))];
  const variables = userVariables(layout);
  await withLent(layout, (folder) =>
    git(
      ['read-tree', '--reset', '-u', 'HEAD'],
      folder,
      { ...variables, ...borrowed(layout, folder), ...gitSettings(variables, settings) },
      CHECKOUT_TIMEOUT_MS,
    ),
  );
}

async function git(
  args: readonly string[],
  cwd: string,
  variables: Readonly<Record<string, string | undefined>>,
  timeout = TIMEOUT_MS,
): Promise<string> {
  const { stdout } = await run('git', ['--no-pager', ...args], {
    cwd,
    env: {
      ...variables,
      LC_ALL: 'C',
      GIT_TERMINAL_PROMPT: '0',
      GIT_NO_REPLACE_OBJECTS: '1',
      // A repository may say that its objects are elsewhere, and with which command they are fetched. Older git knows only the second.
      GIT_NO_LAZY_FETCH: '1',
      GIT_ALLOW_PROTOCOL: 'none',
    },
    timeout,
    killSignal: 'SIGKILL',
    maxBuffer: MOST_OUTPUT_BYTES,
  });
  return stdout;
}

async function layoutAt(checkout: string): Promise<GitLayout> {
  const layout = await gitLayoutAt(checkout);
  if (!layout) throw new Error(`${checkout} is no git checkout`);
  return layout;
}

/** Lends a folder that git takes for the git folder of a checkout. */
async function withLent<T>(layout: GitLayout, use: (folder: string) => Promise<T>): Promise<T> {
  const folder = await mkdtemp(join(tmpdir(), 'autonomous-orchestration-git-'));
  try {
    await lend(layout, folder);
    return await use(folder);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function lend({ gitDir, commonDir }: GitLayout, folder: string): Promise<void> {
  const [head, config, exclude, shallow] = await Promise.all([
    readGitFile(join(gitDir, 'HEAD')),
    readGitFile(join(commonDir, 'config')),
    readGitFile(join(commonDir, 'info/exclude')),
    readGitFile(join(commonDir, 'shallow')),
  ]);
  if (head === undefined) throw new Error(`${gitDir} has no HEAD`);
  await mkdir(join(folder, 'info'));
  await Promise.all([
    writeFile(join(folder, 'HEAD'), head),
    writeFile(join(folder, 'config'), lentConfig(config ?? '', await hashBytes(commonDir))),
    ...(exclude === undefined ? [] : [writeFile(join(folder, 'info/exclude'), exclude)]),
    ...(shallow === undefined ? [] : [writeFile(join(folder, 'shallow'), shallow)]),
    symlink(join(commonDir, 'refs'), join(folder, 'refs')),
    symlink(join(commonDir, 'packed-refs'), join(folder, 'packed-refs')),
  ]);
}

function lentConfig(text: string, hashLength: number): string {
  const kept = (parseGitConfig(text) ?? []).filter(({ name, value }) => KEPT.test(name) && /^\w+$/.test(value));
  const core = kept.map(({ name, value }) => `${name.replace('core.', '')} = ${value}\n`).join('');
  const format = hashLength === 32 ? '[core]\nrepositoryformatversion = 1\n[extensions]\nobjectformat = sha256\n' : '';
  return `[core]\n${core}${format}`;
}

/** What the lent folder does not have itself. */
function borrowed({ root, gitDir, commonDir }: GitLayout, folder: string): Record<string, string> {
  return {
    GIT_DIR: folder,
    GIT_WORK_TREE: root,
    GIT_INDEX_FILE: join(gitDir, 'index'),
    GIT_OBJECT_DIRECTORY: join(commonDir, 'objects'),
  };
}

/** The environment of this process, without what leads git elsewhere: configuration is the user's own. */
function userVariables({ root }: GitLayout): Record<string, string | undefined> {
  const own = Object.entries(process.env).filter(([name]) => !name.startsWith('GIT_') || name.startsWith('GIT_CONFIG'));
  return { ...Object.fromEntries(own), PATH: pathOutside(root) };
}

/** An agent can write programs into its checkout, such as a `git` in `node_modules/.bin`. */
function pathOutside(root: string): string {
  const parts = (process.env.PATH ?? '').split(delimiter);
  return parts.filter((part) => isAbsolute(part) && !isWithin(part, root)).join(delimiter);
}

/** Git LFS in the words in which `git lfs install --local` writes it into a repository's configuration. */
const LARGE_FILES = /^git-lfs (smudge|clean|filter-process)( --skip)?( --)?( %f)?$/;

/** What Git LFS needs to find the files of a repository. Its other settings may name commands. */
async function largeFileSettings({ commonDir }: GitLayout): Promise<GitSetting[]> {
  const entries = parseGitConfig((await readGitFile(join(commonDir, 'config'))) ?? '') ?? [];
  const needed = entries.filter(
    ({ name, value }) =>
      (/^filter\.lfs\.\w+$/.test(name) && (LARGE_FILES.test(value) || value === 'true')) ||
      (/^remote\..+\.url$/.test(name) && /^(https?|ssh):\/\/[^-]|^[\w.]+@[\w.]+:/.test(value)),
  );
  const storage = join(commonDir, 'lfs');
  const isFolder = (await lstat(storage).catch(() => undefined))?.isDirectory() ?? false;
  return [
    ...needed.map(({ name, value }) => [name, value] as const),
    ...(isFolder ? [['lfs.storage', storage] as const] : []),
  ];
}
