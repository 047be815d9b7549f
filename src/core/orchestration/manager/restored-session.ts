import type { Executor, Leftover } from '../contract/executor.js';
import type { ResolvedManagerOptions } from '../options/resolve.js';
import type { UnifiedSession } from '../session/record.js';
import type { SessionMode } from '../session/status.js';
import { isTerminal } from '../session/status.js';
import { hasOpenRun } from '../session/transitions.js';
import type { LeftSession } from '../store/disk/left-sessions.js';
import { knownFromLeftover, rebuiltRecord, standInSpec } from '../store/disk/rebuilt-session.js';
import type { StoredPolicy } from '../store/disk/stored-policy.js';
import { restoredRecord, type StoredRecord } from '../store/disk/stored-record.js';
import { restoredSpec, type StoredSpec } from '../store/disk/stored-spec.js';
import type { Clock } from '../util/clock.js';
import type { EnvSource, PreparedSession } from './live-sessions.js';

/** A session of the disk, in the form in which this process can have it. */
export interface RestoredSession {
  readonly prepared: PreparedSession;
  readonly record: UnifiedSession;
  readonly ticket: number;
  /** True if its files were damaged. */
  readonly rebuilt: boolean;
}

export interface RestoringOptions {
  readonly options: ResolvedManagerOptions;
  readonly executors: Partial<Record<SessionMode, Executor>>;
  readonly clock: Clock;
}

/**
 * The session in the form in which it can be taken over, or the reason why it cannot be taken over.
 *
 * @param leftovers the containers of this session
 */
export function restoredSession(
  left: LeftSession,
  leftovers: readonly Leftover[],
  { options, executors, clock }: RestoringOptions,
  env: EnvSource | undefined,
): RestoredSession | string {
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
  if (!executor) return noExecutor(spec.spec.mode);
  const { session: record, ticket } = recordOf(left, spec, leftovers);
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

/** Why a session is not taken over whose mode this manager has no executor for. */
export function noExecutor(mode: SessionMode): string {
  return `there is no executor for its mode '${mode}'; give one in the manager's 'executors'`;
}

function recordOf(
  { id, folder, record, hasLog }: LeftSession,
  spec: StoredSpec,
  leftovers: readonly Leftover[],
): StoredRecord {
  if (typeof record === 'object') return { ...record, session: restoredRecord(record) };
  const { taskId, parentId, plan, createdAt, environment } = spec;
  const ties = { ...plan, ...(taskId !== undefined && { taskId }), ...(parentId !== undefined && { parentId }) };
  const known = { id, mode: spec.spec.mode, environment, createdAt, ...ties };
  const latest = Math.max(hasLog ? 1 : 0, ...leftovers.map(({ run }) => run));
  return { version: 1, ticket: 0, session: rebuiltRecord(known, folder.log, latest) };
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
