import { setImmediate as turn } from 'node:timers/promises';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import type { RunHandle } from '../../../../src/core/orchestration/contract/run-handle.js';
import { runContainer } from '../../../../src/core/orchestration/docker/container-run.js';
import type { ContainerState } from '../../../../src/core/orchestration/docker/container-state.js';
import type { ContainerListener, ContainerWatch } from '../../../../src/core/orchestration/docker/container-watch.js';
import type { DockerEngine } from '../../../../src/core/orchestration/docker/engine.js';
import type { LaunchedProcess, ProcessExit } from '../../../../src/core/orchestration/process/launcher.js';
import { deferred } from '../../../../src/core/orchestration/util/deferred.js';
import { eventually } from '../../../support/eventually.js';

const ENDED: ContainerState = {
  id: 'id',
  labels: {},
  running: false,
  paused: false,
  removing: false,
  started: true,
  exitCode: 0,
  oomKilled: false,
  error: '',
  ports: [],
};

const IDENTITY = { pid: 1, startedAt: '1' };

interface Scene {
  handle: RunHandle;
  listener: ContainerListener;
  engine: { [Name in 'inspect' | 'wait' | 'pause' | 'unpause' | 'stop' | 'kill' | 'remove']: ReturnType<typeof vi.fn> };
  unwatch: ReturnType<typeof vi.fn>;
  kill: ReturnType<typeof vi.fn>;
  exit: (code: number | null, signal?: NodeJS.Signals) => void;
}

async function scene(
  state: ContainerState | undefined = ENDED,
  { found = false, known = true }: { found?: boolean; known?: boolean } = {},
): Promise<Scene> {
  const exited = deferred<ProcessExit>();
  const exit = (code: number | null, signal: NodeJS.Signals | null = null): void => exited.resolve({ code, signal });
  const kill = vi.fn((signal: NodeJS.Signals) => exit(null, signal));
  const client: LaunchedProcess = {
    pid: 1,
    identity: known ? IDENTITY : undefined,
    exited: exited.promise,
    kill,
    isOurs: async () => true,
  };
  const engine = {
    inspect: vi.fn(async () => state),
    wait: vi.fn(async () => 0),
    pause: vi.fn(async () => {}),
    unpause: vi.fn(async () => {}),
    stop: vi.fn(async () => exit(143)),
    kill: vi.fn(async () => exit(137)),
    remove: vi.fn(async () => {}),
  };
  let listener: ContainerListener | undefined;
  const unwatch = vi.fn();
  const watch = {
    watch: async (_name: string, added: ContainerListener) => {
      listener = added;
      return unwatch;
    },
  };
  const handle = await runContainer({
    engine: engine as unknown as DockerEngine,
    watch: watch as unknown as ContainerWatch,
    name: 'ao-1',
    found,
    launch: async () => client,
  });
  if (!listener) throw new Error('nobody watches');
  return { handle, listener, engine, unwatch, kill, exit };
}

function fakeClock(): void {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] });
  onTestFinished(() => void vi.useRealTimers());
}

/** When a call came, among all calls. */
const orderOf = (mock: ReturnType<typeof vi.fn>): number => mock.mock.invocationCallOrder[0] ?? Number.NaN;

