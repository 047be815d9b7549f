import { realpath } from 'node:fs/promises';
import { join } from 'node:path';
import { messageOf, OrchestrationError } from '../../util/errors.js';
import { writeAtomically } from '../../util/fs/atomic-file.js';
import type { Mount } from '../../workspace/mount.js';
import { requireInside, type Workspaces } from '../repository/confinement.js';
import { machineUser, type Person } from '../repository/machine-user.js';
import { mountableLayout } from '../repository/usable-layout.js';
import type { GitPlaces } from './container-places.js';
import { type GitIdentity, systemConfig } from './identity.js';
import { gitEnvironment, gitMounts, readOnlyGitMounts } from './mounts.js';
import { SessionGit } from './session-git.js';

/** Where the container has the settings for all its repositories. */
const SYSTEM_CONFIG = '/run/autonomous-orchestration/gitconfig';
/** Where the container has the ignore rules of the user of the machine. */
const IGNORE_FILE = '/run/autonomous-orchestration/gitignore';

/** A session whose container gets git. */
export interface GitRequest {
  /** The real path of the folder that is mounted at `/workspace`. */
  readonly checkout: string;
  /** The session's folder. */
  readonly folder: string;
  readonly readOnly: boolean;
  readonly workspaces: Workspaces;
  /** The variables that the user gives to the container. */
  readonly env: Readonly<Record<string, string>>;
  /** The identity that the user gave. Default: that of the machine's git. */
  readonly identity: GitIdentity | undefined;
  readonly person: Person;
}

/** What a container gets for git. */
export interface ContainerGit {
  readonly mounts: readonly Mount[];
  readonly env: Readonly<Record<string, string>>;
  /** The checked folder that all worktrees of the repository share. Absent if there is no repository. */
  readonly commonDir?: string;
  /** What the agent has to know about git here. Absent if there is no repository. */
  readonly note?: string;
}

/**
 * Everything that git needs in a container.
 *
 * @throws OrchestrationError `UNSAFE_MOUNT` if an agent may have made the checkout lead elsewhere
 */
export async function containerGit(request: GitRequest): Promise<ContainerGit> {
  const { checkout, readOnly, env } = request;
  const layout = await mountableLayout(checkout);
  const { ignore, identity: own } = await machineUser(checkout, layout?.gitDir ?? checkout, request.person);
  if (ignore.problem !== undefined) {
    process.emitWarning(`The ignore rules of git on this machine do not count in sessions: ${ignore.problem}.`, {
      code: 'GIT_IGNORE_LEFT_OUT',
    });
  }
  const identity = request.identity ?? own;
  const folder = await realpath(request.folder);
  const files = new SessionGit(join(folder, 'git'));
  const { repository, all, places } = await (readOnly
    ? readOnlyGitMounts(layout, files)
    : gitMounts(layout, files, identity));
  await requireGitInside(repository, request.workspaces);
  const system = await systemMounts(folder, { identity, ignore: ignore.text }, env);
  return {
    mounts: [...all, ...system],
    env: { ...gitEnvironment(env), ...(system.length > 0 && { GIT_CONFIG_SYSTEM: SYSTEM_CONFIG }) },
    ...(places && { commonDir: places.layout.commonDir }),
    ...(places && !readOnly && { note: noteOn(places) }),
  };
}

interface ForAll {
  readonly identity: GitIdentity;
  /** The user's ignore rules, without which the agent would commit files that the user never commits. */
  readonly ignore: string | undefined;
}

/** Gives settings to all repositories of the container, unless the user has settings of their own for it. */
async function systemMounts(folder: string, { identity, ignore }: ForAll, env: GitRequest['env']): Promise<Mount[]> {
  const isUnknown = identity.name === undefined && identity.email === undefined && ignore === undefined;
  if (isUnknown || 'GIT_CONFIG_SYSTEM' in env || 'GIT_CONFIG_NOSYSTEM' in env) return [];
  const [config, rules] = [join(folder, 'gitconfig'), join(folder, 'gitignore')];
  await writeAtomically(config, systemConfig(identity, ignore === undefined ? undefined : IGNORE_FILE), 0o644);
  const mounts = [{ source: config, target: SYSTEM_CONFIG, readonly: true }];
  if (ignore === undefined) return mounts;
  await writeAtomically(rules, ignore, 0o644);
  return [...mounts, { source: rules, target: IGNORE_FILE, readonly: true }];
}

/**
 * Checks exactly the folders that are mounted, because a `.git` file may have been replaced since the workspace was checked.
 */
async function requireGitInside(mounts: readonly Mount[], workspaces: Workspaces): Promise<void> {
  try {
    for (const { source } of mounts) await requireInside(source, workspaces, 'the git folder');
  } catch (cause) {
    throw new OrchestrationError('UNSAFE_MOUNT', `Mounting is refused: ${messageOf(cause)}.`, { cause });
  }
}

function noteOn({ isLinked, isPlain }: GitPlaces): string {
  return [
    'About git here: what you commit, and your branches, tags and stashes, are in the repository of the user. Its configuration ' +
      'is a copy for this session: what you set with `git config`, remotes and upstream branches, hooks that you install and ' +
      'worktrees that you add do not leave this container. Commits are not signed. Claude Code may refuse to make a worktree ' +
      "of its own here (EnterWorktree, or a subagent with isolation 'worktree'); use `git worktree add` instead.",
    ...(isPlain ? [] : ['Submodules that are empty cannot be initialised here.']),
    ...(isLinked
      ? [
          'In this worktree git cannot lock the packed refs: deleting or renaming a branch or tag, `git bisect` and `git gc` do not ' +
            'work, and other commands may print an error about packed-refs.lock although they have done their work.',
        ]
      : []),
  ].join(' ');
}
