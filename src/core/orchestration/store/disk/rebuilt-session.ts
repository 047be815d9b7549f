import type { Leftover } from '../../contract/executor.js';
import type { ResolvedManagerOptions } from '../../options/resolve.js';
import { emptyMetadata } from '../../session/metadata-reducer.js';
import type { QueuePlan } from '../../session/queue-plan.js';
import type { SessionEnvironment, UnifiedSession } from '../../session/record.js';
import type { SessionRun } from '../../session/run.js';
import type { SessionMode } from '../../session/status.js';
import { STATE_VERSION, type StoredSpec } from './stored-spec.js';

/** The known facts about a session whose record is lost. */
interface Known extends QueuePlan {
  readonly id: string;
  readonly mode: SessionMode;
  readonly environment: SessionEnvironment;
  readonly createdAt: number;
  readonly taskId?: string;
  readonly parentId?: string;
}

/**
 * Rebuilds the record of a session from its containers and its log. If the session never ran, it waits. If it ran, its run is
 * open, even if the run has ended: taking the session over will show that.
 *
 * @param latest the number of the latest run that has left something behind, 0 for none
 */
export function rebuiltRecord(known: Known, logFile: string, latest: number): UnifiedSession {
  // The log is read from its beginning. The lost record had the place where each run's part begins.
  const runs = Array.from({ length: latest }, (_, index): SessionRun => {
    const run = { number: index + 1, launchedAt: known.createdAt };
    if (index + 1 < latest) return Object.freeze({ ...run, endedAt: known.createdAt });
    // The feedback of a later run was lost with the record, so that this run cannot be launched again.
    return Object.freeze({ ...run, logOffset: 0, ...(latest > 1 && { startedAt: known.createdAt }) });
  });
  return Object.freeze({
    ...known,
    status: latest === 0 ? 'queued' : 'starting',
    logFile,
    runs: Object.freeze(runs),
    metadata: emptyMetadata(),
  } satisfies UnifiedSession);
}

/** Replaces a specification that is lost. An open run can be watched and ended, but the guard denies all its tool calls. */
export function standInSpec(
  known: Known,
  { docker: { env: _, ...docker } }: Pick<ResolvedManagerOptions, 'docker'>,
): StoredSpec {
  const { id, mode, environment, createdAt } = known;
  return {
    version: STATE_VERSION,
    createdAt,
    environment,
    spec: {
      id,
      mode,
      prompt: { text: '' },
      cwd: environment.cwd,
      worktree: undefined,
      docker: environment.docker ? { ...docker, image: environment.dockerImage } : false,
      claude: {},
      limits: {},
    },
    ownEnv: [],
    policy: {
      layers: [{ rules: [{ tool: '*', decision: 'deny', reason: LOST_POLICY }], dangerous: 'deny' }],
      approvalTimeoutMs: Number.MAX_SAFE_INTEGER,
      onHostLost: 'deny',
    },
  };
}

const LOST_POLICY = "What this session may do could not be read from its manager's state folder.";

/** What a container tells about its session. */
export function knownFromLeftover(id: string, { mode = 'autonomous', environment }: Leftover, now: number): Known {
  return { id, mode, environment, createdAt: now };
}
