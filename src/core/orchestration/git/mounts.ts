import { link, lstat, mkdir, realpath, rm, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { nanoid } from 'nanoid';
import { OrchestrationError, quote, systemCode } from '../util/errors.js';
import { ignoreMissing } from '../util/fs/ignore-missing.js';
import { withLinkFreePaths } from '../util/fs/link-free-paths.js';
import type { Mount } from '../workspace/mount.js';
import { parseGitConfig } from './config-file.js';
import { type GitLayout, gitLayoutAt, gitPath, isKnown, readGitFile } from './layout.js';
import { type GitSetting, gitSettings } from './settings.js';

/** Where the workspace is in the container. */
export const WORKSPACE = '/workspace';

/**
 * Leads a git folder to itself, which means the same as no `commondir`. Not `.`: libgit2 takes that for no repository.
 */
const OWN_COMMONDIR = './\n';

/** Git settings for the container, see {@link gitEnvironment}. */
const SETTINGS: readonly GitSetting[] = [
  // The workspace belongs to a host user that the image may not know.
  ['safe.directory', '*'],
  // Packing would fail halfway in a worktree, where `packed-refs` is read-only.
  ['gc.auto', '0'],
];

/**
 * The mounts that git needs in the container, and no more: the agent can commit, branch, merge, reset, tag and stash,
 * but it cannot plant what git on the host would execute (hooks, `core.fsmonitor` and other commands in `config`, a
 * `commondir` that leads to a configuration of its own).
 *
 * @param checkout the folder that is mounted at `/workspace`
 * @throws OrchestrationError `UNSAFE_MOUNT` where a part of the git folder is a link: an agent may have made it
 */
export async function gitMounts(checkout: string): Promise<Mount[]> {
  return withoutLinks(await plannedMounts(checkout));
}

/**
 * The mounts that git needs to read a checkout: what of its git folder lies outside of it.
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
    // A mount of its own cannot be moved away and replaced by another `.git`.
    const target = join(WORKSPACE, '.git');
    if (await worksElsewhere(layout)) return [readonly(layout.gitDir, target)];
    return [writable(layout.gitDir, target), ...(await executableParts(layout.gitDir, target))];
  }
  // A `.git` file is followed only where it is answered: an agent may have written one that leads anywhere.
  if (!(await isKnown(layout))) return [];
  const pointer = readonly(inWorkspace, join(WORKSPACE, '.git'));
  return layout.gitDir === layout.commonDir
    ? [pointer, writable(layout.gitDir), ...(await executableParts(layout.gitDir, layout.gitDir))]
    : [pointer, ...(await worktreeMounts(layout))];
}

/** A linked worktree: everything shared is read-only but what a commit writes. */
async function worktreeMounts({ gitDir, commonDir }: GitLayout): Promise<Mount[]> {
  await createParts(commonDir, WRITTEN);
  await createParts(gitDir, { 'config.worktree': '' });
  return [
    readonly(commonDir),
    // Not all of `logs`: a link in the place of `logs/HEAD` would be written through at every commit on the host.
    ...[...WRITTEN_PARTS, 'logs/refs'].map((part) => writable(join(commonDir, part))),
    readonly(join(commonDir, ALTERNATES)),
    writable(gitDir),
    ...['commondir', 'gitdir', 'config.worktree'].map((file) => readonly(join(gitDir, file))),
  ];
}

/**
 * What a commit writes, and what leads to it: mounts of their own, because the kernel lets nobody rename a mount point. In a
 * plain repository, whose git folder is writable, an agent could otherwise put a link in the place of one of them, and have it
 * mounted for the next session that works on the same repository.
 */
const WRITTEN_PARTS = ['objects', 'objects/info', 'refs'];

/** Leads git to the objects of another repository, with all that is in them. Read-only, and empty unless the user had one. */
const ALTERNATES = 'objects/info/alternates';

/** Parts of a git folder that may be missing, folders by `undefined`, files by their content. */
type MissingParts = Readonly<Record<string, string | undefined>>;

const WRITTEN: MissingParts = { 'objects/info': undefined, [ALTERNATES]: '', logs: undefined, 'logs/refs': undefined };

/**
 * What git executes or follows from inside a `.git` folder that is writable otherwise. What is not there yet has to be
 * made, so that it can be protected, in a way that changes nothing for git and may stay.
 */
async function executableParts(gitDir: string, target: string): Promise<Mount[]> {
  await createParts(gitDir, {
    ...WRITTEN,
    hooks: undefined,
    worktrees: undefined,
    config: '',
    // Git reads it only with extensions.worktreeConfig, but then it can name commands.
    'config.worktree': '',
    commondir: OWN_COMMONDIR,
  });
  const commondir = join(gitDir, 'commondir');
  // Where it is a link, that is found later.
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
 * Makes the parts that are not there. No link is followed on the way: an agent may put one there at any moment.
 *
 * @throws OrchestrationError `UNSAFE_MOUNT` where a folder on the way is a link
 */
async function createParts(gitDir: string, parts: MissingParts): Promise<void> {
  const names = Object.keys(parts);
  const found = await Promise.all(names.map((name) => lstat(join(gitDir, name)).catch(ignoreMissing)));
  const missing = names.filter((_, index) => !found[index]);
  if (missing.length === 0) return;
  await withLinkFreePaths(async (paths) => {
    for (const name of missing) {
      const path = join(gitDir, name);
      await create(paths.to(path), parts[name]).catch((cause: unknown) => {
        throw systemCode(cause) === 'ELOOP' ? unsafe(path, 'a folder on the way is a link', cause) : cause;
      });
    }
  });
}

/** Makes a file, or a folder where there is no content, unless something is there already, of whatever kind. */
async function create(path: string, content?: string): Promise<void> {
  const exists = (error: unknown): void => {
    if (systemCode(error) !== 'EEXIST') throw error;
  };
  if (content === undefined) return mkdir(path).catch(exists);
  // Git fails on a `commondir` that is still empty, and a link never replaces what another session mounts already.
  const draft = `${path}.${nanoid()}`;
  await writeFile(draft, content, { flag: 'wx' });
  await link(draft, path)
    .catch(exists)
    .finally(() => rm(draft));
}

/**
 * Whether the files of a plain repository are somewhere else, or nowhere: git would no longer know that with a
 * `commondir`, and an agent in its folder has nothing to commit.
 */
async function worksElsewhere({ root, gitDir }: GitLayout): Promise<boolean> {
  const entries = parseGitConfig((await readGitFile(join(gitDir, 'config'))) ?? '') ?? [];
  const last = (name: string): string | undefined => entries.findLast((entry) => entry.name === name)?.value;
  const worktree = last('core.worktree');
  return (
    /^(true|yes|on|1)$/i.test(last('core.bare') ?? '') || (worktree !== undefined && resolve(gitDir, worktree) !== root)
  );
}

/** The variables that give git in the container its settings, besides those that the user gives it the same way. */
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