describe('a run that ends by itself', () => {
  it('a run starts with the start event and ends with the exit code of the engine', async () => {
    const { handle, listener, unwatch, exit } = await scene({ ...ENDED, exitCode: 3 });
    listener.onStart('container-id');
    expect(await handle.started).toEqual({ containerId: 'container-id' });
    exit(3);
    expect(await handle.ended).toEqual({ exitCode: 3, oomKilled: false });
    expect(unwatch).toHaveBeenCalledTimes(1);
  });

  it('a run waits for the client after the container died, because the client still writes output', async () => {
    const { handle, listener, engine, exit, kill } = await scene();
    listener.onDie();
    await turn();
    expect(engine.inspect).not.toHaveBeenCalled();
    exit(0);
    expect(await handle.ended).toEqual({ exitCode: 0, oomKilled: false });
    expect(kill).not.toHaveBeenCalled();
  });

  it('a client that does not notice that its container died is killed', async () => {
    fakeClock();
    const { handle, listener, kill } = await scene({ ...ENDED, exitCode: 1 });
    listener.onDie();
    await vi.advanceTimersByTimeAsync(4_900);
    expect(kill).not.toHaveBeenCalled();
    await vi.advanceTimersByTimeAsync(200);
    expect(kill.mock.calls).toEqual([['SIGKILL']]);
    expect(await handle.ended).toEqual({ exitCode: 1, oomKilled: false });
  });

  it('a run whose client has ended continues until the container has ended', async () => {
    const { handle, listener, engine, exit } = await scene({ ...ENDED, exitCode: 5 });
    engine.inspect.mockResolvedValueOnce({ ...ENDED, running: true });
    exit(null, 'SIGKILL');
    await eventually(() => expect(engine.inspect).toHaveBeenCalledTimes(1));
    listener.onDie();
    expect(await handle.ended).toEqual({ exitCode: 5, oomKilled: false });
    expect(engine.stop).not.toHaveBeenCalled();
  });

  it('a container that was killed is looked at again, because the engine may learn of the memory later', async () => {
    const { handle, engine, exit } = await scene({ ...ENDED, exitCode: 137, oomKilled: true });
    engine.inspect.mockResolvedValueOnce({ ...ENDED, exitCode: 137 });
    exit(137);
    expect(await handle.ended).toEqual({ exitCode: 137, oomKilled: true });
  });

  it('a container that ran out of memory is reported', async () => {
    const { handle, exit } = await scene({ ...ENDED, exitCode: 137, oomKilled: true });
    exit(137);
    expect(await handle.ended).toEqual({ exitCode: 137, oomKilled: true });
  });

  it('the container is kept until release() is called', async () => {
    const { handle, engine, exit } = await scene();
    exit(0);
    await handle.ended;
    await turn();
    expect(engine.remove).not.toHaveBeenCalled();
    await handle.release?.();
    expect(engine.remove.mock.calls).toEqual([['ao-1']]);
  });

  it('release() resolves even if the container cannot be removed', async () => {
    const { handle, engine, exit } = await scene();
    engine.remove.mockRejectedValue(new Error('busy'));
    exit(0);
    expect(await handle.ended).toMatchObject({ exitCode: 0 });
    await expect(handle.release?.()).resolves.toBeUndefined();
  });

  it('a run is identified by the process that writes its log', async () => {
    const { handle } = await scene();
    expect(handle).toMatchObject({ process: IDENTITY, over: false, pausing: { paused: false } });
  });
});

describe('a run that never executed', () => {
  const UNSTARTED = { ...ENDED, started: false, error: '' };
  const NO_CLIENT = "'docker' could not be started. Check that it is installed and on the PATH";

  it.each([
    [125, undefined, 'the Docker engine refused to start the container'],
    [126, UNSTARTED, "the container's command cannot be executed"],
    [127, UNSTARTED, "the container's command was not found"],
    [126, undefined, NO_CLIENT],
    [127, undefined, NO_CLIENT],
  ])('exit code %s of docker run is reported as LAUNCH_FAILED for the container %j', async (code, container, error) => {
    const { handle, engine, exit } = await scene();
    engine.inspect.mockResolvedValue(container);
    exit(code);
    expect(await handle.ended).toEqual({ reason: 'LAUNCH_FAILED', exitCode: code, error });
    expect(await handle.started).toBeUndefined();
  });

  it("the engine's own error message is reported if there is one", async () => {
    const { handle, exit } = await scene({ ...ENDED, started: false, error: 'exec: "claude": not found' });
    exit(127);
    expect(await handle.ended).toMatchObject({ reason: 'LAUNCH_FAILED', error: 'exec: "claude": not found' });
  });

  it('a container that was created but not started is reported as LAUNCH_FAILED', async () => {
    const { handle, exit } = await scene({ ...ENDED, started: false });
    exit(null, 'SIGKILL');
    expect(await handle.ended).toEqual({
      reason: 'LAUNCH_FAILED',
      error: 'the container was made but not started',
    });
  });

  it('a command that itself exits with 127 is not reported as LAUNCH_FAILED', async () => {
    const { handle, exit } = await scene({ ...ENDED, exitCode: 127 });
    exit(127);
    expect(await handle.ended).toEqual({ exitCode: 127, oomKilled: false });
  });
});

