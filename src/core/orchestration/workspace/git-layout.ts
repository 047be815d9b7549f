import { readFile, realpath, stat } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { systemCode } from '../errors.js';

/** Where git keeps what belongs to a checkout. */
export interface GitLayout {
  /** The top of the checkout: the folder with `.git` in it. */
  root: string;
  /** The checkout's own folder: `.git`, or `<repository>/.git/worktrees/<name>`. */
  gitDir: string;
  /** What all worktrees share: `<repository>/.git`. */
  commonDir: string;
}

/**
 * Finds the git folders of a checkout by reading files, as git itself would. No git is run: a repository that an agent
 * worked in may make git execute things.
 */
export async function gitLayoutAt(folder: string): Promise<GitLayout | undefined> {
  const root = await realpath(folder);
  const entry = join(root, '.git');
  const kind = await stat(entry).catch(ignoreMissing);
  if (!kind) return undefined;
  if (kind.isDirectory()) return { root, gitDir: entry, commonDir: entry };
  const pointer = /^gitdir: (.+)$/m.exec(await readFile(entry, 'utf8'))?.[1];
  if (pointer === undefined) return undefined;
  const gitDir = resolve(root, pointer.trim());
  const common = await readFile(join(gitDir, 'commondir'), 'utf8').catch(ignoreMissing);
  return { root, gitDir, commonDir: common === undefined ? gitDir : resolve(gitDir, common.trim()) };
}

/** The checkout that a folder is in, if it is in one. */
export async function findGitLayout(folder: string): Promise<GitLayout | undefined> {
  const layout = await gitLayoutAt(folder);
  if (layout) return layout;
  const parent = dirname(folder);
  return parent === folder ? undefined : findGitLayout(parent);
}

/** The branch checked out in a folder; undefined where none is, or outside a repository. */
export async function checkedOutBranch(folder: string): Promise<string | undefined> {
  const layout = await findGitLayout(folder);
  if (!layout) return undefined;
  const head = await readFile(join(layout.gitDir, 'HEAD'), 'utf8').catch(ignoreMissing);
  return /^ref: refs\/heads\/(.+)$/m.exec(head ?? '')?.[1];
}

/** For `catch`: what is not there is undefined, any other failure stays one. */
export function ignoreMissing(error: unknown): undefined {
  const code = systemCode(error);
  if (code !== 'ENOENT' && code !== 'ENOTDIR') throw error;
}
