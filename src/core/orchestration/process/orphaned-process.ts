import { setTimeout as delay } from 'node:timers/promises';
import type { LaunchedProcess, ProcessExit } from './launcher.js';
import { isSurelyAlive, type ProcessIdentity } from './process-identity.js';

/** Nobody tells of the end of a process that is not our child, so it is looked at. */
const LOOK_MS = 250;

/**
 * The process of a run that was launched by a host which is gone. Its exit code went to nobody.
 *
 * @param identity undefined where that host was gone before it could write it down
 */
export function orphanedProcess(identity: ProcessIdentity | undefined): LaunchedProcess {
  return {
    pid: identity?.pid ?? 0,
    identity,
    exited: identity ? exitOf(identity) : new Promise(() => {}),
    isOurs: async () => identity !== undefined && isRunning(identity),
    kill(signal) {
      if (identity) void killIfRunning(identity, signal);
    },
  };
}

async function exitOf(identity: ProcessIdentity): Promise<ProcessExit> {
  // A process of another container, or of the time before a restart, went with that.
  while (await isRunning(identity)) await delay(LOOK_MS, undefined, { ref: false });
  return { code: null, signal: null };
}

/**
 * Whether the process still runs. A look that fails, while this host has no more files to open for example, tells nothing:
 * neither that the run has ended, nor that a signal would reach nobody else. So it is repeated. Never rejects.
 */
async function isRunning(identity: ProcessIdentity): Promise<boolean> {
  while (true) {
    try {
      return await isSurelyAlive(identity);
    } catch {
      await delay(LOOK_MS, undefined, { ref: false });
    }
  }
}

async function killIfRunning(identity: ProcessIdentity, signal: NodeJS.Signals): Promise<void> {
  try {
    if (await isRunning(identity)) process.kill(identity.pid, signal);
  } catch {
    // It has just ended.
  }
}