describe('a run whose container or engine is gone', () => {
  it.each([
    [0, undefined, 'exit code 0'],
    [null, 'SIGKILL' as const, 'SIGKILL'],
  ])('a run is lost if its container is gone (client: %s %s)', async (code, signal, how) => {
    const { handle, engine, exit } = await scene();
    engine.inspect.mockResolvedValue(undefined);
    exit(code, signal);
    const end = await handle.ended;
    expect(end).toMatchObject({ reason: 'lost', error: expect.stringContaining(how) });
    expect(end).not.toHaveProperty('exitCode');
  });

  it('a run is lost if its container is killed because somebody else removes it', async () => {
    const { handle, exit } = await scene({ ...ENDED, removing: true, exitCode: 137 });
    exit(137);
    expect(await handle.ended).toMatchObject({ reason: 'lost', error: expect.stringContaining('somebody else') });
  });

  it('a run that ended by itself keeps its exit code if its container is removed afterwards', async () => {
    const { handle, exit } = await scene({ ...ENDED, removing: true, exitCode: 3 });
    exit(3);
    expect(await handle.ended).toEqual({ exitCode: 3, oomKilled: false });
  });

  it('the exit code of a run is reported when the engine is available again', async () => {
    const { handle, engine, exit } = await scene({ ...ENDED, exitCode: 4 });
    engine.inspect.mockRejectedValueOnce(new Error('away'));
    exit(1);
    expect(await handle.ended).toEqual({ exitCode: 4, oomKilled: false });
    expect(engine.inspect).toHaveBeenCalledTimes(2);
  });

  it('a run ends with DOCKER_UNAVAILABLE if the engine is unavailable for 30 seconds', async () => {
    fakeClock();
    const { handle, engine, exit } = await scene();
    engine.inspect.mockImplementation(async () => {
      vi.advanceTimersByTime(30_001);
      throw new Error('away');
    });
    exit(1);
    expect(await handle.ended).toEqual({ reason: 'DOCKER_UNAVAILABLE', error: 'away' });
  });
});

describe('stopping a run', () => {
  it('stop() asks the engine to stop the container within five seconds, and resolves when it has ended', async () => {
    const { handle, listener, engine } = await scene({ ...ENDED, exitCode: 143 });
    listener.onStart('id');
    await handle.stop();
    expect(engine.stop.mock.calls).toEqual([['ao-1', 5_000]]);
    expect(await handle.ended).toMatchObject({ exitCode: 143 });
  });

  it('stop() waits for a container that is still being created, so that it cannot appear afterwards', async () => {
    const { handle, listener, engine } = await scene();
    const stopped = handle.stop();
    await turn();
    expect(engine.stop).not.toHaveBeenCalled();
    listener.onStart('id');
    await stopped;
    expect(engine.stop).toHaveBeenCalledTimes(1);
  });

  it('two parallel calls of stop() stop the container once', async () => {
    const { handle, listener, engine } = await scene();
    listener.onStart('id');
    await Promise.all([handle.stop(), handle.stop()]);
    expect(engine.stop).toHaveBeenCalledTimes(1);
  });

  it('stop() kills the container if stopping fails, and kills the client if that fails, too', async () => {
    const { handle, listener, engine, kill } = await scene();
    engine.stop.mockRejectedValue(new Error('away'));
    engine.kill.mockRejectedValue(new Error('away'));
    listener.onStart('id');
    await handle.stop();
    expect(engine.kill.mock.calls).toEqual([['ao-1']]);
    expect(kill.mock.calls).toEqual([['SIGKILL']]);
  });

  it("stop('at-once') kills the container before it stops it", async () => {
    const { handle, listener, engine } = await scene();
    listener.onStart('id');
    await handle.stop('at-once');
    expect(engine.kill.mock.calls).toEqual([['ao-1']]);
    expect(engine.stop.mock.calls).toEqual([['ao-1', 0]]);
  });

  it("stop('at-once') does not wait for a gentle stop that began earlier", async () => {
    const { handle, listener, engine, exit } = await scene();
    listener.onStart('id');
    const stopping = deferred<void>();
    engine.stop.mockImplementation(() => stopping.promise);
    const gently = handle.stop();
    await turn();
    engine.kill.mockImplementation(async () => {
      exit(137);
      stopping.resolve();
    });
    await Promise.all([handle.stop('at-once'), gently]);
    expect(engine.kill.mock.calls).toEqual([['ao-1']]);
    expect(engine.stop).toHaveBeenCalledTimes(1);
  });

  it("stop('at-once') kills a paused container before it is unpaused", async () => {
    const { handle, listener, engine } = await scene();
    listener.onStart('id');
    await handle.pausing?.pause();
    await handle.stop('at-once');
    expect(orderOf(engine.kill)).toBeLessThan(orderOf(engine.unpause));
  });

  it('stop() waits for a pause that is in progress, so that the container is not paused afterwards', async () => {
    const { handle, listener, engine } = await scene();
    listener.onStart('id');
    const freezing = deferred<void>();
    engine.pause.mockImplementation(() => freezing.promise);
    const paused = handle.pausing?.pause();
    const stopped = handle.stop();
    await turn();
    expect(engine.stop).not.toHaveBeenCalled();
    freezing.resolve();
    await Promise.all([paused, stopped]);
    expect(orderOf(engine.unpause)).toBeLessThan(orderOf(engine.stop));
  });

  it('stop() resolves if the run has already ended', async () => {
    const { handle, exit } = await scene();
    exit(0);
    await handle.ended;
    await expect(handle.stop()).resolves.toBeUndefined();
  });
});

