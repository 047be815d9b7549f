import type { Dirent } from 'node:fs';
import { chmod, lchown, lstat, mkdir, open, symlink, writeFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { messageOf } from '../../util/errors.js';
import { BoundedSearch, SearchLimit, type SearchLimits } from '../../util/fs/bounded-search.js';
import { ignoreMissing } from '../../util/fs/ignore-missing.js';
import { type LinkFreePaths, withLinkFreePaths } from '../../util/fs/link-free-paths.js';
import { type Owner, ownerOf } from '../../util/fs/owner.js';
import { readRegularFile } from '../../util/fs/regular-file.js';
import { parseGitConfig } from './config-file.js';
import { hashBytes, MOST_INDEX_BYTES } from './index-file.js';
import { type GitLayout, gitLayoutAt, readGitFile } from './layout.js';
import { machineUser } from './machine-user.js';

/**
 * The settings of a repository that the view keeps. They are about the file system. Their values have to be plain words, so
 * they contain nothing that git would execute or follow.
 */
const KEPT = /^core\.(filemode|ignorecase|symlinks|precomposeunicode|autocrlf|eol)$/;

/** The ignore rules that the user has for all repositories, in the view. Missing if there are none. */
export const IGNORE_FILE = 'info/user-ignore';

/** For comparison: 100,000 refs take 7 MB. */
const MOST_PACKED_REFS_BYTES = 64 * 1024 * 1024;
/** The limits for objects that are not in a pack yet. Git packs them when there are 6,700. */
const OBJECT_LIMITS: SearchLimits = { entries: 200_000, repositories: 0, durationMs: 10_000 };
const AT_ONCE = 16;

/** A repository as git on the machine sees it. */
export interface GitView {
  readonly layout: GitLayout;
  /** The folder that git uses as its git folder. No agent can reach it. */
  readonly folder: string;
  readonly paths: LinkFreePaths;
  /** The repository's owner, if this process is root's and the owner is not. Git then runs as this user. */
  readonly owner: Owner | undefined;
}

/**
 * Makes a view of a repository, and gives it to `use`. Through the view, git on the machine can safely read a repository that
 * an agent made, or to which an agent can write.
 *
 * The view is a git folder of our own. Files in which git would find commands or paths are copied or left out: configuration,
 * hooks, attributes, `commondir`, grafts, and above all `objects/info/alternates`, which leads to the objects of other
 * repositories. Large parts are borrowed by links: unpacked refs, packs and single objects. These links lead through {@link
 * LinkFreePaths}. So if an agent puts a link in the place of a borrowed file, at whatever moment, git does not follow it.
 *
 * @throws Error if there is no checkout, or if a part of its git folder is a link or not a regular file
 */
export async function withGitView<T>(checkout: string | GitLayout, use: (view: GitView) => Promise<T>): Promise<T> {
  const layout = typeof checkout === 'string' ? await layoutAt(checkout) : checkout;
  return withLinkFreePaths(async (paths, top) => {
    const view: GitView = { layout, paths, folder: join(top, 'git'), owner: await ownerOf(layout.commonDir) };
    await mkdir(join(view.folder, 'info'), { recursive: true });
    await Promise.all([copySmallFiles(view), copyPackedRefs(view), borrow(view, 'refs'), borrowObjects(view)]).catch(
      (error: unknown) => {
        if (!(error instanceof SearchLimit)) throw error;
        throw new Error(`the repository has more objects than can be looked at (${error.message}); run 'git gc'`);
      },
    );
    if (!view.owner) return use(view);
    await giveAway(view.folder, view.owner);
    await chmod(top, 0o711);
    try {
      return await use(view);
    } finally {
      await chmod(top, 0o700); // From here on, nobody but root reaches what is removed.
    }
  });
}

/**
 * Gives a view to the owner of its repository, whose git has to write there. Root's own links in it lead to places that only the
 * repository's owner can change. The folder comes last: until then, nobody else can change what is given away.
 */
async function giveAway(folder: string, { uid, gid }: Owner): Promise<void> {
  const files = ['HEAD', 'config', 'packed-refs', 'shallow', 'info/exclude', IGNORE_FILE];
  const names = [...files, 'info', 'objects/info', 'objects', '.'];
  for (const name of names) {
    const path = join(folder, name);
    await lchown(path, uid, gid).catch(ignoreMissing);
    if (path === folder) await chmod(folder, 0o700);
  }
}

/** Gives a view a copy of the checkout's index, if there is an index. @returns the path of the copy */
export async function lendIndex({ layout, paths, folder, owner }: GitView): Promise<string> {
  const copy = join(folder, 'index');
  const path = paths.to(join(layout.gitDir, 'index'));
  const stats = await lstat(path).catch(ignoreMissing);
  const index = await readRegularFile(path, { most: MOST_INDEX_BYTES }).catch(ignoreMissing);
  if (!stats || !index) return copy;
  // If a file is not older than the index, git reads the file, because it may have changed in the same tick of the clock in
  // which the index was written. If the copy had a later time than the original, git would miss such a change. So the copy gets
  // the time of the original, rounded down to whole milliseconds, which is never later.
  const age = new Date(Math.floor(stats.mtimeMs));
  const file = await open(copy, 'wx');
  try {
    if (owner) await file.chown(owner.uid, owner.gid);
    await file.writeFile(index);
    await file.utimes(age, age);
  } finally {
    await file.close();
  }
  return copy;
}

async function layoutAt(checkout: string): Promise<GitLayout> {
  const layout = await gitLayoutAt(checkout);
  if (!layout) throw new Error(`${checkout} is no git checkout`);
  return layout;
}

async function copySmallFiles({ layout: { root, gitDir, commonDir }, paths, folder }: GitView): Promise<void> {
  const [head, config, exclude, shallow, hashLength, { ignore }] = await Promise.all([
    readGitFile(paths.to(join(gitDir, 'HEAD'))),
    readGitFile(paths.to(join(commonDir, 'config'))),
    readGitFile(paths.to(join(commonDir, 'info/exclude'))),
    readGitFile(paths.to(join(commonDir, 'shallow'))),
    hashBytes(paths.to(commonDir)),
    machineUser(root, gitDir, { env: process.env, home: homedir() }),
  ]);
  if (head === undefined) throw new Error(`${gitDir} has no HEAD`);
  await Promise.all([
    writeFile(join(folder, 'HEAD'), head),
    writeFile(join(folder, 'config'), lentConfig(config ?? '', hashLength)),
    ...(exclude === undefined ? [] : [writeFile(join(folder, 'info/exclude'), exclude)]),
    ...(ignore.text === undefined ? [] : [writeFile(join(folder, IGNORE_FILE), ignore.text)]),
    ...(shallow === undefined ? [] : [writeFile(join(folder, 'shallow'), shallow)]),
  ]);
}

function lentConfig(text: string, hashLength: number): string {
  const kept = (parseGitConfig(text) ?? []).filter(({ name, value }) => KEPT.test(name) && /^\w+$/.test(value));
  const core = kept.map(({ name, value }) => `${name.replace('core.', '')} = ${value}\n`).join('');
  const format = hashLength === 32 ? '[core]\nrepositoryformatversion = 1\n[extensions]\nobjectformat = sha256\n' : '';
  return `[core]\n${core}${format}`;
}

/** Copies the file, and refuses one that is too long, because git would read a file of any length into memory. */
async function copyPackedRefs({ layout, paths, folder }: GitView): Promise<void> {
  const path = join(layout.commonDir, 'packed-refs');
  const packed = await readRegularFile(paths.to(path), { most: MOST_PACKED_REFS_BYTES })
    .catch(ignoreMissing)
    .catch((error: unknown) => {
      throw new Error(`${path} cannot be read: ${messageOf(error)}`);
    });
  if (packed) await writeFile(join(folder, 'packed-refs'), packed);
}

/** Borrows all packs and single objects, and nothing else of the folder, because `info` contains files that lead elsewhere. */
async function borrowObjects(view: GitView): Promise<void> {
  const { layout, paths, folder } = view;
  const search = new BoundedSearch(OBJECT_LIMITS);
  const objects = join(layout.commonDir, 'objects');
  const made = mkdir(join(folder, 'objects/info'), { recursive: true });
  const entries = await search.entries(paths.to(objects));
  const names = entries.map(({ name }) => name).filter((name) => /^([0-9a-f]{2}|pack)$/.test(name));
  await made;
  for (let at = 0; at < names.length; at += AT_ONCE) {
    await Promise.all(
      names.slice(at, at + AT_ONCE).map(async (name) => {
        requireFiles(join(objects, name), await search.entries(paths.to(join(objects, name))));
        await borrow(view, join('objects', name));
      }),
    );
  }
}

/** At a link, git would fail with a message that helps nobody. At a FIFO, it would wait. */
function requireFiles(folder: string, entries: readonly Dirent[]): void {
  const odd = entries.find((entry) => !entry.isFile() && !entry.isDirectory());
  if (odd) throw new Error(`${join(folder, odd.name)} is no regular file; remove it`);
}

async function borrow({ layout, paths, folder }: GitView, name: string): Promise<void> {
  await symlink(paths.to(join(layout.commonDir, name), 1), join(folder, name));
}
