import type { Executor, Leftover } from '../contract/executor.js';
import type { ResolvedManagerOptions } from '../options/resolve.js';
import type { Run } from '../run/run.js';
import type { UnifiedSession } from '../session/record.js';
import type { SessionMode } from '../session/status.js';
import { isTerminal } from '../session/status.js';
import { hasOpenRun } from '../session/transitions.js';
import { type LeftSession, leftSessions } from '../store/disk/left-sessions.js';
import { knownFromLeftover, rebuiltRecord, standInSpec } from '../store/disk/rebuilt-session.js';
import type { StoredPolicy } from '../store/disk/stored-policy.js';
import { restoredRecord, type StoredRecord } from '../store/disk/stored-record.js';
import { restoredSpec, type StoredSpec } from '../store/disk/stored-spec.js';
import type { SessionStore } from '../store/store.js';
import type { Clock } from '../util/clock.js';
import { OrchestrationError } from '../util/errors.js';
import type { LiveSessions, PreparedSession } from './live-sessions.js';
import type { RecoverOptions } from './prepare.js';
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
  /** Sessions of the other lists whose files were damaged. They were rebuilt from what their containers and logs tell. */
  readonly rebuilt: readonly string[];
}

export interface RecoveryOptions {
  options: ResolvedManagerOptions;
  executors: Partial<Record<SessionMode, Executor>>;
  store: SessionStore;
  live: LiveSessions;
  runs: SessionRuns;
  sweep: SessionSweep;
  clock: Clock;
}

/** A session that can be taken over. */
interface Found {
  readonly prepared: PreparedSession;
  readonly record: UnifiedSession;
  readonly ticket: number;
  readonly rebuilt: boolean;
}

/** Takes over what earlier managers of a state folder have left. */
export class SessionRecovery {
  readonly #options: RecoveryOptions;

  constructor(options: RecoveryOptions) {
    this.#options = options;
  }

  /** @throws OrchestrationError as `recover()` documents; nothing has changed then */
  async run({ env }: RecoverOptions): Promise<RecoveryReport> {
    const { options, store, live, runs, sweep } = this.#options;
    // A session that is removed while its folder is read is ours, too.
    const before = new Set(store.registry.list().map(({ id }) => id));
    const isOurs = (id: string): boolean =>
      before.has(id) || store.registry.get(id) !== undefined || runs.queue.has(id);
    const left = (await leftSessions(options.stateDir)).filter(({ id }) => !isOurs(id));
    const leftovers = await this.#leftovers(left);
    if (env) live.supply(env, (id) => store.registry.require(id));
    const skipped: { id: string; why: string }[] = [];
    const unfinished: LeftSession[] = [];
    const found = left.flatMap((session): Found[] => {
      const own = leftovers.filter(({ sessionId }) => sessionId === session.id);
      // The `create()` of this session never resolved, so nobody knows of the session.
      if (session.record === 'missing' && own.length === 0 && !session.hasLog) {
        unfinished.push(session);
        return [];
      }
      const taken = this.#found(session, own, env);
      if (typeof taken === 'object') return [taken];
      skipped.push({ id: session.id, why: taken });
      return [];
    });

    found.sort((a, b) => a.record.createdAt - b.record.createdAt || a.ticket - b.ticket);
    for (const { record } of left) if (typeof record === 'object') store.journal.seen(record.ticket);
    for (const { prepared, record, ticket } of found) store.journal.restore(prepared.folder, record, ticket);
    for (const { prepared, record } of found) runs.restore(prepared, record);
    const waiting = found.filter(({ record }) => record.status === 'queued').sort((a, b) => a.ticket - b.ticket);
    for (const { record } of waiting) runs.queue.readmitWaiting(record);
    const opened = found.flatMap(({ record: { id, status } }) =>
      isTerminal(status) || status === 'queued' ? [] : [id],
    );
    await Promise.all(opened.map((id) => takenOver(live.get(id)?.run)));
    await Promise.all(opened.map((id) => runs.removed(id))); // The sweep would remove their containers, too, and report them.
    // If the manager was closed during this call, another process may have the sessions by now.
    if (runs.isClosed) throw new OrchestrationError('MANAGER_CLOSED', 'The manager was closed during recover().');
    runs.endOrphans();
    runs.queue.settleRecovered((id) => skipped.some((session) => session.id === id));
    runs.queue.resume();

    // If a folder cannot be removed, the next call finds it again.
    for (const { folder } of unfinished) await folder.remove().catch(() => {});
    const swept = await sweep.run();
    const idsOf = (fits: (item: Found) => boolean): string[] => found.filter(fits).map(({ record }) => record.id);
    const now = (id: string): UnifiedSession => store.registry.require(id);
    const isLost = (id: string): boolean => now(id).result?.reason === 'lost';
    const isAnew = ({ record }: Found): boolean =>
      record.status === 'queued' ||
      (!hasOpenRun(record) && record.resumeAt === undefined && !isTerminal(record.status)) ||
      live.get(record.id)?.run?.relaunched === true;
    const wasOpen = ({ record: { id } }: Found): boolean => opened.includes(id);
    return {
      ...swept,
      folders: [...unfinished.map(({ id }) => id), ...swept.folders],
      adopted: idsOf((item) => wasOpen(item) && !isAnew(item) && !isTerminal(now(item.record.id).status)),
      closed: idsOf((item) => wasOpen(item) && isTerminal(now(item.record.id).status) && !isLost(item.record.id)),
      lost: idsOf((item) => wasOpen(item) && isLost(item.record.id)),
      requeued: idsOf((item) => isAnew(item) && !isTerminal(now(item.record.id).status)),
      known: idsOf(({ record }) => isTerminal(record.status)),
      skipped,
      rebuilt: idsOf(({ rebuilt }) => rebuilt),
    };
  }

