import { readFileSync } from 'node:fs';
import { type RunHandle, STOP_GRACE_MS } from '../contract/run-handle.js';
import type { RunEnd } from '../session/run.js';
import { deferred, withTimeout } from '../util/deferred.js';
import { messageOf } from '../util/errors.js';

/** How often we check if the process runs. Only ChannelCoder learns of its exit, and does not pass it on. */
const LOOK_MS = 250;

/** The calls of an engine that such a run needs. */
export interface ContainerControl {
  /** Resolves with the exit code when the container has ended, or with undefined if there is no such container. */
  wait(container: string): Promise<number | undefined>;
  inspect(container: string): Promise<{ readonly oomKilled: boolean } | undefined>;
  stop(container: string, graceMs: number): Promise<void>;
  kill(container: string): Promise<void>;
  remove(container: string): Promise<void>;
}

/**
 * A run that ChannelCoder started itself. If it has a container, the container shows its end. Otherwise its process does, or
 * else the result that Claude writes to the log.
 */
export function startedRun(started: { pid?: number; containerId?: string }, engine: ContainerControl): RunHandle {
  const { containerId } = started;
  const pid = started.pid !== undefined && isChild(started.pid) ? started.pid : undefined;
  const end = deferred<RunEnd>();
  let timer: NodeJS.Timeout | undefined;
  let letGo = false;
  const finish = (how: RunEnd): void => {
    clearInterval(timer);
    if (!letGo) end.resolve(how);
  };

  if (containerId !== undefined) {
    containerEnd(engine, containerId).then(finish, (error: unknown) =>
      finish({ reason: 'DOCKER_UNAVAILABLE', error: messageOf(error) }),
    );
  } else if (pid !== undefined) {
    timer = setInterval(() => {
      if (!isChild(pid)) finish({ unknown: true });
    }, LOOK_MS);
  }

  return {
    started: Promise.resolve(containerId === undefined ? {} : { containerId }),
    ended: end.promise,
    channelCoder: {
      resultSeen() {
        if (containerId === undefined && pid === undefined) finish({ unknown: true });
      },
    },
    async stop() {
      if (containerId !== undefined) {
        await engine.stop(containerId, STOP_GRACE_MS).catch(() => engine.kill(containerId));
      } else if (pid !== undefined) {
        if (isChild(pid)) process.kill(pid, 'SIGTERM');
        if (!(await withTimeout(end.promise, STOP_GRACE_MS)) && isChild(pid)) process.kill(pid, 'SIGKILL');
      } else {
        finish({ unknown: true });
      }
      await end.promise;
    },
    async detach() {
      letGo = true;
      clearInterval(timer);
    },
  };
}

async function containerEnd(engine: ContainerControl, containerId: string): Promise<RunEnd> {
  const exitCode = await engine.wait(containerId);
  const state = await engine.inspect(containerId);
  await engine.remove(containerId);
  if (exitCode === undefined) return { unknown: true };
  return { exitCode, oomKilled: state?.oomKilled ?? false };
}

/** True if a process id really belongs to a child of ours. A mock makes an id up, and it may be the id of any process. */
function isChild(pid: number): boolean {
  try {
    const [, parent] = /\) [A-Z] (\d+)/.exec(readFileSync(`/proc/${pid}/stat`, 'latin1')) ?? [];
    return Number(parent) === process.pid;
  } catch {
    return false;
  }
}
