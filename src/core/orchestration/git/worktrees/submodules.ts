import { lstat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { quote, systemCode } from '../../util/errors.js';
import { ignoreMissing } from '../../util/fs/ignore-missing.js';
import { inWords } from '../../util/fs/in-words.js';
import { makeFolder, writeNewFile } from '../../util/fs/owner.js';
import { checkOut, installIndex, runGit } from '../repository/command.js';
import { parseGitConfig } from '../repository/config-file.js';
import { isHarmless } from '../repository/harmless.js';
import { hashBytes } from '../repository/index-file.js';
import { readGitFile } from '../repository/layout.js';
import { isModuleName } from '../repository/module-name.js';
import { type GitView, withGitView } from '../repository/view.js';
import { TreeCopy } from './copied-tree.js';
import { CopyBudget } from './copy-budget.js';
import { addressOf, isRelativeUrl, wholeUrl } from './submodule-url.js';
import { submodulesIn } from './submodule-work.js';

/** Nobody nests submodules deeper. */
const DEEPEST = 5;
/** For all submodules of a worktree together. */
const LIMITS = { files: 500_000, bytes: 50 * 1024 ** 3, durationMs: 10 * 60_000 };

/** A checkout in which submodules are missing. */
interface Outer {
  /** The files, out of the reach of agents. Their index is in the view. */
  readonly folder: string;
  /** The git folder that is to have the submodules' git folders in its `modules`. */
  readonly gitDir: string;
  /** The address to which relative ones of the submodules belong. Default: that of the repository's remote. */
  readonly url?: string;
}

/**
 * Initialises the submodules of a new worktree from what the repository has of them in `.git/modules`. Nothing is fetched, and no
 * configuration of a submodule is read. Each gets a git folder of its own with copies of the objects, as
 * `git submodule update --init` would make it.
 *
 * @param recursive also initialises the submodules of submodules
 * @returns why submodules are missing, in sentences
 * @throws Error if the disk is full
 */
export async function initSubmodules(
  view: GitView,
  outer: Outer,
  recursive: boolean,
  budget = new CopyBudget(LIMITS),
  depth = 0,
): Promise<string[]> {
  const submodules = await submodulesIn(view);
  if (submodules.size === 0) return [];
  const known = await configured(view, outer.folder);
  const missing: string[] = [];
  const around = outer.url ?? (await addressOf(view));
  for (const [path, commit] of submodules) {
    // Git makes an empty folder for each submodule, except outside of a sparse checkout.
    if (!(await lstat(view.paths.to(join(outer.folder, path))).catch(ignoreMissing))) continue;
    const { name, url: given } = known.get(path) ?? {};
    const url = given === undefined ? undefined : wholeUrl(around, given);
    try {
      budget.goOn();
      if (name === undefined) throw new Error('.gitmodules does not have it');
      const source = join(view.layout.commonDir, 'modules', name);
      if (!(await lstat(view.paths.to(join(source, 'HEAD'))).catch(() => undefined))) {
        throw new Error(`${source} does not exist. Run 'git submodule update --init' in the repository`);
      }
      const layout = { root: view.layout.root, gitDir: source, commonDir: source };
      await withGitView(layout, async (sub) => {
        const inner = {
          folder: join(outer.folder, path),
          gitDir: join(outer.gitDir, 'modules', name),
          ...(url !== undefined && { url }),
        };
        await initSubmodule(sub, inner, commit, budget);
        if (given !== undefined && isRelativeUrl(given) && !isUsable(url))
          missing.push(withoutRemote(path, given, url));
        if (recursive && depth < DEEPEST) missing.push(...(await initSubmodules(sub, inner, true, budget, depth + 1)));
      });
    } catch (error) {
      if (systemCode(error) === 'ENOSPC' || systemCode(error) === 'EDQUOT') throw error;
      missing.push(`The submodule ${quote(path)} is empty: ${inWords(error)}.`);
    }
  }
  return missing;
}

async function initSubmodule(
  sub: GitView,
  { folder, gitDir, url }: Outer,
  commit: string,
  budget: CopyBudget,
): Promise<void> {
  const { paths, owner, layout } = sub;
  await runGit(sub, ['cat-file', '-e', `${commit}^{commit}`]).catch((cause: unknown) => {
    const next = "Run 'git submodule update --init' in the repository";
    throw new Error(`${layout.gitDir} does not have the commit ${commit.slice(0, 12)}. ${next}`, { cause });
  });
  for (const each of [gitDir, ...['objects', 'objects/info', 'refs', 'refs/heads'].map((name) => join(gitDir, name))]) {
    await makeFolders(sub, each);
  }
  const copy = new TreeCopy(sub, budget, layout.gitDir);
  const names = ['pack', ...Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, '0'))];
  for (const name of names) await copy.entry(join(layout.gitDir, 'objects', name), join(gitDir, 'objects', name));
  if (copy.leftOut.first !== undefined) throw new Error(`${copy.leftOut.first} cannot be copied`);
  const write = (path: string, text: string): Promise<void> => writeNewFile(paths.to(path), text, owner);
  const shallow = await readGitFile(paths.to(join(layout.gitDir, 'shallow')));
  if (shallow !== undefined) await write(join(gitDir, 'shallow'), shallow);
  await write(join(gitDir, 'config'), configFor(await hashBytes(sub.folder), url));
  await write(join(folder, '.git'), `gitdir: ${gitDir}\n`);
  await checkOut(sub, folder, commit);
  await installIndex(sub, gitDir);
  await write(join(gitDir, 'HEAD'), `${commit}\n`);
}

