import { lstat, readFile } from 'node:fs/promises';
import { dirname, join, relative, resolve } from 'node:path';
import { quote } from '../util/errors.js';
import { BoundedSearch, SearchLimit } from '../util/fs/bounded-search.js';
import { isInside } from '../util/fs/is-inside.js';
import { type FileIdentity, identityOf, isSame, type PinnedPath, pinPath } from '../util/fs/pinned-path.js';
import { MountTable } from './mount-table.js';
import type { ProtectedMachine, ProtectedPlace } from './protected-machine.js';
import { ENGINE_SOCKET_NAME, KERNEL_FILE_SYSTEMS, OPEN_PLACES } from './protected-places.js';

/** A requested mount, with the file or folder that its source leads to. */
export interface AskedSource {
  source: PinnedPath;
  /** The source as it was requested. */
  given: string;
  readonly: boolean;
}

/** The limits of the search for another name of an engine's socket. */
const SEARCH = { entries: 50_000, repositories: 0, durationMs: 2_000 };

/**
 * Finds out what a mount would hand over. The answer depends on what the source really is: its path without links, its other
 * paths through bind mounts, device and inode of it and of the folders above it, the type of the file, and the type of its file
 * system.
 */
export class UnsafeSources {
  readonly #machine: ProtectedMachine;
  readonly #table: Promise<MountTable>;
  #listening: Promise<string[]> | undefined;

  /** @param table the mounts of the machine */
  constructor(machine: ProtectedMachine, table = MountTable.read()) {
    this.#machine = machine;
    this.#table = table;
  }

  /** Why the mount is refused, as the end of "it …". Undefined if the mount is allowed. */
  async why({ source, given, readonly }: AskedSource): Promise<string | undefined> {
    const { stats, path } = source;
    const { names, parts, fileSystems } = (await this.#table).view(source);
    const identities = await identitiesUpwards(source);
    const place = await this.#place(
      { names: [...new Set([...names, ...parts, resolve(given)])], identities },
      readonly,
    );
    if (place !== undefined) return place;
    if (stats.isSocket()) return 'is a socket, through which a program on the machine takes orders';
    if (!stats.isFile() && !stats.isDirectory()) return 'is a device or a pipe of the machine';
    const kernel = fileSystems.find((name) => KERNEL_FILE_SYSTEMS.has(name));
    if (kernel) return `is on a file system of the kernel, or holds one (${kernel})`;
    const socket = stats.isDirectory() ? await this.#engineSocketIn(path) : undefined;
    return socket && `holds ${quote(socket)} (a container engine's socket, which is root on the machine)`;
  }

  /** The same check for a folder that does not exist yet, by its future path. */
  async whyNew(given: string): Promise<string | undefined> {
    const existing = await nearest(given);
    const { names } = (await this.#table).view(existing);
    const rest = relative(existing.given, given);
    // The first identity stands for the new folder, which has none yet. The folders above it are not handed over.
    const identities = [{ dev: '', ino: '' }, ...(await identitiesUpwards(existing))];
    return this.#place({ names: [given, ...names.map((name) => join(name, rest))], identities }, false);
  }

  async #place(asked: Asked, readonly: boolean): Promise<string | undefined> {
    const places = (await this.#machine.places(asked.names)).filter(({ reach }) => reach !== 'writable' || !readonly);
    for (const [verb, applies] of RELATIONS) {
      const place = places.find((candidate) => applies(candidate, asked));
      if (place) return `${verb} ${quote(place.path)} (${place.what})`;
    }
    return undefined;
  }

  /** Finds an engine's socket in a folder: by its identity, which a hard link shares, or by its name. */
  async #engineSocketIn(folder: string): Promise<string | undefined> {
    this.#listening ??= listeningSockets();
    const listening = (await this.#listening).find(
      (path) => isInside(path, folder) && ENGINE_SOCKET_NAME.test(path.slice(folder.length)),
    );
    if (listening !== undefined) return listening;
    const engines = (await this.#machine.sockets).flatMap(({ found }) => found ?? []);
    const isEngine = (own: FileIdentity): boolean => engines.some(({ identity }) => isSame(identity, own));
    // If an engine's socket has a second name, that name may be anywhere.
    const deep = engines.some(({ links }) => links > 1);
    const search = new BoundedSearch(SEARCH);
    const folders = [folder];
    try {
      for (let next = folders.pop(); next !== undefined; next = folders.pop()) {
        for (const entry of await search.entries(next)) {
          const path = join(next, entry.name);
          if (deep && entry.isDirectory()) folders.push(path);
          if (!entry.isSocket()) continue;
          const stats = await lstat(path, { bigint: true }).catch(() => undefined);
          if (ENGINE_SOCKET_NAME.test(entry.name) || (stats && isEngine(identityOf(stats)))) return path;
        }
      }
    } catch (error) {
      if (!(error instanceof SearchLimit)) throw error;
      return deep ? folder : undefined; // The folder has so many entries that this cannot be ruled out.
    }
    return undefined;
  }
}

interface Asked {
  names: readonly string[];
  /** The identity of the source, and those of the folders above it. */
  identities: readonly FileIdentity[];
}

/** The possible relations of a source to a protected place. */
const RELATIONS: readonly (readonly [verb: string, applies: (place: ProtectedPlace, asked: Asked) => boolean])[] = [
  [
    'is',
    ({ path, found }, { names, identities: [own] }) =>
      names.some((name) => name === path || name === found?.path) ||
      (own && found && isSame(own, found.identity)) === true,
  ],
  [
    'lies in',
    ({ reach, path, found }, { names, identities }) => {
      if (reach === 'itself' || names.some(isOpen)) return false;
      if (names.some((name) => isInside(name, path))) return true;
      return (
        found !== undefined &&
        (names.some((name) => isInside(name, found.path)) || identities.some((above) => isSame(above, found.identity)))
      );
    },
  ],
  [
    'holds',
    // A place that does not exist yet could be created there.
    ({ path, found }, { names }) =>
      names.some((name) => name === dirname(path) || (found && (isInside(path, name) || isInside(found.path, name)))),
  ],
];

function isOpen(path: string): boolean {
  return OPEN_PLACES.some((open) => isInside(path, open));
}

/** The folder itself, or the nearest existing folder above it. */
async function nearest(given: string): Promise<PinnedPath & { given: string }> {
  try {
    return { ...(await pinPath(given, { withMount: true })), given };
  } catch (error) {
    if (dirname(given) === given) throw error;
    return nearest(dirname(given));
  }
}

async function identitiesUpwards({ path, stats }: PinnedPath): Promise<FileIdentity[]> {
  const above: string[] = [];
  for (let folder = dirname(path); folder !== above.at(-1) && folder !== path; folder = dirname(folder))
    above.push(folder);
  const found = await Promise.all(above.map((folder) => lstat(folder, { bigint: true }).catch(() => undefined)));
  return [stats, ...found.flatMap((each) => each ?? [])].map(identityOf);
}

/** Paths of sockets on which programs listen, as far as the machine tells. */
async function listeningSockets(): Promise<string[]> {
  const text = await readFile('/proc/net/unix', 'utf8').catch(() => '');
  return text.split('\n').flatMap((line) => /^(?:\S+\s+){7}(\/.*)$/.exec(line)?.[1] ?? []);
}
