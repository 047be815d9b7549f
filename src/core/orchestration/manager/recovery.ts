import type { Executor, Leftover } from '../contract/executor.js';
import type { ResolvedManagerOptions } from '../options/resolve.js';
import type { Run } from '../run/run.js';
import type { SessionMode } from '../session/status.js';
import { isTerminal } from '../session/status.js';
import { hasOpenRun } from '../session/transitions.js';
import { type LeftSession, leftIds } from '../store/disk/left-sessions.js';
import type { SessionStore } from '../store/store.js';
import type { Clock } from '../util/clock.js';
import { OrchestrationError } from '../util/errors.js';
import { sortedInTurns } from '../util/sorted-in-turns.js';
import { Turns } from '../util/turns.js';
import type { EndedSession, EndedSessions } from './ended-sessions.js';
import { LeftEnded } from './left-ended.js';
import type { LiveSessions } from './live-sessions.js';
import type { RecoverOptions } from './prepare.js';
import { noExecutor, type RestoredSession, restoredSession } from './restored-session.js';
import type { SessionRuns } from './session-runs.js';
import type { SessionSweep, SweepReport } from './sweep.js';

/** What `recover()` found and did. Each session is in one list, by its id. Sessions in `rebuilt` are in a second list, too. */
export interface RecoveryReport extends SweepReport {
  /** Sessions whose runs go on, and are watched again. */
  readonly adopted: readonly string[];
  /** Sessions whose runs ended while no manager watched them. These sessions have ended now, with the true outcome. */
  readonly closed: readonly string[];
  /** Sessions whose containers are gone without a trace. They are `failed`, reason `lost`. */
  readonly lost: readonly string[];
  /** Sessions that wait for a slot again, in their order, or that are launched again because they had not begun to run. */
  readonly requeued: readonly string[];
  /** Sessions that had ended before. */
  readonly known: readonly string[];
  /** Sessions that stay on disk as they are, for a later call. `why` says what is missing. */
  readonly skipped: readonly { readonly id: string; readonly why: string }[];
  /**
   * Sessions of the other lists whose files were damaged. They were rebuilt from what their containers and logs tell. Of a session that
   * had ended, only the record is read. If its other files are damaged, `continue()` is refused.
   */
  readonly rebuilt: readonly string[];
}

export interface RecoveryOptions {
  options: ResolvedManagerOptions;
  executors: Partial<Record<SessionMode, Executor>>;
  store: SessionStore;
  live: LiveSessions;
  runs: SessionRuns;
  ended: EndedSessions;
  sweep: SessionSweep;
  clock: Clock;
}

/** A session that can be taken over. One that had ended, and that no other session needs, is taken over without its specification. */
type Found = RestoredSession | EndedSession;

/**
 * Takes over what earlier managers of a state folder have left. There may be thousands of sessions, so the work is done in slices.
 * Between them, no slot is given away, and `create()` and `continue()` wait until all is done. A session that was taken over
 * already can be cancelled or removed.
 */
export class SessionRecovery {
  readonly #options: RecoveryOptions;

  constructor(options: RecoveryOptions) {
    this.#options = options;
  }

  /** @throws OrchestrationError as `recover()` documents; nothing has changed then */
  async run({ env }: RecoverOptions): Promise<RecoveryReport> {
    const { store, live, runs, ended, sweep } = this.#options;
    const turns = new Turns();
    const { left, known } = await this.#left(turns);
    const leftovers = await this.#leftovers(left);
    const skipped: { id: string; why: string }[] = [];
    const unfinished: LeftSession[] = [];
    const found: Found[] = [];
    for (const session of known) {
      const { id, mode } = session.outline;
      if (this.#options.executors[mode]) found.push(session);
      else skipped.push({ id, why: noExecutor(mode) });
    }
    if (env) {
      live.supply(env, (id) => store.registry.require(id));
      ended.supply(env);
    }
    for (const session of left) {
      const own = leftovers.get(session.id) ?? [];
      // The `create()` of this session never resolved, so nobody knows of the session.
      if (session.record === 'missing' && own.length === 0 && !session.hasLog) {
        unfinished.push(session);
        continue;
      }
      const taken = restoredSession(session, own, this.#options, env);
      if (typeof taken === 'object') found.push(taken);
      else skipped.push({ id: session.id, why: taken });
      if (turns.isOver) await turns.next();
    }

    for (const { record } of left) if (typeof record === 'object') store.journal.seen(record.ticket);
    const inOrder = await sortedInTurns(found, byCreation, turns);
    await turns.next();
    const others = inOrder.flatMap((item) => ('prepared' in item ? [item] : []));
    const opened = others.flatMap(({ record: { id, status } }) =>
      isTerminal(status) || status === 'queued' ? [] : [id],
    );
    // What ends meanwhile gives its slot to nobody, because those that come first may not be in line yet.
    const moveOn = runs.queue.standStill();
    try {
      await this.#restore(inOrder, others, turns);
    } finally {
      moveOn();
    }
    await Promise.all(opened.map((id) => takenOver(live.get(id)?.run)));
    await Promise.all(opened.map((id) => runs.removed(id))); // The sweep would remove their containers, too, and report them.
    this.#requireOpen();
    runs.endOrphans();
    const mayCome = new Set(skipped.map(({ id }) => id));
    await runs.queue.settleRecovered((id) => mayCome.has(id), turns);
    runs.queue.resume();

    // If a folder cannot be removed, the next call finds it again.
    for (const { folder } of unfinished) await folder.remove().catch(() => {});
    await runs.removed(); // The sweep would report what this manager removes.
    const swept = await sweep.run();
    await turns.next();
    return {
      ...swept,
      folders: [...unfinished.map(({ id }) => id), ...swept.folders],
      ...this.#report(inOrder, new Set(opened)),
      skipped,
    };
  }

  /** What is on the disk and not ours. Of sessions that had ended, no more than is needed. */
  async #left(turns: Turns): Promise<{ left: LeftSession[]; known: EndedSession[] }> {
    const { options, executors, store, runs, ended } = this.#options;
    const { stateDir } = options;
    const { registry } = store;
    // A session that is removed while its folder is read is ours, too.
    const before = new Set(registry.outlines().map(({ id }) => id));
    const isOurs = (id: string): boolean => before.has(id) || registry.outline(id) !== undefined || runs.queue.has(id);
    const ids = (await leftIds(stateDir)).filter((id) => !isOurs(id));
    const leftEnded = new LeftEnded(stateDir, (mode) => executors[mode]?.leads === true);
    const { left, known } = await leftEnded.read(ids, await ended.index.read(ids), turns);
    return {
      left: left.filter(({ id }) => !isOurs(id)),
      known: known.filter(({ outline }) => !isOurs(outline.id)),
    };
  }

  /** Takes the sessions over, in the order of their creation, and those that waited in the order of their tickets. */
  async #restore(found: readonly Found[], others: readonly RestoredSession[], turns: Turns): Promise<void> {
    const { store, runs, ended } = this.#options;
    for (const { prepared, record, ticket } of others) store.journal.restore(prepared.folder, record, ticket);
    for (const item of found) {
      if ('prepared' in item) runs.restore(item.prepared, item.record);
      else ended.restore(item);
      if (turns.isOver) await this.#next(turns);
    }
    const waiting = others.filter(({ record }) => record.status === 'queued');
    for (const { record } of await sortedInTurns(waiting, (a, b) => a.ticket - b.ticket, turns)) {
      // It may have been cancelled by now.
      if (store.registry.outline(record.id)?.status === 'queued') runs.queue.readmitWaiting(record);
      if (turns.isOver) await this.#next(turns);
    }
    await this.#haveFamilies(others, turns);
  }

