import { lstat, readlink, realpath } from 'node:fs/promises';
import { join, resolve, sep } from 'node:path';
import { BoundedSearch, type SearchLimits } from '../../util/fs/bounded-search.js';
import { ignoreMissing } from '../../util/fs/ignore-missing.js';
import { COMMON } from '../container/container-places.js';
import { hashBytes, readIndex } from '../repository/index-file.js';
import { findGitLayout, gitLayoutAt, gitPath, gitPointer } from '../repository/layout.js';
import { GitHazards, isGitName, type PlantedFile, withinLimits } from './hazards.js';

export type { PlantedFile } from './hazards.js';

/** Everything that git on the machine would execute or follow in a checkout at one time. Plain data: it survives JSON. */
export interface GitSnapshot {
  checkout: string;
  /** The folders that an agent can write to, with their real paths. */
  owned: string[];
  /** Distinguishes this `.git` folder from another one in its place. Undefined if there was none, or if it was a file. */
  gitFolder?: string;
  hazards: string[];
}

/** The limits for git folders. They are reached only if somebody tries to reach them. */
const REPOSITORY_LIMITS: SearchLimits = { entries: 200_000, repositories: 1000, durationMs: 10_000 };
/** The limits for finding repositories in the workspace that no index names. Beyond these limits, no more are looked for. */
const WALK_LIMITS: SearchLimits = { entries: 50_000, repositories: 0, durationMs: 2000 };
const DEEPEST = 4;
const MOST_FOLDERS = 2000;
const AT_ONCE = 16;

/** Records what git on the machine would execute or follow in a checkout. Call this before an agent works in it. */
export async function snapshotGit(checkout: string): Promise<GitSnapshot> {
  const root = await realpath(checkout);
  const layout = await gitLayoutAt(root);
  const owned = [...new Set([root, ...(layout ? [layout.gitDir, layout.commonDir] : [])])];
  const gitFolder = await identityOf(root);
  const { found } = await hazardsOf(root, owned);
  return { checkout: root, owned, ...(gitFolder && { gitFolder }), hazards: [...found.keys()] };
}

/**
 * Finds what git on the machine would execute or follow now, but not when the snapshot was taken. Files are read, git is not
 * run, and the search ends however many files an agent has made.
 *
 * If an agent clones or creates a repository in its workspace, that alone plants nothing. Settings that every repository has,
 * and sample hooks, are not reported.
 */
export async function plantedSince(snapshot: GitSnapshot): Promise<PlantedFile[]> {
  const { checkout, owned, gitFolder, hazards } = snapshot;
  const now = await hazardsOf(checkout, owned);
  if (gitFolder !== undefined && (await identityOf(checkout)) !== gitFolder) {
    now.add(join(checkout, '.git'), 'it was replaced by another');
  }
  const before = new Set(hazards);
  return [...now.found].flatMap(([key, planted]) => (before.has(key) ? [] : [planted]));
}

async function identityOf(root: string): Promise<string | undefined> {
  const stats = await lstat(join(root, '.git')).catch(ignoreMissing);
  return stats?.isDirectory() ? `${stats.dev}:${stats.ino}` : undefined;
}

async function hazardsOf(root: string, owned: readonly string[]): Promise<GitHazards> {
  const search = new BoundedSearch(REPOSITORY_LIMITS);
  const hazards = new GitHazards(owned, search);
  await withinLimits(hazards, root, async () => {
    // The workspace may be inside a repository, whose index can name repositories inside the workspace.
    const around = await findGitLayout(root);
    if (around && around.root !== root) await gitlinks(hazards, around.root, around.gitDir);
    await checkoutAt(hazards, root);
    for (const { path, bare } of await nestedRepositories(root)) {
      await (bare ? hazards.gitFolder(path, path) : checkoutAt(hazards, path));
    }
  });
  return hazards;
}

