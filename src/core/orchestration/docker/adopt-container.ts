import { setTimeout as delay } from 'node:timers/promises';
import { endedRun, type RunHandle } from '../contract/run-handle.js';
import { hasBegun } from '../monitoring/has-begun.js';
import { findProcess } from '../process/find-process.js';
import type { LaunchedProcess } from '../process/launcher.js';
import { orphanedProcess } from '../process/orphaned-process.js';
import { isAlive, type ProcessIdentity } from '../process/process-identity.js';
import type { SessionRun } from '../session/run.js';
import { withTimeout } from '../util/deferred.js';
import { OrchestrationError } from '../util/errors.js';
import { type ContainerRunOptions, runContainer } from './container-run.js';
import type { ContainerState } from './container-state.js';
import type { ContainerWatch } from './container-watch.js';
import type { DockerEngine } from './engine.js';

/** A docker client that has not started its container within this time will not start it any more. */
const SETTLE_MS = 3_000;
const LOOK_MS = 100;

export interface AdoptOptions {
  engine: DockerEngine;
  watch: ContainerWatch;
  name: string;
  /**
   * The labels by which we recognize that a container of this name is the session's own. A copy of a state folder leads to the
   * same names.
   */
  labels: Readonly<Record<string, string>>;
  onClientLost?: ContainerRunOptions['onClientLost'];
  /** The run according to the record. */
  run: SessionRun;
  log: string;
}

/**
 * Follows a container that an earlier process has started, to its end. Returns undefined if the container never executed. Then
 * nothing is left of it, and the run can be started now. Two containers never have the same name, so no run happens twice.
 *
 * @throws OrchestrationError `DOCKER_UNAVAILABLE`, or `LAUNCH_FAILED` if a container that never executed cannot be removed
 */
export async function adoptContainer(options: AdoptOptions): Promise<RunHandle | undefined> {
  const { engine, watch, name, run, log, onClientLost } = options;
  const client = run.process ?? (await findProcess('--name', name));
  const launch = async (): Promise<LaunchedProcess> => orphanedProcess(client);
  const adopt = (): Promise<RunHandle> =>
    runContainer({ engine, watch, name, found: true, publishes: true, launch, ...(onClientLost && { onClientLost }) });
  const state = await settled(options, client);
  if (state && !isOwn(state, options)) return endedRun({ reason: 'lost', error: 'Its container belongs to another' });
  if (state?.started) return adopt();
  if (!state && (run.startedAt !== undefined || (await hasBegun(log, run.logOffset ?? 0)))) {
    return endedRun({ reason: 'lost', error: 'The container is gone without a trace' });
  }
  if (client) {
    const orphan = orphanedProcess(client);
    orphan.kill('SIGKILL');
    await withTimeout(orphan.exited, SETTLE_MS);
  }
  // The client may have started the container since the first check.
  const deadline = performance.now() + SETTLE_MS;
  for (let last = await engine.inspect(name); last; last = await engine.inspect(name)) {
    if (last.started) return adopt();
    if (performance.now() > deadline) {
      throw new OrchestrationError('LAUNCH_FAILED', `Container ${name} was never started, and cannot be removed.`);
    }
    await engine.remove(name);
    await delay(LOOK_MS);
  }
  return undefined;
}

function isOwn(state: ContainerState, { labels }: AdoptOptions): boolean {
  return Object.entries(labels).every(([label, value]) => state.labels[label] === value);
}

/**
 * The state of a container that an earlier process was making when it died. The client may still be making it, so this waits
 * for a while.
 */
async function settled(
  { engine, name, run }: AdoptOptions,
  client: ProcessIdentity | undefined,
): Promise<ContainerState | undefined> {
  const deadline = performance.now() + SETTLE_MS;
  while (true) {
    // On Linux, every process was examined. If the client was not found, it does not run. On other systems, this is unknown.
    const making = client ? await isAlive(client) : process.platform !== 'linux';
    const state = await engine.inspect(name);
    const gone = !state && run.startedAt !== undefined;
    if (state?.started || gone || !making || performance.now() > deadline) return state;
    await delay(LOOK_MS);
  }
}
