import { mkdtemp, realpath, rm, stat, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemCode } from '../errors.js';

/** More links than any system follows for one path (Linux follows 40, macOS 32). */
const MOST_LINKS = 128;

/**
 * Paths to files that an agent can replace by links while they are in use.
 *
 * A check of such a path comes too early: the agent can put a link there afterwards. So the system itself has to refuse
 * links, for git as well, which has no option for that. Every system follows only so many links for one path. The paths
 * that {@link to} gives lead through exactly that many links of our own (`s/s/…/s/root/…`), so that one more link
 * anywhere behind them fails with `ELOOP`: a link in the place of the file, or of a folder on the way to it.
 *
 * They go to functions and programs that use a path as it is given. `realpath` takes the protection away.
 */
export class LinkFreePaths {
  readonly #folder: string;
  readonly #links: number;

  private constructor(folder: string, links: number) {
    this.#folder = folder;
    this.#links = links;
  }

  /**
   * @param folder the real path of an empty folder that no agent can reach; it gets two links
   * @throws Error where the system follows links without end
   */
  static async in(folder: string): Promise<LinkFreePaths> {
    await symlink('.', join(folder, 's'));
    await symlink('/', join(folder, 'root'));
    return new LinkFreePaths(folder, await mostLinks(folder));
  }

  /**
   * @param path absolute; links in it are not followed
   * @param before how many links lead to the path that is given: 1 for the target of a link
   */
  to(path: string, before = 0): string {
    return `${this.#folder}${'/s'.repeat(this.#links - 1 - before)}/root${path}`;
  }
}

/** Lends link-free paths, and a folder that no agent can reach, for as long as they are used. */
export async function withLinkFreePaths<T>(use: (paths: LinkFreePaths, folder: string) => Promise<T>): Promise<T> {
  const folder = await realpath(await mkdtemp(join(tmpdir(), 'autonomous-orchestration-git-')));
  try {
    return await use(await LinkFreePaths.in(folder), folder);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** How many links the system follows for one path. Tried out, because one more than assumed would be a hole. */
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

async function follows(folder: string, links: number): Promise<boolean> {
  try {
    await stat(folder + '/s'.repeat(links));
    return true;
  } catch (error) {
    if (systemCode(error) !== 'ELOOP') throw error;
    return false;
  }
}
