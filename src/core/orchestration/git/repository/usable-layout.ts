import { lstat, readlink, stat } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { messageOf, OrchestrationError, quote } from '../../util/errors.js';
import { ignoreMissing } from '../../util/fs/ignore-missing.js';
import { quoted } from '../../util/shell-quote.js';
import { borrowedObjects } from './borrowing.js';
import { configOf, type GitLayout, gitLayoutAt, gitPath, isGitFolder, isKnown, isOn, settingIn } from './layout.js';
import { unreachableSubmodule } from './own-submodules.js';
import { unreadablePart } from './readable-parts.js';

/**
 * The repository in which a session's folder lies, with everything checked that decides if git can work there.
 *
 * @param cwd the real path
 * @param needsFiles false if the session gets a worktree of its own, so that the repository may be bare
 * @returns undefined if the folder is in no repository
 * @throws OrchestrationError `INVALID_OPTIONS` if git could not work there, or if it is not certain that the repository belongs to
 * the folder
 */
export async function usableLayout(cwd: string, needsFiles: boolean): Promise<GitLayout | undefined> {
  try {
    const layout = await layoutAround(cwd);
    if (!layout) return undefined;
    await requireUsable(layout, cwd, needsFiles);
    const why = (await unreadablePart(layout, needsFiles)) ?? (needsFiles && (await unreachableSubmodule(layout)));
    if (why) throw new Unusable(why);
    return layout;
  } catch (cause) {
    if (!(cause instanceof Unusable)) throw cause;
    throw new OrchestrationError('INVALID_OPTIONS', `Option 'cwd' (${quote(cwd)}): ${cause.message}.`, { cause });
  }
}

/**
 * The same for a checkout that is about to be mounted, because an agent may have changed it since the session was created.
 *
 * @returns undefined if there is no repository
 * @throws OrchestrationError `UNSAFE_MOUNT`
 */
export async function mountableLayout(checkout: string): Promise<GitLayout | undefined> {
  const entry = join(checkout, '.git');
  const kind = await lstat(entry).catch(ignoreMissing);
  if (!kind) return undefined;
  try {
    const layout = await layoutOf(checkout, entry, kind);
    await requireUsable(layout, checkout, true);
    return layout;
  } catch (cause) {
    if (!(cause instanceof Unusable)) throw cause;
    throw new OrchestrationError('UNSAFE_MOUNT', `Mounting ${quote(checkout)} is refused: ${cause.message}.`, {
      cause,
    });
  }
}

/** Why git cannot work in a folder, and what to do. */
class Unusable extends Error {}

/** Looks for the repository as git does: upwards, and not beyond the file system. */
async function layoutAround(cwd: string): Promise<GitLayout | undefined> {
  const { dev, uid } = await stat(cwd);
  for (let folder = cwd; ; folder = dirname(folder)) {
    const entry = join(folder, '.git');
    const kind = await lstat(entry).catch(ignoreMissing);
    if (kind && folder !== cwd) await requireTrusted(folder, [folder, entry], uid);
    if (kind) return layoutOf(folder, entry, kind);
    if (await isGitFolder(folder)) {
      const isHidden = folder !== cwd || basename(folder) === '.git';
      if (isHidden) throw new Unusable(`it lies in the git folder ${quote(folder)}. Give a folder with files`);
      return { root: folder, gitDir: folder, commonDir: folder };
    }
    const parent = dirname(folder);
    if (parent === folder || (await stat(parent)).dev !== dev) return undefined;
  }
}

/**
 * Whoever owns a folder above decides by a `.git` there what is mounted. Git asks the same with `safe.directory`.
 *
 * @param paths the folder, and its `.git`
 * @param owner of the session's folder
 */
async function requireTrusted(folder: string, paths: readonly string[], owner: number): Promise<void> {
  const trusted = [owner, process.getuid?.() ?? owner, 0];
  for (const path of paths) {
    const { uid } = await lstat(path);
    if (trusted.includes(uid)) continue;
    throw new Unusable(
      `the repository around it, ${quote(folder)}, is refused: ${quote(path)} belongs to uid ${uid}, which is neither the owner of 'cwd' (uid ${owner}) nor the user of this process. ` +
        `Give ${quote(folder)} itself, change its owner, or make 'cwd' a repository of its own (git init)`,
    );
  }
}