/** Examines a folder with `.git` in it, and the nested repositories that its index names. */
async function checkoutAt(hazards: GitHazards, folder: string): Promise<void> {
  const real = await hazards.owned(folder);
  if (real === undefined || !hazards.first(`${real}\0checkout`)) return;
  const path = join(real, '.git');
  const kind = await lstat(path).catch(ignoreMissing);
  if (!kind) return;
  const gitDir = kind.isDirectory() ? path : await followed(hazards, real, path, kind.isSymbolicLink());
  if (gitDir === undefined) return;
  await hazards.gitFolder(gitDir, real);
  await gitlinks(hazards, real, gitDir);
}

/** The target of a `.git` that is not a folder. Undefined if the agent cannot write to the target. */
async function followed(hazards: GitHazards, root: string, path: string, isLink: boolean): Promise<string | undefined> {
  const target = isLink ? await readlink(path).catch(() => undefined) : await gitPointer(path);
  if (target === undefined) {
    hazards.add(path, 'it is neither a git folder nor leads to one');
    return undefined;
  }
  if (await isWorktreeInside(target)) return undefined;
  const gitDir = await hazards.owned(resolve(root, target));
  // The targets of submodules and worktrees are examined themselves. Any other target is reported.
  if (gitDir === undefined || !/\/\.git\/(modules|worktrees)\//.test(gitDir)) {
    hazards.add(path, `it leads git to ${resolve(root, target)}`, target);
  }
  return gitDir;
}

/** True for a worktree that an agent has added in its container. On the machine its pointer leads nowhere. */
async function isWorktreeInside(target: string): Promise<boolean> {
  return target.startsWith(`${COMMON}/worktrees/`) && !(await lstat(target).catch(ignoreMissing));
}

/** Examines the nested repositories that the index of a checkout names, because `git status` enters each of them. */
async function gitlinks(hazards: GitHazards, root: string, gitDir: string): Promise<void> {
  const commonDir = resolve(gitDir, (await gitPath(join(gitDir, 'commondir'))) ?? '');
  const length = await hashBytes(commonDir);
  for (const entry of await hazards.entries(gitDir)) {
    // An index can leave most of its entries to a shared index. Links are reported elsewhere already.
    if (!entry.isFile() || !/^(index|sharedindex\..*)$/.test(entry.name)) continue;
    const path = join(gitDir, entry.name);
    const facts = await readIndex(path, length).catch(() => undefined);
    if (!facts) hazards.addUnseen(path, 'it cannot be read, or is too long to be checked');
    if (facts?.problem) hazards.addUnseen(path, `it cannot be checked: ${facts.problem}`);
    for (const target of facts?.escapes ?? []) hazards.add(path, `git checkout . would write ${target}`);
    for (const gitlink of facts?.gitlinks ?? []) {
      if (gitlink.includes('\uFFFD')) hazards.add(path, `it names a repository that cannot be checked: ${gitlink}`);
      await checkoutAt(hazards, resolve(root, gitlink));
    }
  }
}

interface Nested {
  path: string;
  bare: boolean;
}

/** Repositories near the top of a workspace, where people and editors find them. Nearest first. */
async function nestedRepositories(root: string): Promise<Nested[]> {
  const search = new BoundedSearch(WALK_LIMITS);
  const nested: Nested[] = [];
  const folders = [root];
  const deepest = root.split(sep).length + DEEPEST;
  for (let at = 0; at < folders.length && at < MOST_FOLDERS; ) {
    const some = folders.slice(at, at + AT_ONCE);
    at += some.length;
    // A large workspace is not suspicious, so reaching the limit is not reported.
    const read = await Promise.all(some.map((folder) => search.entries(folder))).catch(() => undefined);
    if (!read) break;
    for (const [index, entries] of read.entries()) {
      const path = some[index] ?? root;
      const names = new Set(entries.map(({ name }) => name));
      if (entries.some(({ name }) => isGitName(name))) nested.push({ path, bare: false });
      if (names.has('HEAD') && names.has('objects') && names.has('refs')) nested.push({ path, bare: true });
      if (path.split(sep).length >= deepest) continue;
      const below = entries.filter(
        (entry) => entry.isDirectory() && entry.name !== 'node_modules' && !isGitName(entry.name),
      );
      folders.push(...below.map(({ name }) => join(path, name)));
    }
  }
  return nested;
}
