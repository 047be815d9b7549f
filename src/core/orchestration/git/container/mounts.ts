import { lstat, realpath } from 'node:fs/promises';
import { join, relative, resolve } from 'node:path';
import { WORKSPACE } from '../../session/agent-place.js';
import { OrchestrationError, quote } from '../../util/errors.js';
import { ignoreMissing } from '../../util/fs/ignore-missing.js';
import { isInside } from '../../util/fs/is-inside.js';
import { withLinkFreePaths } from '../../util/fs/link-free-paths.js';
import { ownerOf } from '../../util/fs/owner.js';
import type { Mount } from '../../workspace/mount.js';
import { takenTarget } from '../../workspace/mount-targets.js';
import { type GitLayout, gitPath } from '../repository/layout.js';
import { type MissingParts, makePart, missingOf, oddPart, partFailure } from '../repository/missing-parts.js';
import { type GitSetting, gitSettings } from '../repository/settings.js';
import { type GitPlaces, placesOf, readOnlyPlacesOf } from './container-places.js';
import type { GitIdentity } from './identity.js';
import type { SessionGit } from './session-git.js';

/**
 * The content of a `commondir` that leads a git folder to itself, which means the same as having no `commondir`. Not `.`,
 * because libgit2 then finds no repository.
 */
const OWN_COMMONDIR = './\n';

/** Git settings for the container, see {@link gitEnvironment}. */
const SETTINGS: readonly GitSetting[] = [
  // The workspace belongs to a user of the machine whom the image may not know.
  ['safe.directory', '*'],
  // Packing would fail halfway in a worktree, because `packed-refs` is read-only there.
  ['gc.auto', '0'],
];

/** Without the user's keys, each commit would fail. Whoever gives keys to the container also gives these settings. */
const SIGNING: readonly GitSetting[] = ['commit.gpgsign', 'tag.gpgsign', 'tag.forcesignannotated', 'push.gpgsign'].map(
  (name) => [name, 'false'],
);

/** What git needs of the machine in a container. */
export interface GitMounts {
  /** Parts of the repository, in the order in which they are mounted. */
  readonly repository: readonly Mount[];
  /** All mounts: those of the repository, and files of the session's own below and on top of them. */
  readonly all: readonly Mount[];
  /** Absent if there is no repository. */
  readonly places?: GitPlaces;
}

const NONE: GitMounts = { repository: [], all: [] };

/**
 * The mounts that git needs in the container, and no more. The agent can commit, branch, merge, reset, tag and stash, and it can
 * configure git for its session. It cannot plant anything that git on the machine would execute (hooks, `core.fsmonitor` and other
 * commands in `config`, a `commondir` that leads to a configuration of its own).
 *
 * @param layout the git folders of the folder that is mounted at `/workspace`, as `mountableLayout` has found them
 * @param files the session's own files for git
 * @throws OrchestrationError `UNSAFE_MOUNT` if a part of the git folder is a link, because an agent may have made it
 */
export async function gitMounts(
  layout: GitLayout | undefined,
  files: SessionGit,
  identity?: GitIdentity,
): Promise<GitMounts> {
  if (!layout) return NONE;
  const places = placesOf(layout);
  const repository = [
    ...(await (places.isLinked ? worktreeMounts(places) : executableMounts(places))),
    ...insideWorkspace(places),
  ];
  await refuseLinks([...repository.map(({ source }) => source), ...COVERED.map((part) => join(layout.gitDir, part))]);
  const { below, above } = await files.mounts(places, identity);
  return { places, repository, all: [...below, ...repository, ...above] };
}

/**
 * The mounts that git needs to read a checkout: those parts of its git folder that lie outside of the checkout.
 *
 * @throws OrchestrationError as `gitMounts`
 */
export async function readOnlyGitMounts(layout: GitLayout | undefined, files: SessionGit): Promise<GitMounts> {
  if (!layout) return NONE;
  const places = readOnlyPlacesOf(layout);
  const repository = places.isPlain ? [] : [readonly(layout.commonDir, places.repository)];
  await refuseLinks(repository.map(({ source }) => source));
  return { places, repository, all: [...repository, ...(await files.readOnlyMounts(places))] };
}

/** The parts in the place of which the session has files of its own. Through a link, they would be mounted elsewhere. */
const COVERED = ['hooks', 'commondir', 'gitdir', 'config.worktree'];

async function refuseLinks(sources: readonly string[]): Promise<void> {
  for (const source of sources) {
    const isThere = await lstat(source).catch(ignoreMissing);
    const real = await realpath(source).catch(ignoreMissing);
    if (real === source || !isThere) continue;
    throw unsafe(source, `it is a link to ${quote(real ?? 'nothing')}. Replace the link by what it leads to`);
  }
}

/** The mounts of a linked worktree. Everything shared is read-only, except for the parts that a commit writes. */
async function worktreeMounts({ layout: { gitDir, commonDir }, ...places }: GitPlaces): Promise<Mount[]> {
  await createParts(commonDir, WRITTEN);
  await createParts(gitDir, { 'config.worktree': '' });
  const shared = (part: string): [string, string] => [join(commonDir, part), join(places.repository, part)];
  return [
    readonly(commonDir, places.repository),
    // Not all of `logs`: if an agent put a link in the place of `logs/HEAD`, every commit on the machine would write through
    // it.
    ...[...WRITTEN_PARTS, 'logs/refs'].map((part) => writable(...shared(part))),
    readonly(...shared(ALTERNATES)),
    writable(gitDir, places.gitDir),
    // The pointers of submodules that this library has initialised are absolute, see `submoduleFiles` for those of git.
    ...((await isFolder(join(gitDir, 'modules'))) ? [modulesOf(gitDir)] : []),
  ];
}

