import { setTimeout as delay } from 'node:timers/promises';
import type { LaunchedProcess, ProcessExit } from './launched-process.js';
import { isSurelyAlive, type ProcessIdentity } from './process-identity.js';

/** The system does not report the end of a process that is not our child, so we poll. */
const LOOK_MS = 250;

/**
 * The launched process of a run whose own launcher, an earlier process of the library, is gone. Nobody received its exit code.
 *
 * @param identity undefined if the earlier process was gone before it could write the identity down
 */
export function orphanedProcess(identity: ProcessIdentity | undefined): LaunchedProcess {
  return {
    pid: identity?.pid ?? 0,
    identity,
    exited: identity ? exitOf(identity) : new Promise(() => {}),
    ...controlOf(identity),
  };
}

/** How a process that is not our child is signalled, and never another one that has got its process id. */
export function controlOf(identity: ProcessIdentity | undefined): Pick<LaunchedProcess, 'isOurs' | 'kill'> {
  return {
    isOurs: async () => identity !== undefined && isRunning(identity),
    kill(signal) {
      if (identity) void killIfRunning(identity, signal);
    },
  };
}

async function exitOf(identity: ProcessIdentity): Promise<ProcessExit> {
  // If the process belonged to another container, or to the time before a reboot, it ended together with that.
  while (await isRunning(identity)) await delay(LOOK_MS, undefined, { ref: false });
  return { code: null, signal: null };
}

/**
 * True if the process still runs. If a check fails, for example because our process cannot open more files, then it proves
 * nothing: neither that the run has ended, nor that a signal would reach no other process. So the check is repeated until it
 * succeeds. Never rejects.
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
    // The process has just ended.
  }
}
