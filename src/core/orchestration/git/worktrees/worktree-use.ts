import { lstat, readdir, rename, rm } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { nanoid } from 'nanoid';
import type { z } from 'zod';
import { GenerationLock, type HeldLock } from '../../process/generation-lock.js';
import { isAlive, pidSpace, processIdentity, processIdentitySchema } from '../../process/process-identity.js';
import { ignoreMissing } from '../../util/fs/ignore-missing.js';
import { writeNewFile } from '../../util/fs/owner.js';
import { lazily } from '../../util/zod.js';
import { readGitFile } from '../repository/layout.js';
import { makePart } from '../repository/missing-parts.js';
import type { GitView } from '../repository/view.js';

/**
 * The folder of our files below a repository's `worktrees`, where no container may write. For git it is a worktree without a
 * `gitdir`, which git does not show, and with a `locked`, which git does not prune. Neither git nor this library gives a worktree
 * a name with a dot at its beginning.
 */
const FOLDER = '.autonomous-orchestration';
/** Others hold the lock of a repository for milliseconds. */
const PATIENCE_MS = 10_000;
const LOOK_MS = 10;

type Use = z.infer<ReturnType<typeof recordSchema>>;

/** Who uses a worktree. */
const recordSchema = lazily((z) =>
  z.object({
    sessionId: z.string(),
    stateDir: z.string(),
    /** Distinguishes the managers of a process. */
    manager: z.string(),
    owner: processIdentitySchema(),
    /** Distinguishes two uses by one session. */
    nonce: z.string(),
  }),
);

/** The part of a repository's view that is needed here. */
export type UsePlace = Pick<GitView, 'layout' | 'paths' | 'owner'>;

export interface WorktreeUseOptions {
  stateDir: string;
  /** True if an agent of a session still works, although the process that started it has ended. */
  works: (session: { id: string; stateDir: string }) => Promise<boolean>;
}

/**
 * Which sessions use the worktrees of a repository, for all processes of the machine. A use ends with its session. If a process
 * dies, its sessions keep their worktrees as long as their agents work.
 */
export class WorktreeUse {
  readonly #options: WorktreeUseOptions;
  readonly #manager = nanoid();

  constructor(options: WorktreeUseOptions) {
    this.#options = options;
  }

  /**
   * Runs something while no other process makes or enters a worktree of the repository.
   *
   * @throws Error if another process holds the repository for too long
   */
  async alone<T>(place: UsePlace, work: () => Promise<T>): Promise<T> {
    const lock = await locked(place, await ourFolder(place));
    try {
      return await work();
    } finally {
      await lock.release().catch(() => {}); // It is free at the latest when this process ends.
    }
  }

  /** The session of another manager that uses a worktree, in words. Undefined if there is none. */
  async otherUser(place: UsePlace, gitDir: string, sessionId?: string): Promise<string | undefined> {
    const use = await readUse(place, gitDir);
    if (!use || use.manager === this.#manager) return undefined;
    const { stateDir, owner } = use;
    const isOurs = stateDir === this.#options.stateDir;
    // A session of our own state folder is taken over by us, and nobody else can do that.
    if (isOurs && use.sessionId === sessionId) return undefined;
    const who = `session ${use.sessionId} of the state folder ${stateDir}`;
    const here = await pidSpace();
    if (!isOurs && (await isAlive(owner, here))) {
      const isHere = owner.pidNamespace === here.pidNamespace;
      // Nobody can tell from here if that process still runs.
      const release = `of another container; if that has ended, remove ${fileOf(place, gitDir)}`;
      return `${who} (process ${owner.pid}${isHere ? '' : ` ${release}`})`;
    }
    const works = await this.#options.works({ id: use.sessionId, stateDir });
    return works ? `${who}, whose process has ended: recover() takes it over,` : undefined;
  }

  /**
   * Says that a session uses a worktree. Call this only within {@link alone}, if there is no {@link otherUser}.
   *
   * @param gitDir the worktree's git folder
   * @returns what {@link leave} needs
   */
  async enter(place: UsePlace, gitDir: string, sessionId: string): Promise<string> {
    const use: Use = {
      sessionId,
      stateDir: this.#options.stateDir,
      manager: this.#manager,
      owner: (await processIdentity(process.pid)) ?? { pid: process.pid, startedAt: '' },
      nonce: nanoid(),
    };
    const path = fileOf(place, gitDir);
    const draft = place.paths.to(`${path}.${use.nonce}`);
    await writeNewFile(draft, JSON.stringify(use), place.owner, 0o644);
    await rename(draft, place.paths.to(path));
    return use.nonce;
  }

  /** Removes what is known of a worktree that was never complete. */
  async forget(place: UsePlace, gitDir: string): Promise<void> {
    await rm(place.paths.to(fileOf(place, gitDir)), { force: true });
  }

  /** Ends a use, unless another one has begun. Call this only within {@link alone}. */
  async leave(place: UsePlace, gitDir: string, nonce: string): Promise<void> {
    const use = await readUse(place, gitDir);
    if (use?.nonce === nonce) await rm(place.paths.to(fileOf(place, gitDir)), { force: true });
  }
}

async function readUse(place: UsePlace, gitDir: string): Promise<Use | undefined> {
  const text = await readGitFile(place.paths.to(fileOf(place, gitDir)));
  try {
    return recordSchema().parse(JSON.parse(text ?? ''));
  } catch {
    return undefined; // Whoever has damaged the file uses nothing by that.
  }
}

function fileOf({ layout }: UsePlace, gitDir: string): string {
  return join(layout.commonDir, 'worktrees', FOLDER, `${basename(gitDir)}.json`);
}

/** Makes our folder in a repository, complete at once. @throws Error if it is a worktree, in which an agent could write */
async function ourFolder(place: UsePlace): Promise<string> {
  const { layout, paths } = place;
  const worktrees = join(layout.commonDir, 'worktrees');
  const folder = join(worktrees, FOLDER);
  if (await lstat(paths.to(join(folder, 'gitdir'))).catch(ignoreMissing)) {
    throw new Error(
      `${folder} belongs to a worktree; remove that with 'git worktree remove', and add it with another name`,
    );
  }
  if (await lstat(paths.to(join(folder, 'locked'))).catch(ignoreMissing)) return folder;
  await makePart(place, worktrees, undefined);
  await makePart(place, folder, undefined);
  await makePart(place, join(folder, 'locked'), 'This folder is no worktree.\n');
  return folder;
}

async function locked({ paths, owner }: UsePlace, folder: string): Promise<GenerationLock> {
  const until = performance.now() + PATIENCE_MS;
  while (true) {
    const lock = await GenerationLock.acquire(paths.to(folder), { owner, mode: 0o644, beginAgain: true });
    if (lock instanceof GenerationLock) return lock;
    if (performance.now() > until) throw new Error(heldInWords(folder, lock));
    await delay(LOOK_MS);
  }
}

function heldInWords(folder: string, { path, record: { owner }, here }: HeldLock): string {
  const isHere = owner.pidNamespace === here.pidNamespace;
  return (
    `process ${owner.pid}${isHere ? '' : ' of another container'} holds the worktrees of the repository (${folder}); ` +
    `end it${isHere ? '' : `, and then remove ${basename(path)} there`}`
  );
}

/** How many names there are in a repository's `worktrees`. */
export async function worktreeCount({ layout, paths }: UsePlace): Promise<number> {
  const names = await readdir(paths.to(join(layout.commonDir, 'worktrees'))).catch(ignoreMissing);
  return (names ?? []).filter((name) => name !== FOLDER).length;
}
