import { setTimeout as delay } from 'node:timers/promises';
import { type RunHandle, STOP_GRACE_MS } from '../contract/run-handle.js';
import type { LaunchedProcess, ProcessExit } from '../process/launcher.js';
import type { RunEnd } from '../session/run.js';
import { deferred, withTimeout } from '../util/deferred.js';
import { messageOf } from '../util/errors.js';
import type { ContainerState } from './container-state.js';
import type { ContainerWatch } from './container-watch.js';
import { type DockerEngine, ENGINE_AWAY_MS, ENGINE_RETRY_MS } from './engine.js';
import { refusalInWords } from './engine-refusals.js';
import { startedWith } from './started-with.js';

/**
 * The docker client exits when its container has ended and the last output is written. A client that has not exited after this
 * time is killed.
 */
const CLIENT_GRACE_MS = 5_000;
/** The same for a client that nobody can find, because the process that started the client was killed at that moment. */
const UNKNOWN_CLIENT_GRACE_MS = 1_000;
/** If a `docker run` has neither started its container nor failed within this time, it will not start it any more. */
const START_MS = 60_000;
const REMOVE_TRIES = 6;
/** The shortest time between two checks of a container that runs without its client, in case `wait` returns at once. */
const LOOK_MS = 100;

/** Exit codes of `docker run` that mean that the command never executed. */
const NEVER_EXECUTED: Readonly<Record<number, string>> = {
  125: 'the Docker engine refused to start the container',
  126: "the container's command cannot be executed",
  127: "the container's command was not found",
};
/** The engine hears of a lack of memory from another source than of the end, and on a busy machine later. */
const MEMORY_LOOKS = 3;
const MEMORY_LOOK_MS = 100;

export interface ContainerRunOptions {
  engine: DockerEngine;
  watch: ContainerWatch;
  name: string;
  /** Starts the client, `docker run`, or finds the client that an earlier process has started. */
  launch: () => Promise<LaunchedProcess>;
  /** True if the container already exists, running or not. */
  found: boolean;
  /** True if ports of the container are published, so that the engine is asked where. Default `false`. */
  publishes?: boolean;
  /**
   * If the client is gone while the container runs, the container is stopped. This function says how the run ends then.
   * Default: as `log_lost`.
   */
  onClientLost?: (exit: ProcessExit) => RunEnd;
}

/**
 * A run in a container. Its end shows in two ways. The `docker run` client exits when all output is in the log. The engine
 * knows the exit code, and is asked last. The container stays until `release`.
 *
 * @throws OrchestrationError if `docker run` cannot be started
 */
export async function runContainer(options: ContainerRunOptions): Promise<RunHandle> {
  const { engine, name } = options;
  const start = deferred<{ containerId?: string } | undefined>();
  const death = deferred<undefined>();

  const lookForStart = async (): Promise<void> => {
    for (let looks = 0; looks < START_MS / ENGINE_RETRY_MS && !start.isSettled; looks++) {
      const state = await engine.inspect(name).catch(() => undefined);
      if (state?.started) start.resolve({ containerId: state.id });
      else await delay(ENGINE_RETRY_MS, undefined, { ref: false });
    }
  };
  const unwatch = await options.watch.watch(name, {
    onStart: (containerId) => start.resolve({ containerId }),
    onDie: () => death.resolve(undefined),
    // Without engine events, only the start can be missed. The end still shows, because the docker client exits.
    onSilence: () => void lookForStart(),
  });
  let client: LaunchedProcess;
  let found: ContainerState | undefined;
  try {
    client = await options.launch();
    if (options.found) found = await engine.inspect(name);
  } catch (error) {
    unwatch();
    throw error;
  }
  if (options.found && !found?.running) death.resolve(undefined);
  if (found?.started) start.resolve({ containerId: found.id });

  let letGo = false;
  // The client of an earlier process may be gone, and then it cannot show the end. A client that was launched here does.
  if (options.found) void awaitEnd(engine, name, () => letGo || death.isSettled).then(() => death.resolve(undefined));
  const follow = async (): Promise<RunEnd> => {
    const exit = await clientExit(client, death.promise);
    if (letGo) return new Promise(() => {}); // The process that takes the run over reads how the container ended.
    let unwatched = false;
    const state = await finalState(engine, name, death.promise, (containerId) => {
      start.resolve({ containerId });
      // The client that wrote the log is gone, so nobody can see any more what the agent does.
      unwatched ||= stopping === undefined;
      stopping ??= stop('gently');
    });
    return unwatched ? (options.onClientLost ?? unwatchedEnd)(exit) : runEnd(state, exit);
  };
  const ended = follow().then((end) => {
    if (letGo) return new Promise<RunEnd>(() => {});
    unwatch();
    start.resolve(undefined);
    return end;
  });

  let paused = found?.paused ?? false;
  let pausing: Promise<void> = Promise.resolve();
  let stopping: Promise<void> | undefined;
  const stop = async (how: 'gently' | 'at-once'): Promise<void> => {
    // A container that is still being made cannot be stopped. So its start is awaited, so that no container appears later.
    await withTimeout(Promise.race([start.promise, ended]), START_MS);
    await pausing;
    if (how === 'at-once') await engine.kill(name).catch(() => {});
    // A frozen container does not get SIGTERM. If it stays frozen, the kill below ends it all the same.
    if (paused) await engine.unpause(name).catch(() => {});
    await engine
      .stop(name, how === 'gently' ? STOP_GRACE_MS : 0)
      .catch(() => engine.kill(name))
      .catch(() => client.kill('SIGKILL'));
    await ended;
  };

  return {
    started: startedWith(engine, start.promise, options.publishes ?? false),
    ended,
    over: options.found && !found?.running,
    ...(client.identity && { process: client.identity }),
    release: () => remove(engine, name),
    async stop(how = 'gently') {
      // If an agent is no longer trusted, it does not get the grace time that an earlier gentle stop has given it.
      if (stopping && how === 'at-once') await engine.kill(name).catch(() => {});
      stopping ??= stop(how);
      await stopping;
    },
    pausing: {
      paused,
      async pause() {
        const done = engine.pause(name);
        pausing = done.catch(() => {});
        await done;
        paused = true;
      },
      async resume() {
        await engine.unpause(name);
        paused = false;
      },
    },
    async detach() {
      letGo = true;
      unwatch();
    },
  };
}

