import { createHash } from 'node:crypto';
import { chmod, lstat, mkdir, opendir, readlink, symlink, writeFile } from 'node:fs/promises';
import { join, relative, resolve } from 'node:path';
import { WORKSPACE } from '../../session/agent-place.js';
import { writeAtomically } from '../../util/fs/atomic-file.js';
import { ignoreMissing } from '../../util/fs/ignore-missing.js';
import { isInside } from '../../util/fs/is-inside.js';
import { type LinkFreePaths, withLinkFreePaths } from '../../util/fs/link-free-paths.js';
import { notWritable } from '../../util/fs/not-writable.js';
import { readOwnFile, requireOwnFolder } from '../../util/fs/own-file.js';
import { readRegularFile } from '../../util/fs/regular-file.js';
import { removeTree } from '../../util/fs/remove-tree.js';
import type { Mount } from '../../workspace/mount.js';
import { parseGitConfig } from '../repository/config-file.js';
import { configText, type MovedFolder, settingText } from '../repository/config-text.js';
import { readGitFile } from '../repository/layout.js';
import { isModuleName } from '../repository/module-name.js';
import { COMMON, type GitPlaces } from './container-places.js';
import type { GitIdentity } from './identity.js';
import { type SubmoduleFile, submoduleFiles } from './submodule-files.js';

/** The parts of a repository that git looks for in the shared folder. Missing ones are linked as well: git may make them. */
const SHARED =
  `objects refs packed-refs logs info shallow branches remotes common lost-found rr-cache svn lfs annex`.split(' ');
/** Nobody has more, but an agent could make millions. */
const MOST_NAMES = 1000;
const MOST_HOOK_BYTES = 1024 * 1024;
const MOST_DIGEST_BYTES = 1024;

/**
 * The files that the git of one session gets instead of those of the repository. With them, an agent can configure git, install
 * hooks and add worktrees, and nothing of that reaches the git on the machine.
 *
 * The folder itself belongs to this library. Three folders in it are the agent's to write: `common`, `hooks` and `worktrees`.
 * This process runs no git with them, and reads nothing of them.
 */
export class SessionGit {
  readonly #folder: string;

  /** @param folder the real path of a folder in the session's folder; need not exist */
  constructor(folder: string) {
    this.#folder = folder;
  }

