import { setTimeout as delay } from 'node:timers/promises';
import { isSurelyAlive, type ProcessIdentity } from '../state/process-identity.js';
import type { LaunchedProcess, ProcessExit } from './launcher.js';

/** Nobody tells of the end of a process that is not our child, so it is looked at. */
const LOOK_MS = 250;

/**
 * A process that a host launched which is gone. Its exit code went to nobody.
 *
 * @param identity undefined where the host was gone before it could write that down
 */
export function orphanedProcess(identity: ProcessIdentity | undefined): LaunchedProcess {
  return {
    pid: identity?.pid ?? 0,
    identity,
    exited: identity ? exitOf(identity) : new Promise(() => {}),
    isOurs: async () => identity !== undefined && isSurelyAlive(identity),
    kill(signal) {
      if (identity) void killIfAlive(identity, signal);
    },
  };
}

async function exitOf(identity: ProcessIdentity): Promise<ProcessExit> {
  // One of another container, or of the time before a restart, went with that.
  while (await isSurelyAlive(identity)) await delay(LOOK_MS, undefined, { ref: false });
  return { code: null, signal: null };
}

async function killIfAlive(identity: ProcessIdentity, signal: NodeJS.Signals): Promise<void> {
  try {
    if (await isSurelyAlive(identity)) process.kill(identity.pid, signal);
  } catch {
    // It has just ended.
  }
}
