import { createHash, randomUUID } from 'node:crypto';
import type { Dirent } from 'node:fs';
import { lstat, readlink, realpath } from 'node:fs/promises';
import { homedir } from 'node:os';
import { basename, dirname, join, relative, resolve } from 'node:path';
import { type BoundedSearch, SearchLimit } from '../../util/fs/bounded-search.js';
import { ignoreMissing } from '../../util/fs/ignore-missing.js';
import { isInside } from '../../util/fs/is-inside.js';
import { readRegularFile } from '../../util/fs/regular-file.js';
import { parseGitConfig } from '../repository/config-file.js';
import { isHarmless } from '../repository/harmless.js';

/** A file that makes git on the machine execute or follow something. */
export interface PlantedFile {
  path: string;
  /** A description of what git would do with the file. */
  reason: string;
}

/** Longer files are compared only by their mode, inode, size and time. */
const MOST_BYTES = 1024 * 1024;
const DEEPEST_INCLUDE = 10;

/** Files that lead git elsewhere, or that git acts on, in addition to configurations and hooks. */
const FOLLOWED: readonly (readonly [path: string, reason: string])[] = [
  ['info/attributes', 'it chooses filters and diff commands for files'],
  ['info/grafts', 'it changes the history that git shows'],
  ['objects/info/alternates', 'it leads git to objects elsewhere'],
];

/** Collects everything that git on the machine would execute or follow in the folders that an agent can write to. */
export class GitHazards {
  readonly found = new Map<string, PlantedFile>();
  readonly #owned: readonly string[];
  readonly #search: BoundedSearch;
  readonly #seen = new Set<string>();

  /** @param owned real paths of the folders that an agent can write to */
  constructor(owned: readonly string[], search: BoundedSearch) {
    this.#owned = owned;
    this.#search = search;
  }

  /** @param identity distinguishes this hazard from another of the same kind, for example by its content or target */
  add(path: string, reason: string, identity = ''): void {
    const key = createHash('sha256').update(`${path}\0${reason}\0${identity}`).digest('base64url');
    this.found.set(key, { path, reason });
  }

  /** Adds a file that could not be examined. It is reported every time, because no snapshot knows what it was. */
  addUnseen(path: string, reason: string): void {
    this.add(path, reason, randomUUID());
  }

  /** The real path of something that an agent can write to. Undefined for anything else, and if nothing is there. */
  async owned(path: string): Promise<string | undefined> {
    const real = await realpath(path).catch(() => undefined);
    return real !== undefined && this.#owned.some((folder) => isInside(real, folder)) ? real : undefined;
  }

  /** The entries of a folder, within the limits of the search. */
  async entries(folder: string): Promise<Dirent[]> {
    return this.#search.entries(folder);
  }

