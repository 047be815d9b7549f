import { readdir, readFile, realpath, stat } from 'node:fs/promises';
import { basename, dirname, isAbsolute, join, resolve, sep } from 'node:path';
import { isInside } from '../util/fs/is-inside.js';
import { type FileIdentity, identityOf } from '../util/fs/pinned-path.js';
import {
  ENGINE_SOCKETS,
  ENGINE_VARIABLES,
  HOME_ROOTS,
  MOVED_BY,
  PROTECTED_PLACES,
  type Reach,
} from './protected-places.js';

/** What differs from one process to the next. */
export interface ProtectedPaths {
  /** The home folder of the user that this process runs as. */
  home: string;
  /** Where the engine listens that runs the sessions, besides the places that engines usually have. */
  engineSockets: readonly string[];
  /** Where the sessions' logs and records are. */
  stateDir: string;
  /** The variables of this process: some name folders with keys. Default none. */
  env?: NodeJS.ProcessEnv;
}

/** A place that no container may get, on this machine. */
export interface ProtectedPlace {
  readonly what: string;
  readonly reach: Reach;
  readonly path: string;
  /** Where the path leads, and to what; absent where there is nothing, or nothing that may be looked at. */
  readonly found?: { readonly path: string; readonly identity: FileIdentity; readonly links: number };
}

type Unfound = Omit<ProtectedPlace, 'found'>;

/** The table of protected places, as it is on this machine at the moment when this is made. Looks at each folder once. */
export class ProtectedMachine {
  /** What is in folders, by path. */
  readonly #listed = new Map<string, Promise<Listing>>();
  readonly #ofHomes = new Map<string, Promise<ProtectedPlace[]>>();
  readonly #own: Promise<ProtectedPlace[]>;
  /** The home folders whose places count for whatever is asked for. */
  readonly #homes: readonly string[];
  /** Sockets of container engines, whether they are there or not. */
  readonly sockets: Promise<ProtectedPlace[]>;
  #passwd: Promise<string> | undefined;

