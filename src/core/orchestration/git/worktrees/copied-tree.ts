import { constants, type Stats } from 'node:fs';
import { type FileHandle, lstat, open, readlink } from 'node:fs/promises';
import { dirname, join, relative, resolve } from 'node:path';
import { systemCode } from '../../util/errors.js';
import { folderEntries } from '../../util/fs/folder-entries.js';
import { isInside } from '../../util/fs/is-inside.js';
import { makeFolder, makeLink, opened } from '../../util/fs/owner.js';
import { ENTER, permits, READ } from '../../util/fs/permission.js';
import { openRegularFile } from '../../util/fs/regular-file.js';
import { limited } from '../../util/limited.js';
import { serialized } from '../../util/serialized.js';
import type { GitView } from '../repository/view.js';
import { ContentCopy } from './copied-content.js';
import { CopyBudget, type CopyLimits, TooMuch } from './copy-budget.js';
import { LeftOut } from './left-out.js';

const UNLIMITED: CopyLimits = { files: Number.POSITIVE_INFINITY, bytes: Number.POSITIVE_INFINITY, durationMs: 2 ** 40 };
const AT_ONCE = 16;
/** Nobody nests folders deeper. */
const DEEPEST = 200;
/** From here on, only one branch at a time goes deeper: each folder stays open until all in it is copied. */
const SHALLOW = 8;
const FOLDER = constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW;

/** Something that is copied. */
interface Source {
  /** Its path, for people. */
  readonly from: string;
  /** A path that passes through the opened folder in which it lies, or a link-free path. */
  readonly open: string;
}

/** What is needed of a repository's view. */
type Place = Pick<GitView, 'paths' | 'owner'>;

/** Copies files into a new worktree. An agent may exchange what is copied at any moment. */
export class TreeCopy {
  readonly #place: Place;
  readonly #budget: CopyBudget;
  readonly #content: ContentCopy;
  readonly #fewFiles = limited(AT_ONCE);
  readonly #oneByOne = serialized();
  /** Links must not lead out of this folder. Undefined if they may. */
  readonly #within: string | undefined;
  /** What was left out, and why. */
  readonly leftOut = new LeftOut();

  constructor(place: Place, budget = new CopyBudget(UNLIMITED), within?: string) {
    this.#place = place;
    this.#budget = budget;
    this.#content = new ContentCopy(budget);
    this.#within = within;
  }

  /**
   * Copies a file, a link or a whole folder. What is in its place already stays. Files keep their mode and time.
   *
   * @throws Error if the disk is full, TooMuch
   */
  async entry(from: string, to: string): Promise<void> {
    const { paths, owner } = this.#place;
    const within = this.#within;
    if (!owner || within === undefined || !isInside(dirname(from), within)) {
      return this.#entry({ from, open: paths.to(from) }, to);
    }
    const names = relative(within, from).split('/');
    if (names.length > DEEPEST) return void this.leftOut.add(from, 'nested too deep');
    await this.#through({ from: within, open: paths.to(within) }, names, to);
  }

  /** Enters the folders on the way one after the other, because their owner could not pass each of them. */
  async #through(folder: Source, names: readonly string[], to: string): Promise<void> {
    const [name = '', ...rest] = names;
    const handle = await open(folder.open, FOLDER).catch(unlessFull);
    if (!handle) return void this.leftOut.add(folder.from, 'it cannot be read');
    try {
      const { owner } = this.#place;
      if (owner && !permits(await handle.stat(), owner, ENTER)) {
        return void this.leftOut.add(join(folder.from, ...names), `${folder.from} is closed to its owner`);
      }
      const next = inside(folder, handle, name);
      await (rest.length === 0 ? this.#entry(next, to) : this.#through(next, rest, to));
    } finally {
      await handle.close();
    }
  }

