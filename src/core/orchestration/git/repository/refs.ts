import { lstat, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { branchNameProblem } from '../../session/branch-name.js';
import { quote } from '../../util/errors.js';
import { BoundedSearch } from '../../util/fs/bounded-search.js';
import { ignoreMissing } from '../../util/fs/ignore-missing.js';
import { runGit } from './command.js';
import { parseGitConfig } from './config-file.js';
import { damaged } from './git-failure.js';
import { readGitFile } from './layout.js';
import type { GitView } from './view.js';

/** The longest name that a symbolic ref can have. */
const MOST_REF_BYTES = 4096;
/** Nobody has more branches below one name, but an agent could make millions. */
const SEARCH = { entries: 20_000, repositories: 0, durationMs: 2_000 };
const HEADS = 'refs/heads';
const OBJECT_ID = /^(?:[0-9a-f]{40}|[0-9a-f]{64})$/;

/**
 * The commit of a ref with its full name. Undefined if there is no such ref, or if its name is none that git allows.
 *
 * @throws Error if something else is in the place of the ref, because git would wait at a FIFO, and would read an endless file
 * forever; if the commit of a branch cannot be read
 */
export async function commitOf(view: GitView, ref: string): Promise<string | undefined> {
  if (!(await hasRef(view, ref))) return undefined;
  const commit = await commitNamed(view, `${ref}^{commit}`);
  if (commit !== undefined || !ref.startsWith(`${HEADS}/`)) return commit;
  // The name of a tag may lead to something else than a commit, that of a branch never does.
  throw new Error(`${damaged(view.layout.root)}: ${ref} exists, but its commit cannot be read`);
}

/** The object that an expression names. Undefined if it names none, or more than one. @throws Error if git cannot be run */
export async function commitNamed(
  view: GitView,
  expression: string,
  settings: readonly string[] = [],
): Promise<string | undefined> {
  try {
    const found = await runGit(view, [...settings, 'rev-parse', '--verify', '--quiet', '--end-of-options', expression]);
    // With `^`, git names what to leave out.
    return OBJECT_ID.exec(found.trim())?.[0];
  } catch (error) {
    if (typeof (error as { code?: unknown }).code === 'number') return undefined;
    throw error;
  }
}

/** True if there is a ref of this name. Git is not run. @throws Error as {@link commitOf} */
async function hasRef(view: GitView, ref: string): Promise<boolean> {
  if (branchNameProblem(ref)) return false; // An agent may have written the name into HEAD.
  const path = join(view.layout.commonDir, ref);
  const stats = await lstat(view.paths.to(path)).catch(ignoreMissing);
  if (stats && !stats.isDirectory() && (!stats.isFile() || stats.size > MOST_REF_BYTES)) {
    throw new Error(`${path} is no file with the name of a commit; remove it`);
  }
  return stats?.isFile() === true || (await packedRefs(view)).includes(` ${ref}\n`);
}

/** All refs that one name can stand for, in git's own order. */
export async function refsNamed(view: GitView, name: string): Promise<string[]> {
  const candidates = [
    ...(name.startsWith('refs/') ? [name] : []),
    ...[`refs/${name}`, `refs/tags/${name}`, `${HEADS}/${name}`, `refs/remotes/${name}`, `refs/remotes/${name}/HEAD`],
  ];
  const exist = await Promise.all(candidates.map((ref) => hasRef(view, ref)));
  return candidates.filter((_, index) => exist[index]);
}

/**
 * Refuses the name of a new branch beside which git cannot keep another one: `a/b` beside `a`, and names that differ only in
 * case on a file system that does not tell them apart.
 *
 * @throws Error
 */
export async function requireFreeName(view: GitView, branch: string): Promise<void> {
  const packed = await packedRefs(view);
  const config = parseGitConfig((await readGitFile(join(view.folder, 'config'))) ?? '') ?? [];
  const isSame = config.some(({ name, value }) => name === 'core.ignorecase' && value === 'true')
    ? (one: string, other: string) => one.toLowerCase() === other.toLowerCase()
    : (one: string, other: string) => one === other;
  const names = [...packed.matchAll(/ refs\/heads\/(.+)$/gm)].map(([, name = '']) => name);
  const found = names.find((name) => clashes(name, branch, isSame)) ?? (await looseClash(view, branch, isSame));
  if (found === undefined) return;
  throw new Error(`git cannot keep it beside the branch ${quote(found)} that exists; choose another name`);
}

type Same = (one: string, other: string) => boolean;

function clashes(existing: string, wanted: string, isSame: Same): boolean {
  const [one, other] = [existing.split('/'), wanted.split('/')];
  const common = Math.min(one.length, other.length);
  return isSame(one.slice(0, common).join('/'), other.slice(0, common).join('/'));
}

/** A branch that is not packed and is in the way of a new one. */
async function looseClash(view: GitView, branch: string, isSame: Same): Promise<string | undefined> {
  const search = new BoundedSearch(SEARCH);
  const parts = branch.split('/');
  const inFolder = async (folder: string, depth: number): Promise<string | undefined> => {
    const entries = await search.entries(view.paths.to(join(view.layout.commonDir, HEADS, folder)));
    for (const entry of entries) {
      const part = parts[depth];
      if (part !== undefined && !isSame(entry.name, part)) continue;
      const name = folder === '' ? entry.name : `${folder}/${entry.name}`;
      if (!entry.isDirectory()) return name;
      const below = await inFolder(name, depth + 1);
      if (below !== undefined) return below;
    }
    return undefined;
  };
  return inFolder('', 0);
}

async function packedRefs({ folder }: GitView): Promise<string> {
  return (await readFile(join(folder, 'packed-refs'), 'utf8').catch(ignoreMissing)) ?? '';
}
