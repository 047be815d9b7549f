import { mkdir, open, realpath, stat } from 'node:fs/promises';
import { dirname, join, relative } from 'node:path';
import { OrchestrationError, shown } from '../errors.js';
import { type GitLayout, gitLayoutAt, ignoreMissing, readGitFile } from './git-layout.js';
import { type GitSetting, gitSettings } from './git-settings.js';
import type { Mount } from './mounts.js';

/** Where the workspace is in the container. */
export const WORKSPACE = '/workspace';

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
  const mounts = await plannedMounts(checkout);
  for (const { source } of mounts) {
    const real = await realpath(source);
    if (real === source) continue;
    throw new OrchestrationError(
      'UNSAFE_MOUNT',
      `Mounting ${shown(source)} is refused: it is a link to ${shown(real)}. Replace the link by what it leads to.`,
    );
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
    return [writable(layout.gitDir, target), ...(await executableParts(layout.gitDir, target))];
  }
  // A `.git` file is followed only where it is answered: an agent may have written one that leads anywhere.
  if (!(await pointsBack(layout, inWorkspace))) return [];
  const pointer = readonly(inWorkspace, join(WORKSPACE, '.git'));
  return layout.gitDir === layout.commonDir
    ? [pointer, writable(layout.gitDir), ...(await executableParts(layout.gitDir, layout.gitDir))]
    : [pointer, ...(await worktreeMounts(layout))];
}

/** A linked worktree: everything shared is read-only but what a commit writes. */
async function worktreeMounts({ gitDir, commonDir }: GitLayout): Promise<Mount[]> {
  const logs = join(commonDir, 'logs');
  await mkdir(logs, { recursive: true });
  // Git reads it only with extensions.worktreeConfig, but then it can name commands. It has to exist to be protected.
  await (await open(join(gitDir, 'config.worktree'), 'a')).close();
  return [
    readonly(commonDir),
    ...[join(commonDir, 'objects'), join(commonDir, 'refs'), logs, gitDir].map((path) => writable(path)),
    ...['commondir', 'gitdir', 'config.worktree'].map((file) => readonly(join(gitDir, file))),
  ];
}

/** What git executes from inside a `.git` folder that is writable otherwise. */
async function executableParts(gitDir: string, target: string): Promise<Mount[]> {
  await mkdir(join(gitDir, 'hooks'), { recursive: true });
  const parts = ['config', 'hooks', 'config.worktree'];
  const present = await Promise.all(parts.map((part) => stat(join(gitDir, part)).catch(ignoreMissing)));
  return parts.flatMap((part, index) => (present[index] ? [readonly(join(gitDir, part), join(target, part))] : []));
}

/** Whether the repository knows the checkout too: `gitdir` of a worktree, `core.worktree` of a submodule. */
async function pointsBack({ root, gitDir, commonDir }: GitLayout, pointer: string): Promise<boolean> {
  if (gitDir !== commonDir) {
    // A forged git folder could answer for itself, and name any folder of the host as its repository.
    if (dirname(gitDir) !== join(commonDir, 'worktrees')) return false;
    const back = await readGitFile(join(gitDir, 'gitdir'));
    return back !== undefined && (await realpath(back.trim()).catch(ignoreMissing)) === pointer;
  }
  const config = await readGitFile(join(gitDir, 'config'));
  return /^\s*worktree = (.+)$/m.exec(config ?? '')?.[1] === relative(gitDir, root);
}

/** The variables that give git in the container its settings, besides those that the user gives it the same way. */
export function gitEnvironment(env: Readonly<Record<string, string | undefined>>): Record<string, string> {
  return gitSettings(env, SETTINGS);
}

function readonly(source: string, target = source): Mount {
  return { source, target, readonly: true };
}

function writable(source: string, target = source): Mount {
  return { source, target, readonly: false };
}