/** The client's exit. If the client does not notice that its container is dead, it is killed. */
async function clientExit(client: LaunchedProcess, death: Promise<undefined>): Promise<ProcessExit> {
  const grace = client.identity ? CLIENT_GRACE_MS : UNKNOWN_CLIENT_GRACE_MS;
  const exit = (await Promise.race([client.exited, death])) ?? (await withTimeout(client.exited, grace));
  if (exit) return exit;
  client.kill('SIGKILL');
  return (await withTimeout(client.exited, grace)) ?? { code: null, signal: null };
}

/** True for a container that was killed, and of which the engine may learn in a moment that the memory ran out. */
function mayLackMemory(state: ContainerState | undefined): boolean {
  return state?.exitCode === 137 && !state.oomKilled && !state.removing;
}

/**
 * The engine's information about a container that has ended. If only the client has ended, waits for the end of the container.
 */
async function finalState(
  engine: DockerEngine,
  name: string,
  death: Promise<undefined>,
  onRunning: (containerId: string) => void,
): Promise<ContainerState | Error | undefined> {
  let awaySince: number | undefined;
  let doubted = false;
  let looks = 0;
  while (true) {
    try {
      const state = await engine.inspect(name);
      if (!state?.running) {
        if (looks++ >= MEMORY_LOOKS || !mayLackMemory(state)) return state;
        await delay(MEMORY_LOOK_MS);
        continue;
      }
      awaySince = undefined;
      if (doubted) {
        onRunning(state.id);
        await Promise.all([engine.wait(name), delay(LOOK_MS)]);
      } else {
        // The engine may learn of an end a moment later than the client.
        doubted = true;
        await Promise.race([death, delay(ENGINE_RETRY_MS)]);
      }
    } catch (error) {
      awaySince ??= performance.now();
      if (performance.now() - awaySince > ENGINE_AWAY_MS) return error as Error;
      await delay(ENGINE_RETRY_MS);
    }
  }
}

/** Resolves when a container no longer runs, or when nobody wants to know any more (`isOver`). */
async function awaitEnd(engine: DockerEngine, name: string, isOver: () => boolean): Promise<void> {
  while (!isOver()) {
    const ended = await engine.wait(name).then(
      () => true,
      () => false,
    );
    if (ended) return;
    await delay(ENGINE_RETRY_MS, undefined, { ref: false });
  }
}

/**
 * Removes a container. Tries several times, because the engine may be restarting. If the container stays, a later sweep finds
 * it.
 */
async function remove(engine: DockerEngine, name: string): Promise<void> {
  for (let tries = 0; tries < REMOVE_TRIES; tries++) {
    const removed = await engine.remove(name).then(
      () => true,
      () => false,
    );
    if (removed) return;
    await delay(ENGINE_RETRY_MS);
  }
}

function unwatchedEnd({ code, signal }: ProcessExit): RunEnd {
  const how = signal ?? (code === null ? 'nobody knows how' : `exit code ${code}`);
  const error = `The docker client that writes the log ended (${how}) while the container ran, so that nobody could watch it; it was stopped. The engine may have been restarted, or the disk that stateDir is on may be full`;
  return { reason: 'log_lost', error };
}

function runEnd(state: ContainerState | Error | undefined, exit: ProcessExit): RunEnd {
  if (state instanceof Error) return { reason: 'DOCKER_UNAVAILABLE', error: messageOf(state) };
  const never = exit.code === null ? undefined : NEVER_EXECUTED[exit.code];
  if (!state?.started) {
    if (!state && (exit.code === 126 || exit.code === 127)) {
      const error = "'docker' could not be started. Check that it is installed and on the PATH";
      return { reason: 'LAUNCH_FAILED', exitCode: exit.code, error };
    }
    if (never)
      return { reason: 'LAUNCH_FAILED', exitCode: exit.code ?? 0, error: refusalInWords(state?.error ?? '') || never };
    if (state)
      return {
        reason: 'LAUNCH_FAILED',
        error: refusalInWords(state.error) || 'the container was made but not started',
      };
    const how = exit.signal ?? `exit code ${exit.code}`;
    return { reason: 'lost', error: `The container is gone without a trace; the docker client ended with ${how}.` };
  }
  // Removing a container kills it. A container that had ended by itself has another exit code.
  if (state.removing && state.exitCode === 137)
    return { reason: 'lost', error: 'The container was removed by somebody else while it ran' };
  return { exitCode: state.exitCode, oomKilled: state.oomKilled };
}
