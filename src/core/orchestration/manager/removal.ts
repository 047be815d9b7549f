import type { Executor } from '../contract/executor.js';
import type { SessionTree } from '../family/session-tree.js';
import type { UnifiedSession } from '../session/record.js';
import type { SessionRun } from '../session/run.js';
import { isTerminal } from '../session/status.js';
import type { SessionStore } from '../store/store.js';
import { OrchestrationError } from '../util/errors.js';
import { removeTree } from '../util/fs/remove-tree.js';
import type { Gate } from './gate.js';
import { workerIn } from './interventions.js';
import type { LiveSession, LiveSessions } from './live-sessions.js';
import type { SessionRuns } from './session-runs.js';
import type { StateOwner } from './state-owner.js';

export interface SessionRemovalOptions {
  store: SessionStore;
  live: LiveSessions;
  tree: SessionTree;
  runs: Pick<SessionRuns, 'removed'>;
  /** A session that waits for this one, if there is one. */
  dependantOf: (id: string) => string | undefined;
  owner: StateOwner;
  gate: Gate;
}

/**
 * Forgets sessions that have ended, see `Sessions.remove`. A session is forgotten in the moment in which its folder gets another
 * name. If the process dies before that, the next one has the session as it was, perhaps without its worktree. If the process
 * dies after that, the next one does not know the session any more, and its sweep removes the rest of the files.
 */
export class SessionRemoval {
  readonly #options: SessionRemovalOptions;
  /** The removals that are under way, by id. */
  readonly #underWay = new Map<string, Promise<UnifiedSession>>();

  constructor(options: SessionRemovalOptions) {
    this.#options = options;
  }

  /** @throws OrchestrationError as `Sessions.remove` documents */
  async remove(id: string, force: boolean): Promise<UnifiedSession> {
    const { gate, store } = this.#options;
    gate.requireOpen();
    const earlier = this.#underWay.get(id);
    if (earlier === undefined) store.registry.require(id);
    // The earlier call may fail where this one does not, because only this one has `force`.
    const again = (): Promise<UnifiedSession> => this.#remove(id, force);
    const removal = earlier === undefined ? again() : earlier.catch(again);
    this.#underWay.set(id, removal);
    try {
      return await removal;
    } finally {
      if (this.#underWay.get(id) === removal) this.#underWay.delete(id);
    }
  }

  /** Resolves when no removal is under way. */
  async settled(): Promise<void> {
    await Promise.allSettled(this.#underWay.values());
  }

  async #remove(id: string, force: boolean): Promise<UnifiedSession> {
    const { store, live: sessions, owner, gate, runs } = this.#options;
    await owner.ready(); // `recover()` reports on the sessions that it has taken over.
    await runs.removed(id);
    gate.requireOpen();
    const session = store.registry.require(id);
    const live = sessions.require(id);
    this.#requireUnneeded(session);
    live.leaving = true;
    try {
      await requireNoContainer(session, live.executor);
      await live.folder.requireRemovable();
      await this.#removeWorktree(session, live, force);
      // Nothing may be written to the folder any more. If the disk has refused the record, that does not matter now.
      await store.journal.saved(id).catch(() => {});
      await live.folder.forget();
    } catch (error) {
      live.leaving = false;
      throw error;
    }
    const removed = store.dispatch(id, { type: 'removed' });
    sessions.delete(id);
    await removeTree(live.folder.forgotten).catch(() => {}); // The sweep tries again.
    return removed;
  }

  /** @throws OrchestrationError `ILLEGAL_TRANSITION` */
  #requireUnneeded(session: UnifiedSession): void {
    const { store, tree, dependantOf } = this.#options;
    const { id, status, environment } = session;
    if (!isTerminal(status)) throw refused(session, 'it has not ended; cancel() it first');
    const why = tree.needs(session);
    if (why !== undefined) throw refused(session, `${why}; wait for its end, or cancel() it`);
    const dependant = dependantOf(id);
    if (dependant !== undefined) {
      throw refused(
        session,
        `session ${dependant} waits and names it in 'after'; wait until that one starts, or cancel() it`,
      );
    }
    const other = workerIn(environment.worktree, store.registry);
    if (other)
      throw refused(session, `session ${other.id} ('${other.status}') works in its worktree; wait for its end`);
  }

  /** @throws OrchestrationError `WORKTREE_HAS_WORK`, `WORKTREE_FAILED` */
  async #removeWorktree({ id }: UnifiedSession, { executor }: LiveSession, force: boolean): Promise<void> {
    const { worktrees } = executor;
    if (!(await worktrees?.madeFor(id))) return;
    await worktrees?.remove(id, force);
    // If the session stays after all, its record has to be true.
    this.#options.store.dispatch(id, { type: 'worktree-removed' });
  }
}

/**
 * Removes the containers of a session if one of them may still run, because the engine was gone when the session ended.
 * Otherwise a container that is left does not run, and the sweep removes it.
 *
 * @throws OrchestrationError `DOCKER_UNAVAILABLE`
 */
async function requireNoContainer({ id, runs }: UnifiedSession, executor: Executor): Promise<void> {
  if (!runs.some(mayRun)) return;
  const leftovers = await executor.leftovers();
  for (const leftover of leftovers) if (leftover.sessionId === id) await executor.removeLeftover(leftover);
}

function mayRun({ containerName, exit }: SessionRun): boolean {
  return containerName !== undefined && (exit === undefined || exit.reason === 'DOCKER_UNAVAILABLE');
}

function refused({ id, status }: UnifiedSession, why: string): OrchestrationError {
  return new OrchestrationError('ILLEGAL_TRANSITION', `Session ${id} ('${status}') cannot be removed: ${why}.`);
}
