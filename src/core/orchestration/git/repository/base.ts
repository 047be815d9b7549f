import { mkdir, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { branchNameProblem, SEARCH_PROBLEM, searchesMessages } from '../../session/branch-name.js';
import { messageOf, quote } from '../../util/errors.js';
import { writeNewFile } from '../../util/fs/owner.js';
import { readRegularFile } from '../../util/fs/regular-file.js';
import { quoted } from '../../util/shell-quote.js';
import { runGit } from './command.js';
import { parseGitConfig } from './config-file.js';
import { damaged } from './git-failure.js';
import { branchIn, readGitFile } from './layout.js';
import { commitNamed, commitOf, refsNamed } from './refs.js';
import { remoteBranches } from './remote-branches.js';
import type { GitView } from './view.js';

/** The name of a commit itself, not of something that leads to one. */
const COMMIT = /^[0-9a-f]{40}([0-9a-f]{24})?$/;

/** What a new branch starts from. */
export interface Start {
  readonly commit: string;
  /**
   * The branch or tag by its full name, if there is one. So a session that waits starts from what the branch is by then. In all
   * other cases the commit: `HEAD~1` of the checkout may mean another commit by then.
   */
  readonly name: string;
}

/**
 * What a new branch starts from: everything that `git rev-parse` takes, seen from the checkout of the workspace, except searches
 * in messages.
 *
 * @throws Error if there is no such commit, or more than one
 */
export async function startOf(view: GitView, branch: string, base: string | undefined): Promise<Start> {
  if (base === undefined) {
    const [only, ...others] = await remoteBranches(view, branch);
    const commit = only !== undefined && others.length === 0 ? await commitOf(view, only) : undefined;
    if (only !== undefined && commit !== undefined) return { commit, name: only };
  }
  return base === undefined || base === 'HEAD' || base === '@' ? checkedOut(view) : named(view, base);
}

/** The branch that is checked out, or the commit if none is. */
async function checkedOut(view: GitView): Promise<Start> {
  const branch = await branchIn(view.paths.to(view.layout.gitDir));
  const ref = `refs/heads/${branch}`;
  const commit = await (branch === undefined ? commitNamed(view, 'HEAD^{commit}') : commitOf(view, ref));
  if (commit !== undefined) return { commit, name: branch === undefined ? commit : ref };
  await requireReadableRefs(view);
  if (branch === undefined)
    throw new Error(`${damaged(view.layout.root)}: the commit that is checked out cannot be read`);
  throw new Error(
    `the branch that is checked out, ${quote(branch)}, has no commit to start from. Make a first commit, or give 'worktree.base'`,
  );
}

/** Tells a repository without commits from one whose list of branches git cannot read. @throws Error */
async function requireReadableRefs(view: GitView): Promise<void> {
  await runGit(view, ['for-each-ref', '--count=1']).catch((cause: unknown) => {
    throw new Error(`${damaged(view.layout.root)}: ${messageOf(cause)}`, { cause });
  });
}

async function named(view: GitView, base: string): Promise<Start> {
  if (searchesMessages(base)) throw new Error(`${quote(base)} ('worktree.base') ${SEARCH_PROBLEM}`);
  const name = base.split(/[~^:]|@\{/)[0] ?? '';
  const refs = branchNameProblem(name) || COMMIT.test(name) ? [] : await refsNamed(view, name);
  const commits = await Promise.all(refs.map((ref) => commitOf(view, ref)));
  if (new Set(commits).size > 1) {
    throw new Error(`${quote(base)} ('worktree.base') may mean each of ${refs.join(', ')}; give the full name`);
  }
  refuseOthers(view, base, name, refs);
  const [ref] = refs;
  const [commit] = commits;
  if (name === base && ref !== undefined && commit !== undefined) return { commit, name: ref };
  await lendPseudoRef(view, name);
  if (base.includes('@{')) await lendReflogs(view);
  const object = await commitNamed(view, base, await upstreams(view, base));
  const found = object === undefined ? undefined : await commitNamed(view, `${object}^{commit}`);
  if (found !== undefined) return { commit: found, name: found };
  throw new Error(await whyNone(view, base, object, ref));
}

/** Of one worktree only, by names that hold in all worktrees. */
const OF_ANOTHER = /^(main-worktree\/|worktrees\/[^/]+\/)/;
/** Of the checkout alone that one asks in. */
const OF_ONE = /^refs\/(worktree|bisect|rewritten)\//;

/**
 * Refuses what belongs to one worktree only. The view has the refs that all share, and those of the repository's own checkout, so it
 * would find nothing, or another commit.
 */
function refuseOthers({ layout }: GitView, base: string, name: string, refs: readonly string[]): void {
  const isOnes = refs.some((ref) => OF_ONE.test(ref)) || (refs.length === 0 && OF_ONE.test(`refs/${name}`));
  const isLinked = layout.gitDir !== layout.commonDir;
  if (!(refs.length === 0 && OF_ANOTHER.test(name)) && !(isLinked && (isOnes || OF_ONE.test(name)))) return;
  throw new Error(
    `${quote(base)} ('worktree.base') is a name that belongs to one worktree only, which is not supported; give the commit: ` +
      revParse(layout.root, base),
  );
}

function revParse(root: string, base: string): string {
  return `git -C ${quoted(root)} rev-parse --verify ${quoted(base)}`;
}

async function whyNone(
  view: GitView,
  base: string,
  object: string | undefined,
  ref: string | undefined,
): Promise<string> {
  const { root, commonDir } = view.layout;
  const given = `${quote(base)} ('worktree.base')`;
  if (object !== undefined) {
    const kind = await runGit(view, ['cat-file', '-t', object]).catch(() => 'object');
    return `${given} is a ${kind.trim()} and not a commit; give a branch, tag or commit`;
  }
  const isShallow = (await readGitFile(join(view.folder, 'shallow'))) !== undefined;
  if (!isShallow && ref !== undefined && ref === (await refsNamed(view, base))[0])
    return `${damaged(root)}: ${ref} exists, but its commit cannot be read`;
  await requireReadableRefs(view);
  const cut = `. ${quote(commonDir)} is a shallow clone: what lies before its cut, 'git fetch --unshallow' fetches`;
  return `there is no branch, tag or commit ${given} to start from, or more than one; see: ${revParse(root, base)}${isShallow ? cut : ''}`;
}

/** For comparison: a hundred thousand entries take 20 MB. */
const MOST_LOG_BYTES = 64 * 1024 * 1024;

/** `ORIG_HEAD`, `FETCH_HEAD` and the like: files beside the checkout's `HEAD`. */
async function lendPseudoRef({ layout, paths, folder, owner }: GitView, name: string): Promise<void> {
  if (!/^[A-Z_]*_HEAD$/.test(name)) return;
  const text = await readGitFile(paths.to(join(layout.gitDir, name)));
  if (text !== undefined) await writeNewFile(join(folder, name), text, owner);
}

/** For `@{1}` and `main@{yesterday}`. */
async function lendReflogs({ layout, paths, folder, owner }: GitView): Promise<void> {
  const logs = join(folder, 'logs');
  await mkdir(logs);
  // A copy, because git takes the branch's log instead if this one is a link.
  const head = await readRegularFile(paths.to(join(layout.gitDir, 'logs/HEAD')), { most: MOST_LOG_BYTES }).catch(
    () => undefined,
  );
  // If the view belongs to the repository's owner, that user may put a link in the place of the folder.
  if (head) await writeNewFile(paths.to(join(logs, 'HEAD')), head, owner);
  await symlink(paths.to(join(layout.commonDir, 'logs/refs'), 1), paths.to(join(logs, 'refs')));
}

/** The settings that `@{upstream}` and `@{push}` need. They only name branches: nothing is fetched or executed. */
async function upstreams({ layout, paths }: GitView, base: string): Promise<string[]> {
  if (!/@\{(u|upstream|push)\}/i.test(base)) return [];
  const entries = parseGitConfig((await readGitFile(paths.to(join(layout.commonDir, 'config')))) ?? '') ?? [];
  const needed = /^(branch\..+\.(remote|merge|pushremote)|remote\..+\.(fetch|push)|remote\.pushdefault|push\.default)$/;
  return entries.flatMap(({ name, value }) => {
    return needed.test(name) && !/[=\n]/.test(name) ? ['-c', `${name}=${value}`] : [];
  });
}