  /**
   * The mounts of a session that may write. What the agent has configured in an earlier run stays.
   *
   * @returns those that come before the mounts of the repository, and those that come on top of them
   */
  async mounts(places: GitPlaces, identity: GitIdentity | undefined): Promise<{ below: Mount[]; above: Mount[] }> {
    const { isPlain, gitDir } = places;
    await this.#make();
    const [texts, submodules] = await withLinkFreePaths(async (paths) => {
      const found = await configurations(places, paths, identity);
      await this.#makeOnce(places, paths, found);
      return [found, await submoduleFiles(places, paths, places.isLinked)] as const;
    });
    const below = [
      { source: join(this.#folder, 'common'), target: COMMON, readonly: false },
      { source: join(this.#folder, 'worktrees'), target: join(COMMON, 'worktrees'), readonly: false },
      this.#hooks(COMMON),
    ];
    const above = await Promise.all([
      ...(isPlain ? [this.#hooks(gitDir)] : [this.#pointer(gitDir)]),
      this.#file('commondir', isPlain ? COMMON : '../..', join(gitDir, 'commondir')),
      // With this file, git finds the checkout in its list of worktrees, and renames the checked-out branch correctly.
      this.#file('gitdir', join(WORKSPACE, '.git'), join(gitDir, 'gitdir')),
      this.#file('config.worktree', texts.worktree, join(gitDir, 'config.worktree')),
      ...this.#submodules(submodules),
    ]);
    return { below, above };
  }

  /** The mounts of a session that may only read. */
  async readOnlyMounts(places: GitPlaces): Promise<Mount[]> {
    const { isPlain, isLinked, gitDir, repository, layout } = places;
    await this.#make();
    const [texts, submodules] = await withLinkFreePaths((paths) =>
      Promise.all([configurations(places, paths, undefined), submoduleFiles(places, paths, false)]),
    );
    const there = await Promise.all(
      [layout.commonDir, layout.gitDir].map((folder, index) =>
        lstat(join(folder, index === 0 ? 'config' : 'config.worktree')).catch(ignoreMissing),
      ),
    );
    return [
      ...(there[0] ? [await this.#file('config', texts.given, join(repository, 'config'))] : []),
      ...(there[1] ? [await this.#file('config.worktree', texts.worktree, join(gitDir, 'config.worktree'))] : []),
      ...(isLinked ? [await this.#file('commondir', '../..', join(gitDir, 'commondir'))] : []),
      ...(isPlain ? [] : [await this.#pointer(gitDir)]),
      ...(await Promise.all(this.#submodules(submodules))),
    ];
  }

  /** @throws OrchestrationError `STATE_NOT_WRITABLE` */
  async #make(): Promise<void> {
    try {
      await mkdir(this.#folder, { recursive: true, mode: 0o700 });
      requireOwnFolder(this.#folder);
    } catch (cause) {
      throw notWritable(this.#folder, cause);
    }
  }

  #hooks(around: string): Mount {
    return { source: join(this.#folder, 'hooks'), target: join(around, 'hooks'), readonly: false };
  }

  #pointer(gitDir: string): Promise<Mount> {
    return this.#file('pointer', `gitdir: ${gitDir}`, join(WORKSPACE, '.git'));
  }

  #submodules(files: readonly SubmoduleFile[]): Promise<Mount>[] {
    return files.map(({ target, text }, index) => this.#file(`submodule-${index}`, text, target));
  }

  /** A file of the library's own that the container can only read. */
  async #file(name: string, text: string, target: string): Promise<Mount> {
    const source = join(this.#folder, name);
    await writeAtomically(source, text === '' || text.endsWith('\n') ? text : `${text}\n`, 0o644);
    return { source, target, readonly: true };
  }

  /** Makes the agent's folders, unless they were made from the same configuration of the same repository. */
  async #makeOnce(places: GitPlaces, paths: LinkFreePaths, { given, added }: Configurations): Promise<void> {
    const file = join(this.#folder, 'made-from');
    const digest = createHash('sha256').update(`${places.layout.gitDir}\0${given}`).digest('base64url');
    if ((await readOwnFile(file, { most: MOST_DIGEST_BYTES }).catch(() => '')) === digest) return;
    const folders = ['common', 'hooks', 'worktrees'].map((name) => join(this.#folder, name));
    await Promise.all(folders.map(removeTree));
    await Promise.all(folders.map(openFolder));
    const [common = '', hooks = '', worktrees = ''] = folders;
    await Promise.all([
      this.#makeCommon(common, places, given + added),
      copyHooks(places, paths, hooks),
      listWorktrees(places, paths, worktrees),
    ]);
    await writeAtomically(file, digest);
  }

  async #makeCommon(folder: string, { isLinked, repository }: GitPlaces, config: string): Promise<void> {
    await Promise.all([
      ...['hooks', 'worktrees'].map((name) => openFolder(join(folder, name))),
      ...SHARED.map((name) => symlink(join(repository, name), join(folder, name))),
      openFile(join(folder, 'config'), config, 0o666),
      // The first worktree of a repository is its own checkout. If that is this one, its name is in the list a second time.
      isLinked
        ? symlink(join(repository, 'HEAD'), join(folder, 'HEAD'))
        : openFile(join(folder, 'HEAD'), 'ref: refs/heads/autonomous-orchestration\n', 0o666),
    ]);
  }
}

/** The repository's configuration, and that of the checkout, as the container gets them. */
interface Configurations {
  /** What the machine's file says, and the identity. */
  readonly given: string;
  /** What the container needs besides. */
  readonly added: string;
  readonly worktree: string;
}

async function configurations(
  { layout: { root, gitDir, commonDir }, isPlain, gitDir: place, repository }: GitPlaces,
  paths: LinkFreePaths,
  identity: GitIdentity | undefined,
): Promise<Configurations> {
  const moved: MovedFolder[] = [
    { from: join(commonDir, 'hooks'), to: join(COMMON, 'hooks') },
    { from: gitDir, to: place },
    { from: commonDir, to: repository },
    { from: root, to: WORKSPACE },
  ];
  const [config = '', worktree = ''] = await Promise.all(
    [join(commonDir, 'config'), join(gitDir, 'config.worktree')].map((path) => readGitFile(paths.to(path))),
  );
  const absent = isPlain ? [] : await absentSubmodules(root, gitDir, paths);
  const entries = parseGitConfig(config) ?? [];
  const own = Object.entries(identity ?? {}).filter(([key]) => !entries.some(({ name }) => name === `user.${key}`));
  const identified = own.map(([key, value]) => settingText(`user.${key}`, value)).join('');
  return {
    given: configText(entries, commonDir, moved) + identified,
    added: absent.map((name) => settingText(`submodule.${name}.update`, 'none')).join(''),
    worktree: configText(parseGitConfig(worktree) ?? [], gitDir, moved),
  };
}

/**
 * The submodules that git would have to clone. The pointers that it would write fit the container only, and would break `git status`
 * on the machine, unless `.git` is in the workspace.
 */
async function absentSubmodules(root: string, gitDir: string, paths: LinkFreePaths): Promise<string[]> {
  const entries = parseGitConfig((await readGitFile(paths.to(join(root, '.gitmodules')))) ?? '') ?? [];
  const names = entries
    .flatMap(({ name }) => /^submodule\.(.+)\.path$/s.exec(name)?.[1] ?? [])
    .filter(isModuleName)
    .slice(0, MOST_NAMES);
  const present = await Promise.all(
    names.map((name) => lstat(paths.to(join(gitDir, 'modules', name))).catch(() => undefined)),
  );
  return names.filter((_, index) => !present[index]);
}

/** The other worktrees stay known, so that git checks out no branch twice. */
async function listWorktrees(
  { layout, name, isPlain, gitDir, repository }: GitPlaces,
  paths: LinkFreePaths,
  folder: string,
): Promise<void> {
  const others = (await namesIn(paths.to(join(layout.commonDir, 'worktrees')))).filter((other) => other !== name);
  await Promise.all([
    ...others.map((other) => symlink(join(repository, 'worktrees', other), join(folder, other))),
    isPlain ? symlink(gitDir, join(folder, name)) : openFolder(join(folder, name)),
  ]);
}

/** Copies the repository's hooks. A hook that cannot be copied is left out. */
async function copyHooks(
  { layout: { root, commonDir } }: GitPlaces,
  paths: LinkFreePaths,
  folder: string,
): Promise<void> {
  const from = join(commonDir, 'hooks');
  const names = (await namesIn(paths.to(from))).filter((name) => !name.endsWith('.sample'));
  const copies = names.map(async (name) => {
    const path = paths.to(join(from, name));
    const stats = await lstat(path);
    if (stats.isFile()) {
      const content = await readRegularFile(path, { most: MOST_HOOK_BYTES });
      return openFile(join(folder, name), content, stats.mode | 0o666);
    }
    // Hooks are often links to a script of the project.
    const target = resolve(from, await readlink(path));
    if (isInside(target, root)) await symlink(join(WORKSPACE, relative(root, target)), join(folder, name));
  });
  await Promise.allSettled(copies);
}

async function namesIn(folder: string): Promise<string[]> {
  const names: string[] = [];
  const isFolder = (await lstat(folder).catch(ignoreMissing))?.isDirectory();
  if (!isFolder) return names;
  for await (const { name } of await opendir(folder)) {
    names.push(name);
    if (names.length === MOST_NAMES) break;
  }
  return names;
}

/** A folder in which any user can write. Only the session's container gets it. */
async function openFolder(path: string): Promise<void> {
  await mkdir(path);
  await chmod(path, 0o777); // Whatever the umask is.
}

async function openFile(path: string, content: string | Buffer, mode: number): Promise<void> {
  await writeFile(path, content, { flag: 'wx' });
  await chmod(path, mode & 0o777);
}
