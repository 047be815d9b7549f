import { createHash } from 'node:crypto';
import type { RunHandle } from '../contract/run-handle.js';
import type { SessionCache } from '../session/caches.js';
import { OrchestrationError } from '../util/errors.js';
import { serialized } from '../util/serialized.js';
import { CACHE_PREFIX, requireSafeVolume } from '../workspace/volumes.js';
import type { EngineVolumes } from './engine-volumes.js';
import type { HelperContainers } from './helper-containers.js';

/** Marks the volumes of caches, with the owner of the state folder. Further labels are for people. */
const CACHE_LABEL = 'autonomous-orchestration.cache';
/** More sessions of one repository at the same moment go without a cache. */
const MOST_AT_ONCE = 100;
/** How long the size of a cache may be read. An agent can make any number of files. */
const MEASURE_MS = 60_000;

/** The caches that a run asks for. */
export interface AskedCaches {
  readonly caches: readonly SessionCache[];
  /** What shares the caches: the real path of a repository's git folder, or of a workspace without git. */
  readonly scope: string;
  /** The user of the run. */
  readonly owner: { readonly uid: number; readonly gid: number };
  readonly image: string;
}

/** A volume that belongs to one run until it is given back. */
export interface TakenCache {
  readonly volume: string;
  readonly target: string;
  readonly cache: SessionCache;
}

/** The caches of a run, and what a person should know about them. */
export interface TakenCaches {
  readonly mounts: readonly TakenCache[];
  readonly notices: readonly string[];
}

interface SessionCachesOptions {
  readonly volumes: EngineVolumes;
  readonly helpers: Pick<HelperContainers, 'give' | 'bytesOf' | 'isOwn'>;
  /** Identifies the state folder. */
  readonly owner: string;
}

/**
 * Gives each run volumes of the engine as caches. A volume has one writer at a time: the first run of a repository gets the first
 * volume, and a run that begins beside it gets the second one. So sessions that come one after the other share a cache, and no
 * package manager has to cope with another one.
 *
 * What belongs to another state folder, another repository or another user of the container is never shared. A cache is measured
 * after each run. If it holds too much, it is removed, and made again when it is needed.
 */
export class SessionCaches {
  readonly #options: SessionCachesOptions;
  /** The volumes of runs of this process. A volume of an earlier process's run shows by its container. */
  readonly #taken = new Set<string>();
  /** Why a volume is to be emptied, or was, and nobody was told yet. */
  readonly #emptied = new Map<string, string>();
  readonly #serialized = serialized();
  #closed = false;

  constructor(options: SessionCachesOptions) {
    this.#options = options;
  }

