import { setImmediate as turn } from 'node:timers/promises';
import { SessionFolder } from '../contract/session-folder.js';
import type { SessionTree } from '../family/session-tree.js';
import { accountOf } from '../options/account.js';
import type { SessionAction } from '../session/actions.js';
import { type Outline, outlineOf } from '../session/outline.js';
import type { UnifiedSession } from '../session/record.js';
import { isTerminal } from '../session/status.js';
import { type EndedEntry, EndedIndex } from '../store/disk/ended-index.js';
import { isGone, leftSession, readEndedRecord } from '../store/disk/left-sessions.js';
import type { StoredRecord } from '../store/disk/stored-record.js';
import { STATE_VERSION } from '../store/disk/stored-spec.js';
import type { SessionStore } from '../store/store.js';
import { messageOf, OrchestrationError, quote } from '../util/errors.js';
import { limited } from '../util/limited.js';
import { newAccount } from './continuable.js';
import { GuardFolders } from './guard-folders.js';
import type { EnvSource, LiveSessions } from './live-sessions.js';
import { MOST_ENDED_IN_MEMORY } from './most-in-memory.js';
import { type RestoringOptions, restoredSession } from './restored-session.js';
import type { SessionQueue } from './session-queue.js';
import { type Unstored, unstoredOf, withUnstored } from './unstored.js';

/** How many sessions in a row may turn out to be needed in memory, until no further one is looked at for now. */
const MOST_LOOKED_AT = 8;
/** How many sessions are read from the disk at once. Each takes open files, and there may be thousands. */
const MOST_READS = 8;

export interface EndedSessionsOptions extends RestoringOptions {
  store: SessionStore;
  live: LiveSessions;
  tree: SessionTree;
  queue: Pick<SessionQueue, 'has' | 'holds'>;
}

/** An ended session of an earlier process. */
export interface EndedSession extends EndedEntry {
  /** Absent if it is to be read when it is asked for. */
  readonly record?: UnifiedSession;
  /** True if the index on the disk has it already. */
  readonly isIndexed?: boolean;
}

/**
 * Moves ended sessions out of memory, and takes those back that are needed there. A session has left memory if its record is on the
 * disk only (`SessionRegistry.isInMemory`), and if it is not among the live sessions. An ended session of an earlier process may have
 * its record in memory without being live.
 *
 * A session is not moved out while it is used, while a session of its family has not ended, or while its record is not on the disk.
 */
export class EndedSessions {
  readonly index: EndedIndex;
  readonly #options: EndedSessionsOptions;
  /** The ended sessions whose records are in memory. Those that go first are first. */
  readonly #inMemory = new Set<string>();
  /** The tickets of sessions of an earlier process that are not live. */
  readonly #tickets = new Map<string, number>();
  readonly #unstored = new Map<string, Unstored>();
  /** How many calls need a session in memory. */
  readonly #uses = new Map<string, number>();
  readonly #returning = new Map<string, Promise<void>>();
  /** What `recover()` was given for variables, the latest first. */
  #envSources: EnvSource[] = [];
  readonly #limit = limited(MOST_READS);
  readonly #guards: GuardFolders;
  #isMoving = false;
  #isClosed = false;

  constructor(options: EndedSessionsOptions) {
    const { store } = options;
    const { stateDir } = options.options;
    this.#options = options;
    this.#guards = new GuardFolders(stateDir);
    this.index = new EndedIndex(stateDir, (id) => !store.registry.isInMemory(id) && !!store.registry.outline(id));
    store.registry.readRecords((id) => readEndedRecord(stateDir, id));
    store.follow({
      onAction: (session, action) => this.#changed(session, action),
      onDropped: (id) => this.#forget(id),
    });
  }

  /** Called with what may give the variables of sessions, once they are continued. */
  supply(env: EnvSource): void {
    this.#envSources.unshift(env);
  }