/** Without `core.worktree`: a container sees the files at another path than the machine, and git finds them without it. */
function configFor(hashLength: number, url: string | undefined): string {
  const version = hashLength === 32 ? 1 : 0;
  const core = `[core]\n\trepositoryformatversion = ${version}\n\tfilemode = true\n\tbare = false\n\tlogallrefupdates = true\n`;
  const format = version === 1 ? '[extensions]\n\tobjectformat = sha256\n' : '';
  const fetch = '+refs/heads/*:refs/remotes/origin/*';
  return `${core}${format}${isUsable(url) ? `[remote "origin"]\n\turl = ${url}\n\tfetch = ${fetch}\n` : ''}`;
}

/** True if a submodule gets the address as its remote: a path could have hooks, which a push would run. */
function isUsable(url: string | undefined): boolean {
  return url !== undefined && /^[\w@:/.~+-]+$/.test(url) && isHarmless('remote.origin.url', url);
}

function withoutRemote(path: string, given: string, url: string | undefined): string {
  const leads = url === undefined ? 'leads nowhere' : `leads to ${quote(url)}, which is no address in a network`;
  return `The submodule ${quote(path)} has no remote: its address ${quote(given)} ${leads}.`;
}

/** Name and address of each submodule, by path, according to `.gitmodules`. */
async function configured(view: GitView, folder: string): Promise<Map<string, { name: string; url?: string }>> {
  const text = (await readGitFile(view.paths.to(join(folder, '.gitmodules')))) ?? '';
  const values = new Map<string, string>();
  for (const { name, value } of parseGitConfig(text) ?? []) values.set(name, value);
  const found = new Map<string, { name: string; url?: string }>();
  for (const [key, path] of values) {
    const name = /^submodule\.(.+)\.path$/s.exec(key)?.[1];
    if (name === undefined || !isModuleName(name)) continue;
    const url = values.get(`submodule.${name}.url`);
    found.set(path, { name, ...(url !== undefined && { url }) });
  }
  return found;
}

async function makeFolders({ paths, owner }: GitView, folder: string): Promise<void> {
  if (await lstat(paths.to(folder)).catch(() => undefined)) return;
  await makeFolders({ paths, owner } as GitView, dirname(folder));
  await makeFolder(paths.to(folder), owner);
}
