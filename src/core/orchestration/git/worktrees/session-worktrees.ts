import { mkdir, readdir, rm, stat } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import type { KeptWorktree } from '../../contract/executor.js';
import type { SessionWorktreeRequest } from '../../session/worktree-request.js';
import { OrchestrationError, quote } from '../../util/errors.js';
import { writeAtomically } from '../../util/fs/atomic-file.js';
import { inWords } from '../../util/fs/in-words.js';
import { notWritable } from '../../util/fs/not-writable.js';
import { readOwnFile } from '../../util/fs/own-file.js';
import { gitFolderOf } from './branch-checkout.js';
import { uncommittedWork, unmergedWork } from './lost-work.js';
import { WorktreeUse, type WorktreeUseOptions } from './worktree-use.js';
import { type Worktree, Worktrees } from './worktrees.js';

/**
 * A worktree that was made for a session. The label is kept in the state folder on the machine. No agent can write there, so
 * none can write a label for a worktree of the user's.
 */
interface Label {
  readonly sessionId: string;
  readonly cwd: string;
  readonly path: string;
  readonly branch: string;
}

/** A label contains only some paths and names. */
const MOST_BYTES = 1024 * 1024;
/** Stands in place of the path while a worktree is about to be made. */
const INTENDED = '';

/**
 * The worktrees that sessions work in. Only one session at a time works in each. Only worktrees that were made for a session
 * are ever removed.
 */
export class SessionWorktrees {
  readonly #folder: string;
  readonly #use: WorktreeUse;
  readonly #worktrees: Worktrees;
  /** The session that works in a worktree, by path. */
  readonly #workers = new Map<string, string>();

  /** @param works see {@link WorktreeUseOptions}. By default no agent outlives its process. */
  constructor(stateDir: string, works: WorktreeUseOptions['works'] = async () => false) {
    this.#folder = join(stateDir, 'worktrees');
    this.#use = new WorktreeUse({ stateDir: resolve(stateDir), works });
    this.#worktrees = new Worktrees(this.#use);
  }

  /**
   * Refuses a worktree that could not be made, as far as that is known now.
   *
   * @returns the request for the session's runs
   * @throws OrchestrationError `WORKTREE_FAILED`
   */
  check(cwd: string, request: SessionWorktreeRequest): Promise<SessionWorktreeRequest> {
    return this.#worktrees.check(cwd, request);
  }

