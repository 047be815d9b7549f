import { lstat, realpath } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { quote } from '../../util/errors.js';
import { isInside } from '../../util/fs/is-inside.js';
import { type LinkFreePaths, withLinkFreePaths } from '../../util/fs/link-free-paths.js';
import { type GitConfigEntry, parseGitConfig } from './config-file.js';
import { type GitLayout, gitPointer, readGitFile, settingIn } from './layout.js';
import { isModuleName } from './module-name.js';

/** How many initialised submodules a checkout may have, with those of submodules. */
export const MOST_SUBMODULES = 200;
/** Nobody nests submodules deeper. */
const DEEPEST = 5;

/** An initialised submodule of a checkout. */
export interface OwnSubmodule {
  /** Its folder on the machine. */
  readonly folder: string;
  /** Its git folder on the machine, in the `modules` of the checkout's git folder. */
  readonly gitDir: string;
  /** What its `.git` says. */
  readonly pointer: string;
  /** The settings of its `config`. */
  readonly config: readonly GitConfigEntry[];
  /** The settings of its `config.worktree`. Empty if git does not read that. */
  readonly worktreeConfig: readonly GitConfigEntry[];
}

/** The submodules of a checkout, by the place of their git folders. */
export interface Submodules {
  /** One more than {@link MOST_SUBMODULES} at most. */
  readonly own: readonly OwnSubmodule[];
  /** Those whose git folder is neither in the checkout nor in its git folder. */
  readonly elsewhere: readonly Pick<OwnSubmodule, 'folder' | 'gitDir'>[];
}

/**
 * Finds the initialised submodules of a checkout, and those of submodules, whose `.git` is a file. An agent can write these files, and
 * `.gitmodules`. So only a `.git` that leads into the `modules` of the git folder around it counts, without a link on the way.
 */
export async function submodulesOf({ root, gitDir }: GitLayout, paths: Pick<LinkFreePaths, 'to'>): Promise<Submodules> {
  const own: OwnSubmodule[] = [];
  const elsewhere: Pick<OwnSubmodule, 'folder' | 'gitDir'>[] = [];
  const search = async (around: string, modules: string, depth: number): Promise<void> => {
    for (const path of await pathsIn(around, paths)) {
      if (own.length > MOST_SUBMODULES) return;
      const folder = join(around, path);
      const pointer = await gitPointer(paths.to(join(folder, '.git')));
      if (pointer === undefined) continue;
      const target = await realpath(resolve(folder, pointer)).catch(() => undefined);
      if (target === undefined || own.some((other) => other.gitDir === target)) continue;
      if (target !== modules && isInside(target, modules)) {
        const found = await submoduleAt(folder, target, pointer, paths);
        if (!found) continue;
        own.push(found);
        if (depth < DEEPEST) await search(folder, join(target, 'modules'), depth + 1);
      } else if (!isInside(target, root) && (await hasHead(target))) elsewhere.push({ folder, gitDir: target });
    }
  };
  await search(root, join(gitDir, 'modules'), 1);
  return { own, elsewhere };
}

/** Why git in a container would not find the git folder of a submodule of a checkout. */
export async function unreachableSubmodule(layout: GitLayout): Promise<string | undefined> {
  if (!(await lstat(join(layout.root, '.gitmodules')).catch(() => undefined))) return undefined;
  const { own, elsewhere } = await withLinkFreePaths((paths) => submodulesOf(layout, paths));
  if (own.length > MOST_SUBMODULES) return tooMany();
  const [first] = elsewhere;
  if (!first) return undefined;
  return (
    `the git folder of its submodule ${quote(first.folder)} is ${quote(first.gitDir)}, which a container does not get. ` +
    `Make the submodule anew with 'git submodule update --init', or give the submodule itself`
  );
}

/** Each submodule is mounted. */
export function tooMany(): string {
  return `it has more than ${MOST_SUBMODULES} initialised submodules. Remove some with 'git submodule deinit'`;
}

async function pathsIn(folder: string, paths: Pick<LinkFreePaths, 'to'>): Promise<string[]> {
  const text = (await readGitFile(paths.to(join(folder, '.gitmodules')))) ?? '';
  const found = (parseGitConfig(text) ?? [])
    .filter(({ name }) => /^submodule\..+\.path$/s.test(name))
    .map(({ value }) => value.replace(/\/+$/, ''))
    // A path has to stay in the checkout as well.
    .filter((path) => isModuleName(path) && !path.split('/').some((part) => part.toLowerCase() === '.git'));
  return [...new Set(found)].slice(0, MOST_SUBMODULES + 1);
}

async function submoduleAt(
  folder: string,
  gitDir: string,
  pointer: string,
  paths: Pick<LinkFreePaths, 'to'>,
): Promise<OwnSubmodule | undefined> {
  if (!(await lstat(paths.to(join(gitDir, 'HEAD'))).catch(() => undefined))) return undefined;
  const [text, worktreeText] = await Promise.all(
    ['config', 'config.worktree'].map((name) => readGitFile(paths.to(join(gitDir, name)))),
  );
  const config = parseGitConfig(text ?? '');
  if (text === undefined || !config) return undefined;
  const isRead = settingIn(config, 'extensions.worktreeconfig') !== undefined;
  const worktreeConfig = isRead ? (parseGitConfig(worktreeText ?? '') ?? []) : [];
  return { folder, gitDir, pointer, config, worktreeConfig };
}

async function hasHead(folder: string): Promise<boolean> {
  return (await lstat(join(folder, 'HEAD')).catch(() => undefined)) !== undefined;
}