  /** @throws OrchestrationError `DOCKER_UNAVAILABLE` if a session may be running and the engine does not answer */
  async #leftovers(left: readonly LeftSession[]): Promise<Leftover[]> {
    const leftovers = Object.entries(this.#options.executors).map(async ([mode, executor]) => {
      try {
        return await executor.leftovers();
      } catch (error) {
        if (left.some((session) => mayRun(session, mode))) throw error;
        return [];
      }
    });
    return (await Promise.all(leftovers)).flat();
  }

  /** The session in the form in which it can be taken over, or the reason why it cannot be taken over. */
  #found(left: LeftSession, leftovers: readonly Leftover[], env: RecoverOptions['env']): Found | string {
    const { options, executors, clock } = this.#options;
    const { id, folder, distrusted } = left;
    if (distrusted !== undefined) return distrusted;
    const [leftover] = leftovers;
    const known =
      (typeof left.record === 'object' && left.record.session) ||
      (typeof left.spec === 'object' && { ...left.spec, id, mode: left.spec.spec.mode }) ||
      (leftover && knownFromLeftover(id, leftover, clock.now()));
    if (!known)
      return `its files in ${folder.path} cannot be read, and it has no container; check if the files are of use`;
    const spec = typeof left.spec === 'object' ? left.spec : standInSpec(known, options);
    const executor = executors[spec.spec.mode];
    if (!executor)
      return `there is no executor for its mode '${spec.spec.mode}'; give one in the manager's 'executors'`;
    const { session: record, ticket } = this.#record(left, spec, leftovers);
    const given = spec.ownEnv.length > 0 ? (env?.(record, spec.ownEnv) ?? {}) : {};
    const missing = spec.ownEnv.filter((name) => !Object.hasOwn(given, name));
    // A run that is under way has its variables. A session that has ended needs none until it is continued.
    if (missing.length > 0 && !isTerminal(record.status) && !hasOpenRun(record)) {
      return `its next run needs variables that are not kept on disk: ${missing.join(', ')}; give them to recover({ env })`;
    }
    const restored = restoredSpec(spec, options, given);
    return {
      prepared: {
        spec: restored,
        executor,
        folder,
        environment: record.environment,
        adoptedPolicy: { onHostLost: spec.policy.onHostLost },
        ...(missing.length > 0 && { missingEnv: missing }),
        ...(typeof left.spec === 'string' && { specIsPlaceholder: true }),
      },
      record: markDetached(record, [restored.policy, ...(hasOpenRun(record) ? [spec.policy] : [])]),
      ticket,
      rebuilt: typeof left.spec === 'string' || typeof left.record === 'string',
    };
  }

  #record({ id, folder, record, hasLog }: LeftSession, spec: StoredSpec, leftovers: readonly Leftover[]): StoredRecord {
    if (typeof record === 'object') return { ...record, session: restoredRecord(record) };
    const { taskId, parentId, plan, createdAt, environment } = spec;
    const ties = { ...plan, ...(taskId !== undefined && { taskId }), ...(parentId !== undefined && { parentId }) };
    const known = { id, mode: spec.spec.mode, environment, createdAt, ...ties };
    const latest = Math.max(hasLog ? 1 : 0, ...leftovers.map(({ run }) => run));
    return { version: 1, ticket: 0, session: rebuiltRecord(known, folder.log, latest) };
  }
}

/** True if a session may be running in a container, with an executor of this mode. */
function mayRun({ record, spec }: LeftSession, mode: string): boolean {
  if (typeof record !== 'string') {
    const { status, environment } = record.session;
    return record.session.mode === mode && !isTerminal(status) && environment.docker;
  }
  return typeof spec === 'string' || spec.spec.mode === mode;
}

/**
 * A session may work on while no process is there if its policy says so under this manager. A run that is under way keeps what its
 * hook was told, so for such a run the policy under the earlier manager counts, too.
 */
function markDetached(record: UnifiedSession, policies: readonly Pick<StoredPolicy, 'onHostLost'>[]): UnifiedSession {
  const { detached: _, ...rest } = record;
  const works = policies.some(({ onHostLost }) => onHostLost === 'allow');
  return Object.freeze({ ...rest, ...(works && { detached: true }) });
}

/** Resolves when it is clear what became of a run that was restored. */
async function takenOver(run: Run | undefined): Promise<void> {
  if (run) await Promise.race([run.takenOver, run.finished]);
}
