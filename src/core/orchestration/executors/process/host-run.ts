import { type RunHandle, STOP_GRACE_MS } from '../../contract/run-handle.js';
import type { LaunchedProcess } from '../../process/launcher.js';
import type { RunEnd } from '../../session/run.js';
import { deferred, withTimeout } from '../../util/deferred.js';

/**
 * A run of the machine's own `claude`. Its process leads a process group of its own.
 *
 * @param paused true if the run is already frozen
 */
export function runOnHost(launched: LaunchedProcess, paused = false): RunHandle {
  let letGo = false;
  const ended = launched.exited.then(({ code, signal }): RunEnd | Promise<RunEnd> => {
    if (letGo) return new Promise<RunEnd>(() => {});
    if (code !== null) return { exitCode: code };
    if (signal === null) return { unknown: true };
    return { reason: signal === 'SIGKILL' ? 'killed' : 'terminated', error: `Claude was ended by ${signal}.` };
  });

  const signal = async (name: NodeJS.Signals): Promise<void> => {
    if (await launched.isOurs()) signalGroup(launched.pid, name);
  };
  const atOnce = deferred<undefined>();
  let stopping: Promise<void> | undefined;
  const stop = async (): Promise<void> => {
    if (!atOnce.isSettled) {
      await signal('SIGTERM');
      await signal('SIGCONT'); // A frozen process does not react to SIGTERM before this signal.
      await withTimeout(Promise.race([ended, atOnce.promise]), STOP_GRACE_MS);
    }
    // Kill the group, not only its leader: tools that Claude started may outlive Claude.
    await signal('SIGKILL');
    await ended;
  };

  return {
    started: Promise.resolve({}),
    ended,
    ...(launched.identity && { process: launched.identity }),
    stop(how = 'gently') {
      // This also ends the grace time of a gentle stop that is under way. An agent that is no longer trusted must not have it.
      if (how === 'at-once') atOnce.resolve(undefined);
      stopping ??= stop();
      return stopping;
    },
    pausing: { paused, pause: () => signal('SIGSTOP'), resume: () => signal('SIGCONT') },
    async detach() {
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
