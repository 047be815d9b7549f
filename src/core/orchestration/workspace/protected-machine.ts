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

/** The protected paths that differ from one process to another. */
export interface ProtectedPaths {
  /** The home folder of the user that this process runs as. */
  home: string;
  /** Where the engine that runs the sessions listens, in addition to the usual places of engines. */
  engineSockets: readonly string[];
  /** The folder with the sessions' logs and records. */
  stateDir: string;
  /** The variables of this process. Some of them name folders with keys. Default none. */
  env?: NodeJS.ProcessEnv;
}

/** A place on this machine that no container may get. */
export interface ProtectedPlace {
  readonly what: string;
  readonly reach: Reach;
  readonly path: string;
  /** The file or folder that the path leads to. Absent if there is nothing, or nothing that we may examine. */
  readonly found?: { readonly path: string; readonly identity: FileIdentity; readonly links: number };
}

type Unfound = Omit<ProtectedPlace, 'found'>;

/** The table of protected places, as this machine has them when this object is made. Examines each folder once. */
export class ProtectedMachine {
  /** The contents of folders, by path. */
  readonly #listed = new Map<string, Promise<Listing>>();
  readonly #ofHomes = new Map<string, Promise<ProtectedPlace[]>>();
  readonly #own: Promise<ProtectedPlace[]>;
  /** The home folders whose places are checked for every mount. */
  readonly #homes: readonly string[];
  /** Sockets of container engines, whether they exist or not. */
  readonly sockets: Promise<ProtectedPlace[]>;
  #passwd: Promise<string> | undefined;

  constructor(paths: ProtectedPaths) {
    this.sockets = Promise.all(engineSockets(paths).map((place) => found(place)));
    this.#own = this.#find(ownPlaces(paths), paths.stateDir);
    this.#homes = [...new Set([paths.home, '/root'])];
    for (const home of this.#homes) void this.#ofHome(home);
  }

  /**
   * @param names paths of the folder to be mounted; if they are in home folders of other users, the places in those are
   * included
   */
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

  /**
   * True if the folder is somebody's home, and not just any folder beside homes: the list of users has it, it belongs to
   * another user, or it contains what homes contain.
   */
  async #isHome(folder: string): Promise<boolean> {
    this.#passwd ??= readFile('/etc/passwd', 'utf8').catch(() => '');
    if ((await this.#passwd).split('\n').some((line) => line.split(':')[5] === folder)) return true;
    const stats = await stat(folder).catch(() => undefined);
    if (!stats?.isDirectory()) return false;
    if (stats.uid !== process.getuid?.()) return true;
    return (await this.#ofHome(folder)).some(({ path, found }) => found && path !== folder);
  }

  /**
   * Finds out which places exist. Most do not, and listing their folders is cheaper than looking for each place.
   *
   * @param anywhere the place that may be in any folder, even a crowded one, so that its folder is not listed
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
    // If the folder above was listed before, this folder is looked up in that list.
    const above = folder === sep ? undefined : await this.#listed.get(dirname(folder));
    if (above?.links.has(basename(folder)) === false) return NOTHING;
    try {
      const path = await realpath(folder);
      const entries = await readdir(path, { withFileTypes: true });
      return { path, links: new Map(entries.map((entry) => [entry.name, entry.isSymbolicLink()])) };
    } catch {
      return NOTHING; // There is no folder, or we may not read it.
    }
  }
}

/** The content of a folder. */
interface Listing {
  /** The folder's path without links. */
  readonly path: string;
  /** By name: true if the entry is a link. */
  readonly links: ReadonlyMap<string, boolean>;
}

const NOTHING: Listing = { path: sep, links: new Map() };

/** @param real the place's path without links, if it is known */
async function found(place: Unfound, real?: string): Promise<ProtectedPlace> {
  try {
    const path = real ?? (await realpath(place.path));
    const stats = await stat(path, { bigint: true });
    return { ...place, found: { path, identity: identityOf(stats), links: Number(stats.nlink) } };
  } catch {
    return place; // There is nothing, or nothing that we may examine.
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

/** The places of the machine and of this process. */
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

/** The table's places in a folder that a variable moves elsewhere. */
function movedPlaces(from: string, to: string, home: string): Unfound[] {
  return PROTECTED_PLACES.flatMap(({ paths, ...group }) =>
    paths
      .filter((path) => isInside(path, from))
      .map((path) => ({ ...group, path: join(to, path.slice(from.length)) }))
      .filter(({ path }) => path !== home),
  );
}

/** The home folder that a path is in. */
function homeOf(path: string): string[] {
  return HOME_ROOTS.filter((root) => path !== root && isInside(path, root)).map((root) =>
    join(root, path.slice(root.length + 1).split(sep)[0] ?? ''),
  );
}