  /** Takes over an ended session of an earlier process. */
  restore({ outline, ticket, account, record, isIndexed = false }: EndedSession): void {
    const { store, queue } = this.#options;
    const { id } = outline;
    if (account !== undefined) queue.holds.enter(id, account);
    store.journal.seen(ticket);
    if (record) {
      this.#tickets.set(id, ticket);
      store.dispatch(id, { type: 'recovered', session: record });
      return;
    }
    store.registry.addOutline(outline);
    if (isIndexed) return;
    // The process may have ended before its sweep. The next process does not look at what is in the index.
    this.#guards.removeLater(
      id,
      () => this.#isAway(id),
      () => this.index.add({ outline, ticket, ...(account !== undefined && { account }) }),
    );
  }

  /**
   * Has a session in memory, and its family, while the work is done.
   *
   * @param needsEnv true if a run gets the variables of the session, so that they are asked for
   * @throws OrchestrationError `SESSION_NOT_FOUND`, `STATE_NOT_WRITABLE`, or what a function that `recover()` was given throws
   */
  async use<T>(id: string, work: () => T | Promise<T>, needsEnv = false): Promise<T> {
    const { tree, live } = this.#options;
    const ids = tree.family(id);
    for (const each of ids) this.#uses.set(each, (this.#uses.get(each) ?? 0) + 1);
    try {
      const removals = this.#guards.underWay(ids); // A run makes the same folder anew.
      if (removals.length > 0) await Promise.allSettled(removals);
      const away = ids.filter((each) => !live.get(each) && isEnded(this.#options.store.registry.outline(each)));
      if (away.length > 0) {
        // What cannot be read any more of the others counts as removed.
        await Promise.all(
          away.map((each) => (each === id ? this.#takeBack(each) : this.#takeBack(each).catch(ignoreLost))),
        );
      }
      if (needsEnv) this.#supplyTo(id);
      return await work();
    } finally {
      for (const each of ids) {
        const uses = (this.#uses.get(each) ?? 1) - 1;
        if (uses > 0) this.#uses.set(each, uses);
        else this.#uses.delete(each);
      }
      this.#makeRoom();
    }
  }

  /** From now on, no session leaves memory. Resolves when nothing is written any more. */
  async close(): Promise<void> {
    this.#isClosed = true;
    await this.#guards.settled();
    await this.index.settled();
  }

  #changed({ id, status }: UnifiedSession, { type }: SessionAction): void {
    this.#inMemory.delete(id);
    if (type === 'removed') this.#forget(id);
    if (type === 'removed' || !isTerminal(status)) return;
    this.#inMemory.add(id);
    this.#makeRoom();
  }

  #forget(id: string): void {
    this.#inMemory.delete(id);
    this.#tickets.delete(id);
    this.#unstored.delete(id);
  }

  #makeRoom(): void {
    if (this.#isMoving || this.#isClosed || this.#inMemory.size <= MOST_ENDED_IN_MEMORY) return;
    this.#isMoving = true;
    void this.#moveOut().finally(() => {
      this.#isMoving = false;
    });
  }

  async #moveOut(): Promise<void> {
    await turn(); // Listeners get the end of a session first.
    for (let stayed = 0; stayed < MOST_LOOKED_AT && this.#inMemory.size > MOST_ENDED_IN_MEMORY; ) {
      const [id] = this.#inMemory;
      if (id === undefined || this.#isClosed) return;
      if (await this.#leave(id)) continue;
      stayed += 1;
      if (this.#inMemory.delete(id)) this.#inMemory.add(id);
    }
  }

  /** Returns false if the session is needed in memory. Never rejects. */
  async #leave(id: string): Promise<boolean> {
    const { store, live, queue, options } = this.#options;
    if (!this.#mayLeave(id)) return false;
    try {
      await store.journal.saved(id);
      if (this.#isClosed || !this.#mayLeave(id)) return false;
      await this.#guards.remove(id); // No sweep comes by any more.
    } catch {
      return false;
    }
    const session = store.registry.outline(id);
    const ticket = store.journal.savedTicket(id) ?? this.#tickets.get(id);
    if (!session || ticket === undefined || this.#isClosed || !this.#mayLeave(id)) return false;
    const account = queue.holds.accountOf(id);
    const entry = { outline: outlineOf(session), ticket, ...(account !== undefined && { account }) };
    if (!this.index.add(entry)) return false;
    const present = live.get(id);
    const unstored = present && unstoredOf(present, options);
    if (unstored) this.#unstored.set(id, unstored);
    live.delete(id);
    store.journal.release(id);
    store.registry.leaveMemory(id);
    this.#inMemory.delete(id);
    this.#tickets.delete(id);
    return true;
  }

  #mayLeave(id: string): boolean {
    const { store, live, tree, queue } = this.#options;
    const { run, leaving = false } = live.get(id) ?? {};
    if (run || leaving || this.#uses.has(id) || this.#returning.has(id) || queue.has(id)) return false;
    return isEnded(store.registry.outline(id)) && store.registry.isInMemory(id) && !tree.isInUse(id);
  }

  /** True if the record of an ended session is on the disk only, and nothing needs it. */
  #isAway(id: string): boolean {
    const { store, live } = this.#options;
    if (this.#isClosed || this.#uses.has(id) || live.get(id)) return false;
    return isEnded(store.registry.outline(id)) && !store.registry.isInMemory(id);
  }

  #takeBack(id: string): Promise<void> {
    const earlier = this.#returning.get(id);
    if (earlier !== undefined) return earlier;
    const returning = this.#limit(() => this.#read(id)).finally(() => this.#returning.delete(id));
    this.#returning.set(id, returning);
    return returning;
  }

  /** @throws OrchestrationError `SESSION_NOT_FOUND` if its files are of no use, `STATE_NOT_WRITABLE` if the system refuses to read them */
  async #read(id: string): Promise<void> {
    const { store, live, queue, options } = this.#options;
    const folder = new SessionFolder(options.stateDir, id);
    if (!store.registry.isInMemory(id) && isGone(folder)) {
      store.drop(id, this.#options.clock.now());
      throw new OrchestrationError(
        'SESSION_NOT_FOUND',
        `Somebody has removed ${quote(folder.path)}, so session ${id} is gone. It is not listed any more.`,
      );
    }
    const left = await leftSession(options.stateDir, id).catch((cause: unknown) => {
      throw new OrchestrationError(
        'STATE_NOT_WRITABLE',
        `Option 'stateDir': ${quote(folder.path)} cannot be read now (${messageOf(cause)}). The session stays as it is: remove the cause, then call again.`,
        { cause },
      );
    });
    const known = store.registry.outline(id);
    if (!isEnded(known) || live.get(id)) return; // It was removed meanwhile.
    const isWhole = typeof left.record === 'object' && isTerminal(left.record.session.status);
    // Somebody has removed or changed the file by hand. What counts is the record in memory, if it is there.
    const whole = isWhole ? left : { ...left, record: this.#storedRecord(store.registry.require(id)) };
    const unstored = this.#unstored.get(id);
    const restored = restoredSession(whole, [], this.#options, () => unstored?.env ?? {});
    if (typeof restored === 'string') {
      throw new OrchestrationError('SESSION_NOT_FOUND', `Session ${id} cannot be used any more: ${restored}.`);
    }
    const { record, ticket } = restored;
    const prepared = {
      ...restored.prepared,
      spec: withUnstored(restored.prepared.spec, unstored),
      ...(unstored?.acceptsOutput && { acceptsOutput: unstored.acceptsOutput }),
    };
    const added = live.add(prepared, record.runs.at(-1)?.feedback);
    const { account = accountOf(prepared.spec) } = { ...record, ...newAccount(record, added) };
    queue.holds.enter(id, account, prepared.spec.onOverage);
    store.journal.restore(prepared.folder, record, ticket);
    store.registry.set(record);
    this.#unstored.delete(id);
    this.#tickets.delete(id);
    this.#inMemory.delete(id);
    this.#inMemory.add(id);
  }

  #storedRecord(session: UnifiedSession): StoredRecord {
    return { version: STATE_VERSION, ticket: this.#tickets.get(session.id) ?? 0, session };
  }

  /** Asks for the variables that a session lacks. @throws what a function that `recover()` was given throws */
  #supplyTo(id: string): void {
    const session = this.#options.live.get(id);
    for (const source of this.#envSources) {
      if (!session?.missingEnv) return;
      session.supply(source(this.#options.store.registry.require(id), session.missingEnv));
    }
  }
}

/** A session that cannot be read any more counts as removed. What cannot be read only now must not be left out. */
function ignoreLost(error: unknown): void {
  if (!(error instanceof OrchestrationError) || error.code !== 'SESSION_NOT_FOUND') throw error;
}

function isEnded(session: Outline | undefined): session is Outline {
  return session !== undefined && isTerminal(session.status);
}