  async #entry(source: Source, to: string, depth = 0): Promise<void> {
    const kind = await this.#kindOf(source);
    if (kind) this.#budget.file();
    if (kind?.isDirectory()) return this.#folder(source, to, depth);
    if (kind) await this.#noFolder(source, kind, to);
  }

  /** What is to be copied. Undefined if it was removed in this moment. */
  async #kindOf(source: Source): Promise<Stats | undefined> {
    this.#budget.goOn();
    return lstat(source.open).catch(() => undefined);
  }

  async #noFolder(source: Source, kind: Stats, to: string): Promise<void> {
    if (kind.isSymbolicLink()) return this.#link(source, to);
    if (kind.isFile()) return this.#fewFiles(() => this.#file(source, to));
    this.leftOut.add(source.from, 'neither a file nor a folder');
  }

  /** The opened folder is checked and copied, whatever its path leads to by now. */
  async #folder(source: Source, to: string, depth: number): Promise<void> {
    const { paths, owner } = this.#place;
    const handle = await open(source.open, FOLDER).catch(unlessFull);
    if (!handle) return void this.leftOut.add(source.from, 'it cannot be read');
    try {
      const stats = await handle.stat();
      // Root can enter every folder, as it can read every file, see below.
      if (owner && !permits(stats, owner, READ | ENTER)) {
        return void this.leftOut.add(source.from, "the repository's owner may not read it");
      }
      if (depth === DEEPEST) return void this.leftOut.add(source.from, 'nested too deep');
      const names = await this.#names(opened(handle, source.open), stats.size);
      if (!names) return void this.leftOut.add(source.from, 'it cannot be read');
      await makeFolder(paths.to(to), owner).catch(unlessThere);
      await this.#children(source, handle, names, to, depth);
      await this.#giveMode(to, stats);
    } finally {
      await handle.close();
    }
  }

  /** What is in a folder. All of it counts before any of it is copied. Undefined if the folder cannot be read. */
  async #names(folder: string, size: number): Promise<string[] | undefined> {
    const names: string[] = [];
    try {
      for await (const slice of folderEntries(folder, size)) {
        this.#budget.goOn();
        for (const { name } of slice) {
          this.#budget.file();
          names.push(name);
        }
      }
    } catch (error) {
      if (error instanceof TooMuch) throw error;
      return unlessFull(error);
    }
    return names;
  }

  async #children(
    source: Source,
    handle: FileHandle,
    names: readonly string[],
    to: string,
    depth: number,
  ): Promise<void> {
    const folders: string[] = [];
    await inBatches(names, AT_ONCE, async (name) => {
      const child = inside(source, handle, name);
      // A repository inside a folder could name commands for git on the machine.
      if (this.#within !== undefined && /^\.git$/i.test(name)) {
        return void this.leftOut.add(child.from, 'a repository of its own');
      }
      const kind = await this.#kindOf(child);
      if (kind?.isDirectory()) folders.push(name);
      else if (kind) await this.#noFolder(child, kind, join(to, name));
    });
    const copyFolders = (): Promise<void> =>
      inBatches(folders, depth === 0 ? AT_ONCE : 1, (name) =>
        this.#folder(inside(source, handle, name), join(to, name), depth + 1),
      );
    await (depth === SHALLOW && folders.length > 0 ? this.#oneByOne(copyFolders) : copyFolders());
  }

  /** Somebody may have moved another folder into the place of the new one. */
  async #giveMode(to: string, { mode }: Stats): Promise<void> {
    const { paths, owner } = this.#place;
    const folder = await open(paths.to(to), FOLDER);
    try {
      const { uid } = await folder.stat();
      if (uid === (owner?.uid ?? process.getuid?.() ?? uid)) await folder.chmod(mode & 0o777);
    } finally {
      await folder.close();
    }
  }

  async #link({ from, open: path }: Source, to: string): Promise<void> {
    const { paths, owner } = this.#place;
    const target = await readlink(path).catch(() => undefined);
    if (target === undefined) return;
    const within = this.#within;
    if (within !== undefined && (target.startsWith('/') || !isInside(resolve(dirname(from), target), within))) {
      return void this.leftOut.add(from, `a link to ${target}`);
    }
    await makeLink(target, paths.to(to), owner).catch(unlessThere);
  }

  async #file({ from, open: path }: Source, to: string): Promise<void> {
    const { paths, owner } = this.#place;
    const source = await openRegularFile(path).catch(unlessFull);
    if (!source) return void this.leftOut.add(from, 'it cannot be read');
    try {
      const stats = await source.stat();
      // Root can read everything, but must not hand on what the repository's owner cannot read.
      if (owner && !permits(stats, owner, READ))
        return void this.leftOut.add(from, "the repository's owner may not read it");
      await this.#copied(source, paths.to(to), stats);
    } finally {
      await source.close();
    }
  }

  async #copied(source: FileHandle, to: string, { size, mode, atime, mtime }: Stats): Promise<void> {
    const { owner } = this.#place;
    const flags = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL;
    const target = await openRegularFile(to, { flags, mode: 0o600 }).catch(unlessThere);
    if (!target) return;
    try {
      await this.#content.copy(source, target, size).catch((error: unknown) => {
        // An error of an open file does not say which one it is.
        throw error instanceof Error && systemCode(error) !== undefined ? Object.assign(error, { dest: to }) : error;
      });
      if (owner) await target.chown(owner.uid, owner.gid);
      await target.chmod(mode & 0o777);
      await target.utimes(atime, mtime);
    } finally {
      await target.close();
    }
  }
}

function inside(folder: Source, handle: FileHandle, name: string): Source {
  return { from: join(folder.from, name), open: `${opened(handle, folder.open)}/${name}` };
}

/** Ends when all that has begun has ended, because a folder must not be closed while something is copied out of it. */
async function inBatches<T>(all: readonly T[], size: number, work: (each: T) => Promise<void>): Promise<void> {
  for (let at = 0; at < all.length; at += size) {
    const results = await Promise.allSettled(all.slice(at, at + size).map(work));
    for (const result of results) if (result.status === 'rejected') throw result.reason;
  }
}

/** Copies a whole folder that is out of the reach of agents. @throws Error */
export async function copyTree(place: Place, from: string, to: string): Promise<void> {
  const copy = new TreeCopy(place);
  await copy.entry(from, to);
  if (copy.leftOut.first !== undefined) throw new Error(`${copy.leftOut.first} cannot be copied`);
}

/** For what cannot be read. @throws Error if only too many files are open in this moment */
function unlessFull(error: unknown): undefined {
  if (['EMFILE', 'ENFILE'].includes(systemCode(error) ?? '')) throw error;
}

function unlessThere(error: unknown): false {
  if (systemCode(error) !== 'EEXIST') throw error;
  return false;
}