/** The submodules of a worktree. They have the same path as on the machine, which can be any path. */
function modulesOf(gitDir: string): Mount {
  const mount = writable(join(gitDir, 'modules'));
  const why = isInside(mount.target, WORKSPACE) ? 'would lie in /workspace' : takenTarget(mount);
  if (why === undefined) return mount;
  throw unsafe(mount.source, `in the container it has the same path, which ${why}. Move the repository, or clone it`);
}

async function isFolder(path: string): Promise<boolean> {
  return (await lstat(path).catch(ignoreMissing))?.isDirectory() ?? false;
}

/** The mounts of a git folder of the checkout's own. What git executes or follows is read-only, or the session's own. */
async function executableMounts({ layout: { root, gitDir }, gitDir: target }: GitPlaces): Promise<Mount[]> {
  await createExecutableParts(gitDir, root);
  // The git folder gets a mount of its own, because a mount point cannot be moved away and replaced by another `.git`.
  return [writable(gitDir, target), ...protectedParts(gitDir, target)];
}

/**
 * A git folder inside the workspace can be reached through the workspace as well, if `.git` is a file that leads there. It gets the
 * same protection there.
 */
function insideWorkspace({ layout: { root, gitDir, commonDir }, isPlain }: GitPlaces): Mount[] {
  if (isPlain || !isInside(commonDir, root)) return [];
  const target = join(WORKSPACE, relative(root, commonDir));
  if (gitDir !== commonDir) return [readonly(commonDir, target)];
  const parts = ['hooks', 'commondir', 'config.worktree'].map((part) =>
    readonly(join(gitDir, part), join(target, part)),
  );
  return [writable(gitDir, target), ...protectedParts(gitDir, target), ...parts];
}

/**
 * The parts that a commit writes, and the folders that lead to them. Each gets a mount of its own, because the kernel lets
 * nobody rename a mount point. Otherwise an agent in a plain repository, whose git folder is writable, could replace one of
 * them by a link. That link would then be mounted for the next session that works on the same repository.
 */
const WRITTEN_PARTS = ['objects', 'objects/info', 'refs'];

/**
 * This file leads git to the objects of another repository, with all their content. It is read-only, and empty unless the user
 * had one.
 */
const ALTERNATES = 'objects/info/alternates';

const WRITTEN: MissingParts = { 'objects/info': undefined, [ALTERNATES]: '', logs: undefined, 'logs/refs': undefined };

/**
 * Makes the parts that git executes or follows in a `.git` folder that is otherwise writable. A missing part has to be made so that
 * something can be mounted in its place. It is made in such a way that it changes nothing for git and may stay.
 */
async function createExecutableParts(gitDir: string, root: string): Promise<void> {
  await createParts(gitDir, {
    ...WRITTEN,
    hooks: undefined,
    worktrees: undefined,
    config: '',
    // Git reads this file only with extensions.worktreeConfig, but then the file can name commands.
    'config.worktree': '',
    commondir: OWN_COMMONDIR,
    // Git reads this file in linked worktrees only. Others may take `commondir` for a sign of one.
    gitdir: `${join(root, '.git')}\n`,
  });
  const commondir = join(gitDir, 'commondir');
  // If it is a link, a later check finds it.
  const common = await gitPath(commondir);
  if (common !== undefined && (common === '' || resolve(gitDir, common) !== gitDir)) {
    throw unsafe(commondir, 'it leads git to a configuration elsewhere. Remove it, unless you know what it is for');
  }
}

function protectedParts(gitDir: string, target: string): Mount[] {
  return [
    ...[...WRITTEN_PARTS, 'logs', 'logs/refs'].map((part) => writable(join(gitDir, part), join(target, part))),
    ...['config', 'worktrees', ALTERNATES].map((part) => readonly(join(gitDir, part), join(target, part))),
  ];
}

/**
 * Makes the missing parts.
 *
 * @throws OrchestrationError `UNSAFE_MOUNT` if a folder on the way is a link, `WORKSPACE_NOT_WRITABLE`
 */
async function createParts(gitDir: string, parts: MissingParts): Promise<void> {
  const odd = await oddPart(gitDir);
  if (odd !== undefined) throw unsafe(gitDir, odd);
  const missing = await missingOf(gitDir, parts);
  if (missing.length === 0) return;
  const owner = await ownerOf(gitDir);
  await withLinkFreePaths(async (paths) => {
    for (const name of missing) {
      const path = join(gitDir, name);
      await makePart({ paths, owner }, path, parts[name]).catch((cause: unknown) => {
        throw partFailure(path, cause);
      });
    }
  });
}

/** The variables that give git in the container its settings, in addition to those that the user gives in the same way. */
export function gitEnvironment(env: Readonly<Record<string, string | undefined>>): Record<string, string> {
  const own = Object.entries(env).filter(([name]) => /^GIT_CONFIG_KEY_\d+$/.test(name));
  const given = new Set(own.map(([, name]) => name?.toLowerCase()));
  return gitSettings(env, [...SETTINGS, ...SIGNING.filter(([name]) => !given.has(name))]);
}

function unsafe(path: string, why: string): OrchestrationError {
  return new OrchestrationError('UNSAFE_MOUNT', `Mounting ${quote(path)} is refused: ${why}.`);
}

function readonly(source: string, target = source): Mount {
  return { source, target, readonly: true };
}

function writable(source: string, target = source): Mount {
  return { source, target, readonly: false };
}
