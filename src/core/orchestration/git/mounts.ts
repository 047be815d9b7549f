import { link, lstat, realpath, rm } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { nanoid } from 'nanoid';
import { WORKSPACE } from '../session/agent-place.js';
import { OrchestrationError, quote, systemCode } from '../util/errors.js';
import { ignoreMissing } from '../util/fs/ignore-missing.js';
import { withLinkFreePaths } from '../util/fs/link-free-paths.js';
import { makeFolder, type Owner, ownerOf, writeNewFile } from '../util/fs/owner.js';
import type { Mount } from '../workspace/mount.js';
import { parseGitConfig } from './config-file.js';
import { type GitLayout, gitLayoutAt, gitPath, isKnown, readGitFile } from './layout.js';
import { type GitSetting, gitSettings } from './settings.js';

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

/**
 * The mounts that git needs in the container, and no more. The agent can commit, branch, merge, reset, tag and stash. It cannot
 * plant anything that git on the machine would execute (hooks, `core.fsmonitor` and other commands in `config`, a `commondir`
 * that leads to a configuration of its own).
 *
 * @param checkout the folder that is mounted at `/workspace`
 * @throws OrchestrationError `UNSAFE_MOUNT` if a part of the git folder is a link, because an agent may have made it
 */
export async function gitMounts(checkout: string): Promise<Mount[]> {
  return withoutLinks(await plannedMounts(checkout));
}

/**
 * The mounts that git needs to read a checkout: those parts of its git folder that lie outside of the checkout.
 *
 * @throws OrchestrationError as `gitMounts`
 */
export async function readOnlyGitMounts(checkout: string): Promise<Mount[]> {
  const layout = await gitLayoutAt(checkout);
  if (!layout || layout.gitDir === join(layout.root, '.git') || !(await isKnown(layout))) return [];
  return withoutLinks([readonly(layout.commonDir)]);
}

async function withoutLinks(mounts: Mount[]): Promise<Mount[]> {
  for (const { source } of mounts) {
    const real = await realpath(source).catch(ignoreMissing);
    if (real === source) continue;
    throw unsafe(source, `it is a link to ${quote(real ?? 'nothing')}. Replace the link by what it leads to`);
  }
  return mounts;
}

async function plannedMounts(checkout: string): Promise<Mount[]> {
  const layout = await gitLayoutAt(checkout);
  if (!layout) return [];
  const inWorkspace = join(layout.root, '.git');
  if (layout.gitDir === inWorkspace) {
    // The git folder gets a mount of its own, because a mount point cannot be moved away and replaced by another `.git`.
    const target = join(WORKSPACE, '.git');
    if (await worksElsewhere(layout)) return [readonly(layout.gitDir, target)];
    return [writable(layout.gitDir, target), ...(await executableParts(layout.gitDir, target))];
  }
  // A `.git` file is followed only if the git folder leads back. An agent may have written a `.git` file that leads anywhere.
  if (!(await isKnown(layout))) return [];
  const pointer = readonly(inWorkspace, join(WORKSPACE, '.git'));
  return layout.gitDir === layout.commonDir
    ? [pointer, writable(layout.gitDir), ...(await executableParts(layout.gitDir, layout.gitDir))]
    : [pointer, ...(await worktreeMounts(layout))];
}