describe('pausing a run', () => {
  it('pause() pauses the container, and resume() unpauses it', async () => {
    const { handle, engine } = await scene();
    await handle.pausing?.pause();
    expect(engine.pause.mock.calls).toEqual([['ao-1']]);
    expect(engine.unpause).not.toHaveBeenCalled();
    await handle.pausing?.resume();
    expect(engine.unpause.mock.calls).toEqual([['ao-1']]);
  });

  it('pause() and resume() reject if the engine refuses', async () => {
    const { handle, engine } = await scene();
    engine.pause.mockRejectedValue(new Error('not running'));
    await expect(handle.pausing?.pause()).rejects.toThrow('not running');
    engine.unpause.mockRejectedValue(new Error('stays frozen'));
    await expect(handle.pausing?.resume()).rejects.toThrow('stays frozen');
  });

  it('stop() unpauses a paused container first, because it would receive no signal', async () => {
    const { handle, listener, engine } = await scene();
    listener.onStart('id');
    await handle.pausing?.pause();
    await handle.stop();
    expect(orderOf(engine.unpause)).toBeLessThan(orderOf(engine.stop));
    expect(engine.stop).toHaveBeenCalledTimes(1);
  });

  it('stop() kills a container that stays paused', async () => {
    const { handle, listener, engine } = await scene();
    listener.onStart('id');
    await handle.pausing?.pause();
    engine.unpause.mockRejectedValue(new Error('stays frozen'));
    engine.stop.mockRejectedValue(new Error('it hears nothing'));
    await handle.stop();
    expect(engine.kill.mock.calls).toEqual([['ao-1']]);
  });

  it.each([
    ['was never paused', async () => {}],
    [
      'was resumed',
      async (handle: RunHandle) => {
        await handle.pausing?.pause();
        await handle.pausing?.resume();
      },
    ],
  ])('stop() does not unpause the container of a run that %s', async (_, before) => {
    const { handle, listener, engine } = await scene();
    listener.onStart('id');
    await before(handle);
    engine.unpause.mockClear();
    await handle.stop();
    expect(engine.unpause).not.toHaveBeenCalled();
  });
});

describe('detaching from a run', () => {
  it('detach() stops watching, and leaves the container and its end to other processes', async () => {
    const { handle, engine, unwatch, exit } = await scene();
    let ended = false;
    void handle.ended.then(() => {
      ended = true;
    });
    void handle.detach();
    expect(unwatch).toHaveBeenCalledTimes(1);
    exit(0);
    await turn();
    expect(ended).toBe(false);
    expect(engine.inspect).not.toHaveBeenCalled();
    expect(engine.remove).not.toHaveBeenCalled();
  });
});

describe('a run that cannot be launched', () => {
  it('a failed launch rejects, and its container is not watched any more', async () => {
    const unwatch = vi.fn();
    const failing = runContainer({
      engine: {} as DockerEngine,
      watch: { watch: async () => unwatch } as unknown as ContainerWatch,
      name: 'ao-1',
      found: false,
      launch: () => Promise.reject(new Error('no docker')),
    });
    await expect(failing).rejects.toThrow('no docker');
    expect(unwatch).toHaveBeenCalledTimes(1);
  });

  it('a run is not launched if its container cannot be watched', async () => {
    const launch = vi.fn();
    const failing = runContainer({
      engine: {} as DockerEngine,
      watch: { watch: () => Promise.reject(new Error('away')) } as unknown as ContainerWatch,
      name: 'ao-1',
      found: false,
      launch,
    });
    await expect(failing).rejects.toThrow('away');
    expect(launch).not.toHaveBeenCalled();
  });
});