  /** Has the families of sessions that have not ended in memory. An earlier call may have taken a part of one over as ended. */
  async #haveFamilies(others: readonly RestoredSession[], turns: Turns): Promise<void> {
    const { runs, ended } = this.#options;
    const seen = new Set<string>();
    for (const { record } of others) {
      if (isTerminal(record.status) || seen.has(record.id)) continue;
      for (const id of runs.tree.family(record.id)) seen.add(id);
      await ended.use(record.id, () => {});
      if (turns.isOver) await this.#next(turns);
    }
  }

  async #next(turns: Turns): Promise<void> {
    await turns.next();
    this.#requireOpen();
  }

  /** If the manager was closed during this call, another process may have the sessions by now. */
  #requireOpen(): void {
    if (this.#options.runs.isClosed) {
      throw new OrchestrationError('MANAGER_CLOSED', 'The manager was closed during recover().');
    }
  }

  /**
   * The containers of each session.
   *
   * @throws OrchestrationError `DOCKER_UNAVAILABLE` if a session may be running and the engine does not answer
   */
  async #leftovers(left: readonly LeftSession[]): Promise<Map<string, Leftover[]>> {
    const leftovers = Object.entries(this.#options.executors).map(async ([mode, executor]) => {
      try {
        return await executor.leftovers();
      } catch (error) {
        if (left.some((session) => mayRun(session, mode))) throw error;
        return [];
      }
    });
    const bySession = new Map<string, Leftover[]>();
    for (const leftover of (await Promise.all(leftovers)).flat()) {
      const { sessionId } = leftover;
      if (sessionId !== undefined) bySession.set(sessionId, [...(bySession.get(sessionId) ?? []), leftover]);
    }
    return bySession;
  }

  #report(found: readonly Found[], opened: ReadonlySet<string>): Omit<RecoveryReport, keyof SweepReport | 'skipped'> {
    const { store, live } = this.#options;
    const adopted: string[] = [];
    const closed: string[] = [];
    const lost: string[] = [];
    const requeued: string[] = [];
    const known: string[] = [];
    const rebuilt: string[] = [];
    for (const item of found) {
      if (!('prepared' in item)) {
        known.push(item.outline.id);
        continue;
      }
      const { record } = item;
      const { id, status } = record;
      if (item.rebuilt) rebuilt.push(id);
      if (isTerminal(status)) {
        known.push(id);
        continue;
      }
      // A session that ended meanwhile may have been removed since.
      const now = store.registry.get(id) ?? record;
      const isLost = now.result?.reason === 'lost';
      const isAnew =
        status === 'queued' ||
        (!hasOpenRun(record) && record.resumeAt === undefined) ||
        live.get(id)?.run?.relaunched === true;
      if (!isTerminal(now.status)) (isAnew ? requeued : adopted).push(id);
      else if (opened.has(id)) (isLost ? lost : closed).push(id);
    }
    return { adopted, closed, lost, requeued, known, rebuilt };
  }
}

function byCreation(a: Found, b: Found): number {
  return createdAt(a) - createdAt(b) || a.ticket - b.ticket;
}

function createdAt(item: Found): number {
  return 'prepared' in item ? item.record.createdAt : item.outline.createdAt;
}

/** True if a session may be running in a container, with an executor of this mode. */
function mayRun({ record, spec }: LeftSession, mode: string): boolean {
  if (typeof record !== 'string') {
    const { status, environment } = record.session;
    return record.session.mode === mode && !isTerminal(status) && environment.docker;
  }
  return typeof spec === 'string' || spec.spec.mode === mode;
}

/** Resolves when it is clear what became of a run that was restored. */
async function takenOver(run: Run | undefined): Promise<void> {
  if (run) await Promise.race([run.takenOver, run.finished]);
}
