import { within } from '../deferred.js';
import type { RunEnd } from '../types.js';
import type { RunHandle } from './base-executor.js';
import type { LaunchedProcess } from './launcher.js';

const STOP_GRACE_MS = 5_000;

/** A run of the host's own `claude`, which leads a process group of its own. */
export function runOnHost(launched: LaunchedProcess): RunHandle {
  let letGo = false;
  const ended = launched.exited.then(({ code, signal }): RunEnd | Promise<RunEnd> => {
    if (letGo) return new Promise<RunEnd>(() => {});
    if (code !== null) return { exitCode: code };
    if (signal === null) return { unknown: true };
    return { reason: signal === 'SIGKILL' ? 'killed' : 'terminated', error: `Claude was ended by ${signal}.` };
  });

  let stopping: Promise<void> | undefined;
  const stop = async (how: 'gently' | 'at-once'): Promise<void> => {
    if (how === 'gently') {
      signalGroup(launched.pid, 'SIGTERM');
      signalGroup(launched.pid, 'SIGCONT'); // What is frozen hears no other signal.
      await within(ended, STOP_GRACE_MS);
    }
    // The group, not only its leader: tools that Claude started may outlive it.
    signalGroup(launched.pid, 'SIGKILL');
    await ended;
  };

  return {
    started: Promise.resolve({}),
    ended,
    ...(launched.identity && { process: launched.identity }),
    stop: (how = 'gently') => (stopping ??= stop(how)),
    async pause() {
      signalGroup(launched.pid, 'SIGSTOP');
    },
    async resume() {
      signalGroup(launched.pid, 'SIGCONT');
    },
    detach: () => {
      letGo = true;
    },
  };
}

function signalGroup(leader: number, signal: NodeJS.Signals): void {
  try {
    process.kill(-leader, signal);
  } catch {
    // The group is gone.
  }
}
