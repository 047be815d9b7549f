import { constants, type Stats } from 'node:fs';
import { copyFile, type FileHandle, lchown, lstat, open, readdir, readlink, symlink } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { systemCode } from '../util/errors.js';
import { isInside } from '../util/fs/is-inside.js';
import { makeFolder, type Owner, permits } from '../util/fs/owner.js';
import { openRegularFile } from '../util/fs/regular-file.js';
import type { GitView } from './view.js';

/** How much is copied at most. Nobody's dependencies are larger, but an agent could make any number of files. */
export interface CopyLimits {
  readonly files: number;
  readonly bytes: number;
  readonly durationMs: number;
}

/** What may still be copied. Several copies can share it. */
export class CopyBudget {
  readonly #limits: CopyLimits;
  readonly #began = performance.now();
  #files = 0;
  #bytes = 0;

  constructor(limits: CopyLimits) {
    this.#limits = limits;
  }

  /** @throws TooMuch if the copies have taken too long */
  goOn(): void {
    if (performance.now() - this.#began > this.#limits.durationMs) throw new TooMuch('it takes too long');
  }

  /** Counts a file or a folder. @throws TooMuch */
  file(): void {
    if (++this.#files > this.#limits.files) throw new TooMuch(`they are more than ${this.#limits.files} files`);
  }

  /** Counts the content of a file. @throws TooMuch */
  content(bytes: number): void {
    this.#bytes += bytes;
    if (this.#bytes > this.#limits.bytes) throw new TooMuch(`they have more than ${this.#limits.bytes} bytes`);
  }
}

const UNLIMITED: CopyLimits = { files: Number.POSITIVE_INFINITY, bytes: Number.POSITIVE_INFINITY, durationMs: 2 ** 40 };
const AT_ONCE = 16;
const READ = 0o4;
const EXECUTE = 0o1;

/** Thrown if more would have to be copied than the limits allow. */
export class TooMuch extends Error {}

/** What is needed of a repository's view. */
type Place = Pick<GitView, 'paths' | 'owner'>;

/** Copies files into a new worktree. An agent may exchange what is copied at any moment. */
export class TreeCopy {
  readonly #place: Place;
  readonly #budget: CopyBudget;
  /** Links must not lead out of this folder. Undefined if they may. */
  readonly #within: string | undefined;
  /** What was left out, and why. */
  readonly leftOut: string[] = [];

  constructor(place: Place, budget = new CopyBudget(UNLIMITED), within?: string) {
    this.#place = place;
    this.#budget = budget;
    this.#within = within;
  }

  /**
   * Copies a file, a link or a whole folder. What is in its place already stays. Files keep their mode and time.
   *
   * @throws Error if the disk is full, TooMuch
   */
  async entry(from: string, to: string): Promise<void> {
    const closed = await this.#closedFolder(dirname(from));
    if (closed !== undefined) return void this.leftOut.push(`${from} (${closed} is closed to its owner)`);
    return this.#entry(from, to);
  }

  /** A folder on the way that the repository's owner could not pass. */
  async #closedFolder(folder: string): Promise<string | undefined> {
    const { paths, owner } = this.#place;
    if (!owner || this.#within === undefined || !isInside(folder, this.#within)) return undefined;
    const stats = await lstat(paths.to(folder)).catch(() => undefined);
    if (stats && !permits(stats, owner, EXECUTE)) return folder;
    return folder === this.#within ? undefined : this.#closedFolder(dirname(folder));
  }

  async #entry(from: string, to: string): Promise<void> {
    const { paths } = this.#place;
    this.#budget.goOn();
    const stats = await lstat(paths.to(from)).catch(() => undefined);
    if (!stats) return; // It was removed in this moment.
    this.#budget.file();
    if (stats.isDirectory()) return this.#folder(from, to, stats);
    if (stats.isSymbolicLink()) return this.#link(from, to);
    if (stats.isFile()) return this.#file(from, to);
    this.leftOut.push(`${from} (neither a file nor a folder)`);
  }

  async #folder(from: string, to: string, stats: Stats): Promise<void> {
    const { paths, owner } = this.#place;
    // Root can enter every folder, as it can read every file, see below.
    if (owner && !permits(stats, owner, READ | EXECUTE)) {
      return void this.leftOut.push(`${from} (its owner is another user)`);
    }
    const names = await readdir(paths.to(from)).catch(() => undefined);
    if (!names) return void this.leftOut.push(`${from} (it cannot be read)`);
    await makeFolder(paths.to(to), owner).catch(unlessThere);
    for (let at = 0; at < names.length; at += AT_ONCE) {
      await Promise.all(names.slice(at, at + AT_ONCE).map((name) => this.#child(join(from, name), join(to, name))));
    }
    const folder = await open(paths.to(to), constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW);
    await folder.chmod(stats.mode & 0o777).finally(() => folder.close());
  }

  /** A repository inside a folder could name commands for git on the machine. */
  async #child(from: string, to: string): Promise<void> {
    if (this.#within !== undefined && /^\.git$/i.test(from.split('/').at(-1) ?? '')) {
      return void this.leftOut.push(`${from} (a repository of its own)`);
    }
    return this.#entry(from, to);
  }

  async #link(from: string, to: string): Promise<void> {
    const { paths, owner } = this.#place;
    const target = await readlink(paths.to(from)).catch(() => undefined);
    if (target === undefined) return;
    const within = this.#within;
    if (within !== undefined && (target.startsWith('/') || !isInside(resolve(dirname(from), target), within))) {
      return void this.leftOut.push(`${from} (a link to ${target})`);
    }
    const isNew = await symlink(target, paths.to(to)).then(() => true, unlessThere);
    if (isNew && owner) await lchown(paths.to(to), owner.uid, owner.gid);
  }

  async #file(from: string, to: string): Promise<void> {
    const { paths, owner } = this.#place;
    const source = await openRegularFile(paths.to(from)).catch(() => undefined);
    if (!source) return void this.leftOut.push(`${from} (it cannot be read)`);
    try {
      const stats = await source.stat();
      // Root can read everything, but must not hand on what the repository's owner cannot read.
      if (owner && !permits(stats, owner, READ)) return void this.leftOut.push(`${from} (its owner is another user)`);
      this.#budget.content(stats.size);
      await copied(source, paths.to(to), owner, stats);
    } finally {
      await source.close();
    }
  }
}