/** The mounts of a linked worktree. Everything shared is read-only, except for the parts that a commit writes. */
async function worktreeMounts({ gitDir, commonDir }: GitLayout): Promise<Mount[]> {
  await createParts(commonDir, WRITTEN);
  await createParts(gitDir, { 'config.worktree': '' });
  return [
    readonly(commonDir),
    // Not all of `logs`: if an agent put a link in the place of `logs/HEAD`, every commit on the machine would write through
    // it.
    ...[...WRITTEN_PARTS, 'logs/refs'].map((part) => writable(join(commonDir, part))),
    readonly(join(commonDir, ALTERNATES)),
    writable(gitDir),
    ...['commondir', 'gitdir', 'config.worktree'].map((file) => readonly(join(gitDir, file))),
  ];
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

/** Parts of a git folder that may be missing. A folder is given as `undefined`, a file by its content. */
type MissingParts = Readonly<Record<string, string | undefined>>;

const WRITTEN: MissingParts = { 'objects/info': undefined, [ALTERNATES]: '', logs: undefined, 'logs/refs': undefined };

/**
 * The parts that git executes or follows in a `.git` folder that is otherwise writable. A missing part has to be made so that
 * it can be protected. It is made in such a way that it changes nothing for git and may stay.
 */
async function executableParts(gitDir: string, target: string): Promise<Mount[]> {
  await createParts(gitDir, {
    ...WRITTEN,
    hooks: undefined,
    worktrees: undefined,
    config: '',
    // Git reads this file only with extensions.worktreeConfig, but then the file can name commands.
    'config.worktree': '',
    commondir: OWN_COMMONDIR,
  });
  const commondir = join(gitDir, 'commondir');
  // If it is a link, a later check finds it.
  const common = await gitPath(commondir);
  if (common !== undefined && (common === '' || resolve(gitDir, common) !== gitDir)) {
    throw unsafe(commondir, 'it leads git to a configuration elsewhere. Remove it, unless you know what it is for');
  }
  return [
    ...[...WRITTEN_PARTS, 'logs', 'logs/refs'].map((part) => writable(join(gitDir, part), join(target, part))),
    ...['config', 'hooks', 'commondir', 'config.worktree', 'worktrees', ALTERNATES].map((part) =>
      readonly(join(gitDir, part), join(target, part)),
    ),
  ];
}

/**
 * Makes the missing parts. Links on the way are not followed, because an agent may put one there at any moment.
 *
 * @throws OrchestrationError `UNSAFE_MOUNT` if a folder on the way is a link
 */
async function createParts(gitDir: string, parts: MissingParts): Promise<void> {
  const names = Object.keys(parts);
  const found = await Promise.all(names.map((name) => lstat(join(gitDir, name)).catch(ignoreMissing)));
  const missing = names.filter((_, index) => !found[index]);
  if (missing.length === 0) return;
  const owner = await ownerOf(gitDir);
  await withLinkFreePaths(async (paths) => {
    for (const name of missing) {
      const path = join(gitDir, name);
      await create(paths.to(path), parts[name], owner).catch((cause: unknown) => {
        throw systemCode(cause) === 'ELOOP' ? unsafe(path, 'a folder on the way is a link', cause) : cause;
      });
    }
  });
}

/** Makes a file of the owner's, or a folder if there is no content. Does nothing if something already exists there, whatever its kind. */
async function create(path: string, content: string | undefined, owner: Owner | undefined): Promise<void> {
  const exists = (error: unknown): void => {
    if (systemCode(error) !== 'EEXIST') throw error;
  };
  if (content === undefined) return makeFolder(path, owner).catch(exists);
  // Git fails on a `commondir` that is still empty, so the complete file is linked into place. A link never replaces a file
  // that another session already mounts.
  const draft = `${path}.${nanoid()}`;
  await writeNewFile(draft, content, owner);
  await link(draft, path)
    .catch(exists)
    .finally(() => rm(draft));
}

/**
 * True if the files of a plain repository are somewhere else, or nowhere. With a `commondir`, git would no longer know that. An
 * agent in the repository's folder has nothing to commit anyway.
 */
async function worksElsewhere({ root, gitDir }: GitLayout): Promise<boolean> {
  const entries = parseGitConfig((await readGitFile(join(gitDir, 'config'))) ?? '') ?? [];
  const last = (name: string): string | undefined => entries.findLast((entry) => entry.name === name)?.value;
  const worktree = last('core.worktree');
  return (
    /^(true|yes|on|1)$/i.test(last('core.bare') ?? '') || (worktree !== undefined && resolve(gitDir, worktree) !== root)
  );
}

/** The variables that give git in the container its settings, in addition to those that the user gives in the same way. */
export function gitEnvironment(env: Readonly<Record<string, string | undefined>>): Record<string, string> {
  return gitSettings(env, SETTINGS);
}

function unsafe(path: string, why: string, cause?: unknown): OrchestrationError {
  return new OrchestrationError('UNSAFE_MOUNT', `Mounting ${quote(path)} is refused: ${why}.`, { cause });
}

function readonly(source: string, target = source): Mount {
  return { source, target, readonly: true };
}

function writable(source: string, target = source): Mount {
  return { source, target, readonly: false };
}