  /** True if a path is examined for the first time. */
  first(path: string): boolean {
    if (this.#seen.has(path)) return false;
    this.#seen.add(path);
    return true;
  }

  /**
   * Examines a folder with `HEAD`, `config` and so on.
   *
   * @param checkout the folder in which git runs when it uses this git folder
   */
  async gitFolder(folder: string, checkout: string): Promise<void> {
    if (!this.first(`${folder}\0${checkout}`)) return;
    this.#search.repository();
    const hooks = await this.owned(join(folder, 'hooks'));
    await Promise.all([
      this.#config(join(folder, 'config'), folder, checkout),
      this.#config(join(folder, 'config.worktree'), folder, checkout),
      this.#hooks(hooks),
      this.#commonFolder(folder, checkout),
      this.#rebase(join(folder, 'rebase-merge/git-rebase-todo')),
      ...FOLLOWED.map(([path, reason]) => this.#content(join(folder, path), reason)),
      this.#links(folder, checkout),
    ]);
  }

  async #config(path: string, folder: string, checkout: string, depth = 0): Promise<void> {
    if (!this.first(`${path}\0${checkout}\0config`)) return;
    const text = (await this.#read(path, 'git reads its configuration there'))?.toString('utf8');
    if (!text) return;
    const entries = parseGitConfig(text);
    if (!entries) return this.add(path, 'it is not a valid configuration', text);
    for (const { name, value } of entries) {
      if (isHarmless(name, value)) continue;
      // Every submodule has this setting. It leads back to the submodule's checkout.
      if (name === 'core.worktree' && (await this.owned(resolve(folder, value)))) continue;
      this.add(path, `it sets ${name}`, value);
      const target = value.startsWith('~/') ? join(homedir(), value.slice(2)) : value;
      if (/^include(if\..*)?\.path$/.test(name) && depth < DEEPEST_INCLUDE) {
        const included = await this.owned(resolve(dirname(path), target));
        if (included) await this.#config(included, folder, checkout, depth + 1);
      }
      if (name === 'core.hookspath') {
        await this.#hooks(await this.owned(resolve(checkout, target)));
      }
    }
  }

  async #hooks(folder: string | undefined): Promise<void> {
    if (folder === undefined) return;
    for (const entry of await this.#search.entries(folder)) {
      if (entry.isDirectory() || entry.name.endsWith('.sample')) continue;
      const path = join(folder, entry.name);
      // Hooks are often links to a script of the project, and the content of the script can change.
      const real = entry.isSymbolicLink() ? await this.owned(path) : path;
      const content = real && (await this.#read(real, 'it is in the place of a hook'));
      this.add(path, 'git runs it as a hook', `${real}\0${digest(content ?? '')}`);
    }
  }

  async #commonFolder(folder: string, checkout: string): Promise<void> {
    const path = join(folder, 'commondir');
    const text = (await this.#read(path, 'git is led by it'))?.toString('utf8').replace(/[\r\n]+$/, '');
    if (text === undefined) return;
    const common = resolve(folder, text);
    // A linked worktree is two levels below its repository. Our own protection writes a `commondir` that leads a git folder to
    // itself.
    const linked = basename(dirname(folder)) === 'worktrees' && common === dirname(dirname(folder));
    const usual = text !== '' && (common === folder || linked);
    if (!usual) this.add(path, `it leads git to the configuration and hooks of ${common}`, text);
    const real = await this.owned(common);
    if (real) await this.gitFolder(real, checkout);
  }

  /** Finds commands that `git rebase --continue` would run. */
  async #rebase(path: string): Promise<void> {
    const text = (await this.#read(path, 'git takes the steps of a rebase from it'))?.toString('utf8') ?? '';
    const commands = text.split('\n').filter((line) => /^\s*(x|exec)\b/.test(line));
    if (commands.length > 0) this.add(path, 'git rebase --continue runs the commands in it', commands.join('\n'));
  }

  async #content(path: string, reason: string): Promise<void> {
    const content = await this.#read(path, reason);
    if (content && content.length > 0) this.add(path, reason, digest(content));
  }

  /** Finds links through which git on the machine would write elsewhere, and examines the git folders inside this one. */
  async #links(top: string, checkout: string): Promise<void> {
    const folders = [top];
    for (let folder = folders.pop(); folder !== undefined; folder = folders.pop()) {
      const below = relative(top, folder);
      for (const entry of await this.#search.entries(folder)) {
        const path = join(folder, entry.name);
        if (entry.isDirectory()) {
          if (skipped(join(below, entry.name))) continue;
          const inside = /^(modules|worktrees)(\/|$)/.test(below);
          if (inside && (await lstat(join(path, 'HEAD')).catch(ignoreMissing))) await this.gitFolder(path, checkout);
          else folders.push(path);
        } else if (!entry.isFile()) {
          const target = entry.isSymbolicLink() ? await readlink(path).catch(() => '') : '';
          const what = target ? `a link to ${target}` : 'no regular file';
          this.add(path, `it is ${what}: git on the machine reads and writes through it`, target);
        } else if (below === 'remotes' || below === 'branches') {
          await this.#content(path, 'git fetches and pushes where it says');
        }
      }
    }
  }

  /** Reads a file that git would read, whether an agent owns it or not. A file that cannot be read is a hazard of its own. */
  async #read(path: string, why: string): Promise<Buffer | undefined> {
    const stats = await lstat(path).catch(() => undefined);
    if (!stats) return undefined;
    this.#search.goOn();
    try {
      return await readRegularFile(path, { most: MOST_BYTES });
    } catch {
      const identity = `${stats.mode} ${stats.ino} ${stats.size} ${stats.ctimeMs}`;
      this.add(path, `${why}, but it is a link, too long, or no file that can be read`, identity);
      return undefined;
    }
  }
}

/** Runs a search to its end, or up to its limit. Reaching the limit is a hazard itself, because nobody has seen the rest. */
export async function withinLimits(hazards: GitHazards, path: string, work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (error) {
    if (!(error instanceof SearchLimit)) throw error;
    hazards.addUnseen(path, `it holds more than can be checked: ${error.message}`);
  }
}

/**
 * Parts of a git folder with many files that git only reads, with hashes as their names. Also `hooks`, because the hooks are
 * examined separately.
 */
function skipped(path: string): boolean {
  return path === 'hooks' || path === join('objects', 'pack') || /^objects\/[0-9a-f]{2}$/.test(path);
}

function digest(content: Buffer | string): string {
  return createHash('sha256').update(content).digest('base64url');
}

/** True if a folder has the name of a git folder. Upper case counts too, because some machines ignore case. */
export function isGitName(path: string): boolean {
  return basename(path).toLowerCase() === '.git';
}