describe('a container that continues without its client', () => {
  /** A container that runs until the engine ends it. */
  async function unwatched(how: 'stop' | 'kill'): Promise<Scene> {
    const own = await scene({ ...ENDED, running: true });
    const over = deferred<number>();
    own.engine.wait.mockImplementation(() => over.promise);
    own.engine.stop.mockRejectedValue(new Error('busy'));
    own.engine[how].mockImplementation(async () => {
      own.engine.inspect.mockResolvedValue(ENDED);
      over.resolve(143);
    });
    own.listener.onStart('id');
    return own;
  }

  it('the container is stopped, because its log is lost', async () => {
    const { handle, engine, exit } = await unwatched('stop');
    exit(null, 'SIGKILL');
    expect(await handle.ended).toMatchObject({ reason: 'log_lost', error: expect.stringContaining('SIGKILL') });
    expect(engine.stop.mock.calls).toEqual([['ao-1', 5_000]]);
  }, 15_000);

  it('the container is killed if it cannot be stopped', async () => {
    const { handle, engine, exit } = await unwatched('kill');
    exit(0);
    expect(await handle.ended).toMatchObject({ reason: 'log_lost' });
    expect(engine.kill).toHaveBeenCalled();
  }, 15_000);
});

describe('a container that another process started', () => {
  const found = true;

  it('a running container is followed to its end', async () => {
    const { handle, engine, listener, exit } = await scene({ ...ENDED, running: true }, { found });
    expect(handle).toMatchObject({ over: false, pausing: { paused: false }, process: IDENTITY });
    expect(await handle.started).toEqual({ containerId: 'id' });
    engine.inspect.mockResolvedValue({ ...ENDED, exitCode: 3 });
    listener.onDie();
    exit(null);
    expect(await handle.ended).toEqual({ exitCode: 3, oomKilled: false });
    expect(engine.remove).not.toHaveBeenCalled();
  });

  it('a container that has already ended reports its exit code', async () => {
    const { handle, exit } = await scene({ ...ENDED, exitCode: 9 }, { found });
    expect(handle.over).toBe(true);
    exit(null);
    expect(await handle.started).toEqual({ containerId: 'id' });
    expect(await handle.ended).toEqual({ exitCode: 9, oomKilled: false });
  });

  it('a client that does not notice that its container has ended is killed', async () => {
    fakeClock();
    const { handle, kill } = await scene({ ...ENDED, exitCode: 9 }, { found });
    await vi.advanceTimersByTimeAsync(5_100);
    expect(kill.mock.calls).toEqual([['SIGKILL']]);
    expect(await handle.ended).toEqual({ exitCode: 9, oomKilled: false });
  });

  it('a paused container is unpaused before it is stopped', async () => {
    const { handle, engine } = await scene({ ...ENDED, running: true, paused: true }, { found });
    expect(handle.pausing?.paused).toBe(true);
    engine.stop.mockImplementation(async () => {
      engine.inspect.mockResolvedValue(ENDED);
    });
    const stopped = handle.stop();
    await eventually(() => expect(engine.stop).toHaveBeenCalled());
    expect(orderOf(engine.unpause)).toBeLessThan(orderOf(engine.stop));
    void handle.detach();
    void stopped;
  });

  it('an unknown client is killed one second after its container has ended', async () => {
    fakeClock();
    const { handle, engine, listener, kill } = await scene({ ...ENDED, running: true }, { found, known: false });
    expect(handle).not.toHaveProperty('process');
    engine.inspect.mockResolvedValue({ ...ENDED, exitCode: 4 });
    listener.onDie();
    await vi.advanceTimersByTimeAsync(900);
    expect(kill).not.toHaveBeenCalled();
    await vi.advanceTimersByTimeAsync(200);
    expect(kill).toHaveBeenCalled();
    expect(await handle.ended).toEqual({ exitCode: 4, oomKilled: false });
  });
});