/** Copies a whole folder that is out of the reach of agents. @throws Error */
export async function copyTree(place: Place, from: string, to: string): Promise<void> {
  const copy = new TreeCopy(place);
  await copy.entry(from, to);
  if (copy.leftOut.length > 0) throw new Error(`${copy.leftOut[0]} cannot be copied`);
}

/** Copies an open file. File systems that can share the content of two files do that. */
async function copied(
  source: FileHandle,
  to: string,
  owner: Owner | undefined,
  { mode, atime, mtime }: { mode: number; atime: Date; mtime: Date },
): Promise<void> {
  const flags = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL;
  const target = await openRegularFile(to, { flags, mode: 0o600 }).catch(unlessThere);
  if (!target) return;
  try {
    if (process.platform === 'linux') {
      // By these paths, they are the very files that were opened.
      await copyFile(`/proc/self/fd/${source.fd}`, `/proc/self/fd/${target.fd}`, constants.COPYFILE_FICLONE);
    } else {
      for await (const part of source.createReadStream({ autoClose: false })) await target.write(part as Buffer);
    }
    if (owner) await target.chown(owner.uid, owner.gid);
    await target.chmod(mode & 0o777);
    await target.utimes(atime, mtime);
  } finally {
    await target.close();
  }
}

function unlessThere(error: unknown): false {
  if (systemCode(error) !== 'EEXIST') throw error;
  return false;
}