  /**
   * Takes a volume for each cache. Give them back when the run has ended.
   *
   * @throws OrchestrationError `LAUNCH_FAILED`, `UNSAFE_MOUNT`, `DOCKER_UNAVAILABLE`; then nothing is taken
   */
  async take(asked: AskedCaches): Promise<TakenCaches> {
    const taken: TakenCache[] = [];
    const notices: string[] = [];
    try {
      for (const cache of asked.caches) {
        const volume = await this.#free(asked, cache);
        if (volume === undefined) {
          notices.push(
            `The cache '${cache.name}' is left out: ${MOST_AT_ONCE} sessions of this repository have one now.`,
          );
          continue;
        }
        taken.push({ volume, target: cache.target, cache });
        notices.push(...(await this.#prepare(volume, asked, cache)));
      }
      return { mounts: taken, notices };
    } catch (error) {
      for (const { volume } of taken) this.#taken.delete(volume);
      throw error;
    }
  }

  /**
   * Starts a run with its caches, which are given back when the run has ended or could not be started.
   *
   * @param asked undefined for a run without caches
   * @throws OrchestrationError as {@link take}, and what `start` throws
   */
  async during(
    asked: AskedCaches | undefined,
    start: (mounts: readonly TakenCache[]) => Promise<RunHandle>,
  ): Promise<RunHandle> {
    if (!asked) return start([]);
    const taken = await this.take(asked);
    try {
      const handle = await start(taken.mounts);
      void handle.ended.then(() => this.giveBack(taken, asked.image));
      return taken.notices.length > 0 ? { ...handle, notices: taken.notices } : handle;
    } catch (error) {
      void this.giveBack(taken, asked.image);
      throw error;
    }
  }

  /** Called when a run has ended, or could not be started. Measures what it has left. Never rejects. */
  async giveBack({ mounts }: TakenCaches, image: string): Promise<void> {
    await Promise.all(
      mounts.map(async ({ volume, cache }) => {
        // Others may use it meanwhile: only its size is read.
        this.#taken.delete(volume);
        await this.#serialized(() => this.#measure(volume, cache, image));
      }),
    );
  }

  /** Nothing is measured any more. */
  close(): void {
    this.#closed = true;
  }

  /** The first volume that no run has. It is taken before the engine is asked, so that two runs never get the same. */
  async #free({ scope, owner: { uid, gid } }: AskedCaches, { name }: SessionCache): Promise<string | undefined> {
    const { owner, volumes, helpers } = this.#options;
    const hash = createHash('sha256')
      .update(JSON.stringify([owner, scope, name, uid, gid]))
      .digest('hex')
      .slice(0, 24);
    for (let number = 0; number < MOST_AT_ONCE; number++) {
      const volume = `${CACHE_PREFIX}${hash}-${number}`;
      if (this.#taken.has(volume)) continue;
      this.#taken.add(volume);
      try {
        const users = await volumes.users(volume);
        // A helper that measures it changes nothing in it.
        if (users.every((user) => helpers.isOwn(user))) return volume;
      } catch (error) {
        this.#taken.delete(volume);
        throw error;
      }
      this.#taken.delete(volume);
    }
    return undefined;
  }

  /** @returns what a person should know */
  async #prepare(volume: string, { scope, owner, image }: AskedCaches, { name }: SessionCache): Promise<string[]> {
    const { volumes, helpers } = this.#options;
    const why = this.#emptied.get(volume);
    if (why !== undefined) await volumes.remove(volume);
    this.#emptied.delete(volume);
    const notices = why === undefined ? [] : [why];
    const found = await volumes.inspect(volume);
    const labels = {
      [CACHE_LABEL]: this.#options.owner,
      [`${CACHE_LABEL}-name`]: name,
      [`${CACHE_LABEL}-of`]: scope,
    };
    const cache = found ?? (await volumes.create(volume, labels));
    requireSafeVolume(cache);
    if (cache.labels[CACHE_LABEL] !== this.#options.owner) {
      throw new OrchestrationError(
        'UNSAFE_MOUNT',
        `The volume '${volume}' has the name of a cache, but the library has not made it. Remove it ('docker volume rm ${volume}').`,
      );
    }
    if (found) return notices;
    try {
      await helpers.give(image, volume, owner);
    } catch (error) {
      await volumes.remove(volume).catch(() => {}); // The first error counts.
      throw error;
    }
    return notices;
  }

  async #measure(volume: string, { name, maxBytes }: SessionCache, image: string): Promise<void> {
    if (this.#closed) return;
    const { volumes, helpers } = this.#options;
    try {
      const bytes = await helpers.bytesOf(image, volume, MEASURE_MS).catch((error: unknown) => {
        // Nobody can say how much is in it, so it may be too much.
        if (error instanceof OrchestrationError && error.code === 'LAUNCH_FAILED') return undefined;
        throw error;
      });
      if (bytes !== undefined && bytes <= maxBytes) return;
      const held = bytes === undefined ? 'so many files that they cannot be counted' : `${bytes} bytes`;
      this.#emptied.set(volume, `The cache '${name}' was emptied: it held ${held}, and its maxBytes is ${maxBytes}.`);
      // If a container still has it, the next run empties it.
      if (!this.#taken.has(volume)) await volumes.remove(volume);
    } catch {
      // The engine does not answer. The next run is measured again.
    }
  }
}