  constructor(paths: ProtectedPaths) {
    this.sockets = Promise.all(engineSockets(paths).map((place) => found(place)));
    this.#own = this.#find(ownPlaces(paths), paths.stateDir);
    this.#homes = [...new Set([paths.home, '/root'])];
    for (const home of this.#homes) void this.#ofHome(home);
  }

  /** @param names of the folder that is asked for: those of other users' home folders bring their places along */
  async places(names: readonly string[]): Promise<ProtectedPlace[]> {
    const homes = [...this.#homes];
    for (const home of new Set(names.flatMap(homeOf))) {
      if (!homes.includes(home) && (await this.#isHome(home))) homes.push(home);
    }
    return [
      await this.sockets,
      await this.#own,
      ...(await Promise.all(homes.map((home) => this.#ofHome(home)))),
    ].flat();
  }

  #ofHome(home: string): Promise<ProtectedPlace[]> {
    const known = this.#ofHomes.get(home) ?? this.#find(homePlaces(home), home);
    this.#ofHomes.set(home, known);
    return known;
  }

  /** Somebody's, and not just a folder beside those: it is in the list of users, another user's, or has what homes have. */
  async #isHome(folder: string): Promise<boolean> {
    this.#passwd ??= readFile('/etc/passwd', 'utf8').catch(() => '');
    if ((await this.#passwd).split('\n').some((line) => line.split(':')[5] === folder)) return true;
    const stats = await stat(folder).catch(() => undefined);
    if (!stats?.isDirectory()) return false;
    if (stats.uid !== process.getuid?.()) return true;
    return (await this.#ofHome(folder)).some(({ path, found }) => found && path !== folder);
  }

  /**
   * Most are not there, and to list their folders costs less than to look for each.
   *
   * @param anywhere the one that may be in any folder, also in a crowded one
   */
  async #find(places: readonly Unfound[], anywhere: string): Promise<ProtectedPlace[]> {
    const folders = [...new Set(places.filter(({ path }) => path !== anywhere).map(({ path }) => dirname(path)))];
    const listed = new Map(
      await Promise.all(folders.map(async (folder) => [folder, await this.#listing(folder)] as const)),
    );
    return Promise.all(
      places.map((place) => {
        const { path } = place;
        if (path === sep || path === anywhere) return found(place);
        const listing = listed.get(dirname(path));
        const isLink = listing?.links.get(basename(path));
        return isLink === undefined
          ? place
          : found(place, isLink ? undefined : join(listing?.path ?? '', basename(path)));
      }),
    );
  }

  #listing(folder: string): Promise<Listing> {
    const known = this.#listed.get(folder) ?? this.#list(folder);
    this.#listed.set(folder, known);
    return known;
  }

  async #list(folder: string): Promise<Listing> {
    // One below a folder that was listed before is looked for in that list.
    const above = folder === sep ? undefined : await this.#listed.get(dirname(folder));
    if (above?.links.has(basename(folder)) === false) return NOTHING;
    try {
      const path = await realpath(folder);
      const entries = await readdir(path, { withFileTypes: true });
      return { path, links: new Map(entries.map((entry) => [entry.name, entry.isSymbolicLink()])) };
    } catch {
      return NOTHING; // There is no folder, or none that may be looked at.
    }
  }
}

/** What is in a folder. */
interface Listing {
  /** The folder's path without links. */
  readonly path: string;
  /** By name, whether it is a link. */
  readonly links: ReadonlyMap<string, boolean>;
}

const NOTHING: Listing = { path: sep, links: new Map() };

/** @param real its path without links, where that is known */
async function found(place: Unfound, real?: string): Promise<ProtectedPlace> {
  try {
    const path = real ?? (await realpath(place.path));
    const stats = await stat(path, { bigint: true });
    return { ...place, found: { path, identity: identityOf(stats), links: Number(stats.nlink) } };
  } catch {
    return place; // There is nothing, or nothing that may be looked at.
  }
}

function engineSockets({ engineSockets: own, home, env = {} }: ProtectedPaths): Unfound[] {
  const usual = ENGINE_SOCKETS.map((path) => (path.startsWith('~') ? join(home, path.slice(1)) : path));
  const named = ENGINE_VARIABLES.map((variable) => (env[variable] ?? '').replace(/^unix:\/\//, ''));
  return [...own, ...named.filter(isAbsolute), ...usual].map((path) => ({
    path: resolve(path),
    what: "a container engine's socket, which is root on the machine",
    reach: 'below',
  }));
}

/** Of the machine and of this process. */
function ownPlaces({ stateDir, home, env = {} }: ProtectedPaths): Unfound[] {
  return [
    { path: stateDir, what: "this library's stateDir, with the logs of other sessions", reach: 'below' },
    ...PROTECTED_PLACES.flatMap(({ paths, ...group }) =>
      paths.filter((path) => !path.startsWith('~')).map((path) => ({ ...group, path })),
    ),
    ...Object.entries(MOVED_BY).flatMap(([variable, from]) => {
      const to = env[variable];
      return to && isAbsolute(to) ? movedPlaces(from, to, home) : [];
    }),
  ];
}

function homePlaces(home: string): Unfound[] {
  return PROTECTED_PLACES.flatMap(({ paths, ...group }) =>
    paths.filter((path) => path.startsWith('~')).map((path) => ({ ...group, path: join(home, path.slice(1)) })),
  );
}

/** What the table has in a folder that a variable moves elsewhere. */
function movedPlaces(from: string, to: string, home: string): Unfound[] {
  return PROTECTED_PLACES.flatMap(({ paths, ...group }) =>
    paths
      .filter((path) => isInside(path, from))
      .map((path) => ({ ...group, path: join(to, path.slice(from.length)) }))
      .filter(({ path }) => path !== home),
  );
}

/** The folder among the home folders that a path is in. */
function homeOf(path: string): string[] {
  return HOME_ROOTS.filter((root) => path !== root && isInside(path, root)).map((root) =>
    join(root, path.slice(root.length + 1).split(sep)[0] ?? ''),
  );
}
