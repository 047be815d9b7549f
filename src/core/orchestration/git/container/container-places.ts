import { basename, join } from 'node:path';
import { WORKSPACE } from '../../session/agent-place.js';
import type { GitLayout } from '../repository/layout.js';

/**
 * The folder in a container that git takes for the folder that all worktrees share (`commondir`). It is the session's own. Only
 * its configuration, hooks and list of worktrees are in it. All else in it leads to the repository by links.
 */
export const COMMON = '/run/autonomous-orchestration/git';
/** The folder in a container where the repository of a linked worktree is. */
const REPOSITORY = '/run/autonomous-orchestration/repository';
/** The name of a checkout that is no linked worktree, in the session's list of worktrees. */
const MAIN = 'main-checkout';

/** How a checkout's git folders are found in a container. */
export interface GitPlaces {
  readonly layout: GitLayout;
  /** `.git` is a folder of the checkout itself. */
  readonly isPlain: boolean;
  /** The checkout is a linked worktree, so that the repository is somebody else's too. */
  readonly isLinked: boolean;
  /** The name in the session's list of worktrees. */
  readonly name: string;
  /** The path of the checkout's own git folder in the container. */
  readonly gitDir: string;
  /** The path of the repository's shared folder in the container. */
  readonly repository: string;
}

export function placesOf(layout: GitLayout): GitPlaces {
  const { root, gitDir, commonDir } = layout;
  const isPlain = gitDir === join(root, '.git');
  const isLinked = gitDir !== commonDir;
  const name = isLinked ? basename(gitDir) : MAIN;
  const place = isPlain ? join(WORKSPACE, '.git') : join(COMMON, 'worktrees', name);
  return { layout, isPlain, isLinked, name, gitDir: place, repository: isLinked ? REPOSITORY : place };
}

/** The same for a session that may only read. Git then uses the repository itself. */
export function readOnlyPlacesOf(layout: GitLayout): GitPlaces {
  const places = placesOf(layout);
  if (places.isPlain) return places;
  const gitDir = places.isLinked ? join(REPOSITORY, 'worktrees', places.name) : REPOSITORY;
  return { ...places, gitDir, repository: REPOSITORY };
}
