import { lstat, mkdtemp, readdir, realpath, rm, rmdir, stat, symlink, unlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemCode } from '../errors.js';
import { ignoreMissing } from './ignore-missing.js';

/** More links than any system follows for one path (Linux follows 40, macOS 32). */
const MOST_LINKS = 128;
/** See {@link detour}. */
const DETOUR = '/proc/sys/kernel/../../..';
const TRIES = 3;
const AT_ONCE = 16;

/**
 * Paths to files that an agent can replace by links while the files are in use.
 *
 * A check of such a path comes too early: the agent can put a link there afterwards. So the system itself has to refuse links,
 * for git as well, which has no option for that. Every system follows only a limited number of links for one path. The paths
 * that {@link to} returns lead through exactly that many links of our own (`s/s/…/s/root/…`). One more link anywhere behind
 * them, in the place of the file or of a folder on the way to it, then fails with `ELOOP`.
 *
 * Give these paths to functions and programs that use a path exactly as given. `realpath` removes the protection.
 */
export class LinkFreePaths {
  readonly #folder: string;
  readonly #links: number;
  readonly #detour: string;

  private constructor(folder: string, links: number, detour: string) {
    this.#folder = folder;
    this.#links = links;
    this.#detour = detour;
  }

  /**
   * @param folder the real path of an empty folder that no agent can reach; this method makes two links in it
   * @throws Error if the system follows any number of links
   */
  static async in(folder: string): Promise<LinkFreePaths> {
    await symlink('.', join(folder, 's'));
    await symlink('/', join(folder, 'root'));
    const way = await detour();
    return new LinkFreePaths(folder, await mostLinks(way + folder), way);
  }

  /**
   * Do not join anything to the result: `join` removes the detour. Give the whole path instead.
   *
   * @param path absolute; links in it are not followed
   * @param before how many links lead to the given path: 1 for the target of a link
   */
  to(path: string, before = 0): string {
    return `${this.#detour}${this.#folder}${'/s'.repeat(this.#links - 1 - before)}/root${path}`;
  }

  /** A text that may contain such paths, with the paths written as people read them. */
  static plain(text: string): string {
    return text.replaceAll(/[^\s'"]*\/s\/root(?=\/)/g, '');
  }

  /** The same path to a file of ours, for a program that passes through this file to a link whose target is link-free. */
  own(path: string): string {
    return this.#detour + path;
  }

  /** Removes a file, or a folder with all its content. @throws Error if a part cannot be removed */
  async remove(path: string): Promise<void> {
    const stats = await lstat(this.to(path)).catch(ignoreMissing);
    if (!stats) return;
    if (!stats.isDirectory()) return unlink(this.to(path));
    const names = await readdir(this.to(path));
    for (let at = 0; at < names.length; at += AT_ONCE) {
      await Promise.all(names.slice(at, at + AT_ONCE).map((name) => this.remove(join(path, name))));
    }
    await rmdir(this.to(path));
  }
}

/** Lends link-free paths, and a folder that no agent can reach, for as long as `use` runs. */
export async function withLinkFreePaths<T>(use: (paths: LinkFreePaths, folder: string) => Promise<T>): Promise<T> {
  const folder = await realpath(await mkdtemp(join(tmpdir(), 'autonomous-orchestration-git-')));
  try {
    return await use(await LinkFreePaths.in(folder), folder);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/**
 * The prefix of a path with many links on Linux.
 *
 * Linux first looks a path up without locks. If something is mounted anywhere during the lookup, as Docker does with each
 * container, Linux begins again and counts the links of both attempts. A path that is perfectly valid then fails with `ELOOP`
 * (measured: 1 of 600 lookups beside a loop of mounts). Files below `/proc/sys` can only be looked up with locks. With this
 * prefix, Linux therefore takes locks from the beginning, before the first link.
 */
async function detour(): Promise<string> {
  return (await stat(DETOUR).catch(() => undefined)) ? DETOUR : '';
}

/** How many links the system follows for one path. We measure the number, because assuming one too few would leave a hole. */
async function mostLinks(folder: string): Promise<number> {
  let followed = 1;
  let refused = MOST_LINKS;
  if (await follows(folder, refused)) throw new Error(`the system follows more than ${MOST_LINKS} links in a path`);
  while (refused - followed > 1) {
    const links = (followed + refused) >> 1;
    if (await follows(folder, links)) followed = links;
    else refused = links;
  }
  return followed;
}

/** Tried more than once: without the detour, the system may refuse fewer links than it follows. */
async function follows(folder: string, links: number): Promise<boolean> {
  for (let at = 0; at < TRIES; at += 1) {
    try {
      await stat(folder + '/s'.repeat(links));
      return true;
    } catch (error) {
      if (systemCode(error) !== 'ELOOP') throw error;
    }
  }
  return false;
}
