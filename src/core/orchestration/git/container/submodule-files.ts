import { isAbsolute, join, relative } from 'node:path';
import { WORKSPACE } from '../../session/agent-place.js';
import { OrchestrationError, quote } from '../../util/errors.js';
import { isInside } from '../../util/fs/is-inside.js';
import type { LinkFreePaths } from '../../util/fs/link-free-paths.js';
import { configText } from '../repository/config-text.js';
import { settingIn } from '../repository/layout.js';
import { MOST_SUBMODULES, type OwnSubmodule, submodulesOf, tooMany } from '../repository/own-submodules.js';
import type { GitPlaces } from './container-places.js';

/** A file that the container gets in the place of one of a submodule. */
export interface SubmoduleFile {
  /** Where the container has it. */
  readonly target: string;
  readonly text: string;
}

/**
 * The files with which git finds the initialised submodules in a container. Git itself writes relative paths into a submodule's `.git`
 * and `core.worktree`. Where the checkout's git folder has another place in the container than on the machine, they lead nowhere.
 *
 * @param keepsModules the container has the submodules' git folders at the path of the machine as well
 * @throws OrchestrationError `UNSAFE_MOUNT` if there are too many
 */
export async function submoduleFiles(
  places: GitPlaces,
  paths: LinkFreePaths,
  keepsModules: boolean,
): Promise<SubmoduleFile[]> {
  const { own } = await submodulesOf(places.layout, paths);
  if (own.length > MOST_SUBMODULES) {
    throw new OrchestrationError('UNSAFE_MOUNT', `Mounting ${quote(places.layout.root)} is refused: ${tooMany()}.`);
  }
  const lost = own.filter((each) => !isFound(each, places, keepsModules));
  return lost.flatMap((each) => filesOf(each, places));
}

/** True if git in the container finds the submodule by what is written on the machine. */
function isFound(
  { pointer, config, worktreeConfig }: OwnSubmodule,
  { layout: { root, gitDir }, isLinked }: GitPlaces,
  keepsModules: boolean,
): boolean {
  const worktree = settingIn([...config, ...worktreeConfig], 'core.worktree');
  if (!isLinked && isInside(gitDir, root))
    return !isAbsolute(pointer) && !(worktree !== undefined && isAbsolute(worktree));
  return keepsModules && isAbsolute(pointer) && worktree === undefined;
}

function filesOf(submodule: OwnSubmodule, { layout, gitDir, repository }: GitPlaces): SubmoduleFile[] {
  const place = join(gitDir, relative(layout.gitDir, submodule.gitDir));
  const moved = [
    { from: layout.gitDir, to: gitDir },
    { from: layout.commonDir, to: repository },
    { from: layout.root, to: WORKSPACE },
  ];
  const configs = [
    ['config', submodule.config],
    ['config.worktree', submodule.worktreeConfig],
  ] as const;
  return [
    { target: join(WORKSPACE, relative(layout.root, submodule.folder), '.git'), text: `gitdir: ${place}` },
    // Without `core.worktree`, git finds the files by the `.git` beside them.
    ...configs
      .filter(([name, entries]) => name === 'config' || settingIn(entries, 'core.worktree') !== undefined)
      .map(([name, entries]) => ({
        target: join(place, name),
        text: configText(entries, submodule.gitDir, moved),
      })),
  ];
}