async function layoutOf(
  folder: string,
  entry: string,
  kind: { isDirectory(): boolean; isSymbolicLink(): boolean },
): Promise<GitLayout> {
  if (kind.isSymbolicLink()) {
    const target = resolve(folder, await readlink(entry));
    throw new Unusable(
      `${quote(entry)} is a link to ${quote(target)}, which an agent may have made. If the link is your own, replace it by a file with ` +
        `the text 'gitdir: ' and that path, and then run: ${confirming(folder)}`,
    );
  }
  const layout = await gitLayoutAt(folder);
  if (!layout) throw new Unusable(`${quote(entry)} is neither a git folder nor leads to one. Repair or remove it`);
  if (await isGitFolder(layout.commonDir)) return layout;
  const where = kind.isDirectory() ? '' : ` leads to ${quote(layout.gitDir)}, which`;
  throw new Unusable(
    `${quote(entry)}${where} is no git repository: HEAD, objects or refs is missing. ${kind.isDirectory() ? `What was in it has to come from a copy or a new clone. If nothing was, run 'git init' there` : "Repair it, for example with 'git worktree repair'"}, or remove ${quote(entry)}`,
  );
}

async function requireUsable(layout: GitLayout, cwd: string, needsFiles: boolean): Promise<void> {
  const { root, gitDir, commonDir } = layout;
  const entries = await configOf(commonDir);
  if (!entries) throw new Unusable(`git cannot read ${quote(join(commonDir, 'config'))}. Correct the file`);
  const isBareFolder = gitDir === root;
  if (!isBareFolder && !(await isKnown(layout))) throw new Unusable(await unconfirmed(layout));
  const storage = settingIn(entries, 'extensions.refstorage');
  if (storage !== undefined && storage.toLowerCase() !== 'files') {
    throw new Unusable(
      `its repository keeps its branches in the format ${quote(storage)} (extensions.refStorage), which is not supported. Convert them with 'git refs migrate --ref-format=files'`,
    );
  }
  // The container gets nothing outside of the repository, so git would find no object there.
  const borrowed = await borrowedObjects(commonDir).catch(messageOf);
  if (borrowed !== undefined) throw new Unusable(borrowed);
  if (gitDir !== commonDir) return;
  if (isBareFolder || isOn(settingIn(entries, 'core.bare'))) {
    if (cwd !== root)
      throw new Unusable(`it is a folder beside the bare repository ${quote(gitDir)}. Give ${quote(root)}`);
    if (!needsFiles) return;
    throw new Unusable(
      'it is a bare repository, which has no files to work on. Give one of its worktrees, or the option worktree',
    );
  }
  const worktree = settingIn(entries, 'core.worktree');
  if (worktree === undefined || (await isRoot(resolve(gitDir, worktree), root))) return;
  throw new Unusable(
    `the files of its repository are in ${quote(resolve(gitDir, worktree))}, as core.worktree in ${quote(join(gitDir, 'config'))} says. Remove that setting, or make a worktree with 'git worktree add' and give that`,
  );
}

async function isRoot(path: string, root: string): Promise<boolean> {
  const [one, other] = await Promise.all([path, root].map((each) => stat(each).catch(() => undefined)));
  return one !== undefined && other !== undefined && one.dev === other.dev && one.ino === other.ino;
}

/** Why a checkout's repository does not lead back to it, and how the user confirms that it belongs to it. */
async function unconfirmed({ root, gitDir, commonDir }: GitLayout): Promise<string> {
  const leads = `${quote(join(root, '.git'))} leads to ${quote(gitDir)}, which does not lead back. An agent may have written the file`;
  // The git folder of another checkout belongs to that one only.
  const isSeparate = gitDir === commonDir && basename(gitDir) !== '.git';
  if (isSeparate) return `${leads}. If it is your own, confirm it: ${confirming(root)}`;
  const back = await gitPath(join(gitDir, 'gitdir'));
  if (basename(dirname(gitDir)) !== 'worktrees' || back === undefined)
    return `${leads}. Remove it, or clone the repository`;
  return `${leads}, or the worktree was moved. If it is your own, run: git -C ${quoted(root)} worktree repair`;
}

/** The command with which a user says that a git folder belongs to a checkout. */
function confirming(root: string): string {
  return `git -C ${quoted(root)} config core.worktree ${quoted(root)}`;
}