  /** Finds or makes the worktree of a session. @throws OrchestrationError `WORKTREE_FAILED`, `STATE_NOT_WRITABLE` */
  async ensure(sessionId: string, cwd: string, request: SessionWorktreeRequest): Promise<Worktree> {
    const file = this.#labelFile(sessionId);
    const write = (path: string): Promise<void> => {
      const label: Label = { sessionId, cwd, path, branch: request.branch };
      return writeAtomically(file, JSON.stringify(label)).catch((cause: unknown) => {
        throw notWritable(file, cause);
      });
    };
    await mkdir(this.#folder, { recursive: true, mode: 0o700 });
    // If there is no worktree yet, the intention is written first. So if the process dies in between, no unknown worktree is
    // left.
    const worktree = await this.#worktrees.ensure(cwd, request, {
      sessionId,
      beforeMaking: () => write(INTENDED),
    });
    const label = await this.#label(file);
    if (request.own && !worktree.created && label?.path !== INTENDED && label?.path !== worktree.path) {
      throw new OrchestrationError(
        'WORKTREE_FAILED',
        `Branch ${quote(request.branch)} is checked out in ${worktree.path}, which was not made for this session; choose another.`,
      );
    }
    if (label?.path === INTENDED) await write(worktree.path);
    // The worktree that was made for the session is gone, and this one is somebody else's.
    else if (label && label.path !== worktree.path) await rm(file);
    return worktree;
  }

  /**
   * Marks a worktree as used, because two agents in one folder would undo each other's work. Other processes see this, too.
   *
   * @returns the function that the session calls when it leaves
   * @throws OrchestrationError `WORKTREE_FAILED` if another session works there; the engine's errors if it does not say whether one does
   */
  async enter(path: string, sessionId: string): Promise<() => Promise<void>> {
    const other = this.#workers.get(path);
    if (other !== undefined) throw inUse(`Session ${other}`, path);
    this.#workers.set(path, sessionId);
    const forget = async (): Promise<void> => void this.#workers.delete(path);
    try {
      const layout = await gitFolderOf(path).catch(() => undefined);
      // Somebody has removed its files or its pointer. No other process finds it by its branch either.
      if (!layout) return forget;
      const nonce = await this.#worktrees.inRepository(layout, (place) =>
        this.#use.alone(place, async () => {
          const user = await this.#use.otherUser(place, layout.gitDir, sessionId);
          if (user !== undefined) throw inUse(user, path);
          return this.#use.enter(place, layout.gitDir, sessionId);
        }),
      );
      return async () => {
        await forget();
        await this.#worktrees
          .inRepository(layout, (place) => this.#use.alone(place, () => this.#use.leave(place, layout.gitDir, nonce)))
          .catch(() => {}); // The use of a session that has ended does not keep anybody out.
      };
    } catch (cause) {
      await forget();
      if (cause instanceof OrchestrationError) throw cause;
      const message = `The worktree ${path} cannot be entered: ${inWords(cause)}.`;
      throw new OrchestrationError('WORKTREE_FAILED', message, { cause });
    }
  }

  /** Removes a worktree that {@link ensure} has just made, and all that was made for it. */
  async undo(sessionId: string, cwd: string, worktree: Worktree): Promise<void> {
    await this.remove(sessionId, true);
    await this.#worktrees.undo(cwd, worktree);
  }

  /** True if a worktree was made for the session, and was not removed since then. */
  async madeFor(sessionId: string): Promise<boolean> {
    const label = await this.#label(this.#labelFile(sessionId));
    return label !== undefined && label.path !== INTENDED;
  }

  /**
   * Removes the worktree that was made for a session. Its branch stays.
   *
   * @param force also removes the worktree if work would be lost
   * @throws OrchestrationError `WORKTREE_FAILED` if there is none, or if another session works in it; `WORKTREE_HAS_WORK`
   */
  async remove(sessionId: string, force: boolean): Promise<void> {
    const label = await this.#label(this.#labelFile(sessionId));
    if (!label || label.path === INTENDED) {
      throw new OrchestrationError(
        'WORKTREE_FAILED',
        `No worktree was made for session ${sessionId}; one that was there before is yours to remove.`,
      );
    }
    const { path } = label;
    const leave = await this.enter(path, sessionId);
    try {
      const work = force ? undefined : await workIn(label);
      if (work) {
        throw new OrchestrationError(
          'WORKTREE_HAS_WORK',
          `The worktree ${path} of session ${sessionId} has ${work}. Take that over first, or remove it with { force: true }.`,
        );
      }
      await this.#discard(label);
    } catch (cause) {
      if (cause instanceof OrchestrationError) throw cause;
      const message = `The worktree ${path} of session ${sessionId} cannot be removed: ${inWords(cause)}.`;
      throw new OrchestrationError('WORKTREE_FAILED', message, { cause });
    } finally {
      await leave();
    }
  }

  /** Removes the worktrees whose sessions are gone, unless they have work in them. */
  async sweep(isSession: (id: string) => Promise<boolean>): Promise<{ removed: string[]; kept: KeptWorktree[] }> {
    const removed: string[] = [];
    const kept: KeptWorktree[] = [];
    const files = await readdir(this.#folder).catch(() => []);
    for (const file of files.filter((name) => name.endsWith('.json') && !name.startsWith('.'))) {
      const label = await this.#label(join(this.#folder, file));
      if (!label || (await isSession(label.sessionId)) || this.#workers.has(label.path)) continue;
      if (label.path === INTENDED) {
        await rm(join(this.#folder, file), { force: true });
        continue;
      }
      const { path, branch } = label;
      const leave = await this.enter(path, label.sessionId).catch(() => undefined);
      if (!leave) continue; // Another process's session works there.
      try {
        const work = await workIn(label);
        const why = work ? `it has ${work}` : await this.#discard(label).catch((error: unknown) => inWords(error));
        if (typeof why === 'string') kept.push({ path, branch, why });
        else removed.push(path);
      } finally {
        await leave();
      }
    }
    return { removed, kept };
  }

  /**
   * The work in it was checked before, so the worktree is removed by force. A check by git itself would enter repositories that
   * an agent has nested.
   */
  async #discard({ sessionId, cwd, path }: Label): Promise<void> {
    if (await stat(path).catch(() => undefined)) await this.#worktrees.remove(cwd, path);
    await rm(this.#labelFile(sessionId), { force: true });
  }

  async #label(file: string): Promise<Label | undefined> {
    try {
      return JSON.parse(await readOwnFile(file, { most: MOST_BYTES })) as Label;
    } catch {
      return undefined;
    }
  }

  #labelFile(sessionId: string): string {
    return join(this.#folder, `${sessionId}.json`);
  }
}

function inUse(user: string, path: string): OrchestrationError {
  return new OrchestrationError(
    'WORKTREE_FAILED',
    `${user} works in ${path}; wait for its end, or choose another branch.`,
  );
}

/** A description of the work that would be lost with a worktree. Undefined if none would be lost. */
async function workIn({ path, branch }: Label): Promise<string | undefined> {
  if (!(await stat(path).catch(() => undefined))) return undefined;
  if (await uncommittedWork(path)) return 'changes that are not committed';
  return (await unmergedWork(path, branch)) ? `commits that only its branch '${branch}' has` : undefined;
}
