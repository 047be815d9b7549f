import { type ChildProcess, spawn } from 'node:child_process';
import { EventEmitter, getEventListeners } from 'node:events';
import { readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import {
  AutonomousExecutor,
  BaseExecutor,
  OrchestrationError,
  type Preparation,
  type RunHandle,
  type SessionSpec,
} from 'autonomous-orchestration';
import { expect, it } from 'vitest';
import { fakeRun } from '../support/fake-run.js';
import {
  added,
  changedImage,
  containersLeft,
  countEnds,
  docker,
  endedGone,
  engine,
  figure,
  holdings,
  nextEvent,
  quick,
  SOCKET,
  size,
  stateFolder,
  tempFolder,
  testManager,
} from './support.js';

/** A multiple of five: a launch fails in five ways. */
const STARTS = size(200, 1_000);
const ROUNDS = size(3, 10);

/** Fails at its launch, in all possible ways. */
class Failing extends BaseExecutor {
  #launches = 0;

  async prepare({ cwd }: SessionSpec): Promise<Preparation> {
    return { environment: { docker: false, dockerImage: '', cwd } };
  }

  // Not async: an executor in JavaScript may throw as well as reject.
  launch(): Promise<RunHandle> {
    switch (this.#launches++ % 5) {
      case 0:
        return Promise.reject(new OrchestrationError('IMAGE_NOT_FOUND', 'It was there a moment ago.'));
      case 1:
        return new Promise((_, reject) => setImmediate(reject, new Error('late')));
      case 2:
        return Promise.reject(undefined);
      case 3:
        throw new Error('thrown at once');
      default:
        return Promise.resolve(
          fakeRun({
            started: Promise.resolve(undefined),
            ended: Promise.resolve({ reason: 'LAUNCH_FAILED', error: 'it never executed' }),
          }),
        );
    }
  }
}

it(`${STARTS} starts that fail are each reported once and leave nothing behind`, async () => {
  const { manager, stateDir } = await testManager({
    executors: { autonomous: new Failing() },
    maxConcurrent: 5,
    maxQueued: STARTS,
  });
  const ends = countEnds(manager);
  const listeners = manager.listenerCount('event');
  const cwd = await tempFolder();
  await manager.recover(); // From then on it has its state folder, and listens there.
  const before = await holdings();
  const controller = new AbortController();

  const created = await Promise.all(
    Array.from({ length: STARTS }, (_, index) =>
      manager.create({ prompt: `${index}`, cwd, ...(index % (STARTS / 5) === 0 && { signal: controller.signal }) }),
    ),
  );
  const ended = await Promise.all(created.map(({ id }) => manager.waitFor(id)));

  expect(new Set(ended.map(({ status }) => status))).toEqual(new Set(['failed']));
  expect(ended.filter(({ result }) => result?.reason === 'IMAGE_NOT_FOUND')).toHaveLength(STARTS / 5);
  expect(ended.filter(({ result }) => result?.reason === 'LAUNCH_FAILED')).toHaveLength((4 * STARTS) / 5);
  expect(ended.filter(({ result }) => !result?.error)).toEqual([]);
  expect([...ends.values()]).toEqual(Array(STARTS).fill(1));
  await endedGone(manager);
  expect(manager.queueStatus()).toMatchObject({ running: 0, queued: 0, items: [] });
  expect(manager.listenerCount('event')).toBe(listeners);
  expect(getEventListeners(controller.signal, 'abort')).toEqual([]);
  expect(added(await holdings(), before)).toEqual([]);
  // A session that has ended keeps its folder, without the files that its run would have needed.
  const folders = await readdir(join(stateDir, 'sessions'));
  expect(folders.toSorted()).toEqual(created.map(({ id }) => id).toSorted());
  for (const id of folders) {
    const left = ['projects', 'session.json', 'spec.json', 'stream.log'];
    expect((await readdir(join(stateDir, 'sessions', id))).toSorted()).toEqual(left);
  }
  figure(
    `${STARTS} failing starts`,
    'all failed with a reason; 0 slots, 0 waiting, 0 listeners, 0 files, 0 timers left',
  );
});

it(`${3 * ROUNDS} starts that fail at the docker client or the engine leave no container, watch, file or slot`, async () => {
  const stateDir = await stateFolder();
  let how: (args: string[]) => Promise<void> | Error | ChildProcess = () => new Error('unset');
  const executor = new AutonomousExecutor({
    stateDir,
    spawn: (command, args, options) => {
      const answer = how(args);
      if (answer instanceof Error) throw answer;
      if (answer instanceof EventEmitter) return answer;
      // The test makes the engine fail first; a shell waits for that and becomes the client.
      return spawn(command, args, options);
    },
  });
  const { manager } = await testManager({
    stateDir,
    executors: { autonomous: executor },
    maxConcurrent: 1,
    maxQueued: 40,
  });
  const ends = countEnds(manager);
  const cwd = await tempFolder();
  const options = { ...quick('init; result'), prompt: 'x', cwd };
  // Connections to the engine that are kept alive, and code that is loaded at the first use, are no leak.
  how = () => Promise.resolve();
  for (let times = 0; times < 2; times++) await manager.waitFor((await manager.create(options)).id);
  const before = await holdings();

  const reasons: (string | undefined)[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    // The kernel has no process to give.
    how = () => Object.assign(new Error('spawn docker EAGAIN'), { code: 'EAGAIN' });
    reasons.push(await endOf(options));
    // No docker client on the PATH: Node reports that later.
    how = () => spawn('/no/such/docker', { stdio: 'ignore' });
    reasons.push(await endOf(options));
  }
  expect(reasons).toEqual(Array(2 * ROUNDS).fill('LAUNCH_FAILED'));

  // The image vanishes while the session is queued, and is not pulled.
  how = () => Promise.resolve();
  for (let round = 0; round < ROUNDS; round++) {
    const image = await changedImage(`vanishing-${round}`, `LABEL round=${round}`);
    const wait = `init; until [ -e gone-${round} ]; do sleep 0.1; done; result`;
    const first = await manager.create({ ...quick(wait), prompt: 'first', cwd });
    const second = await manager.create({ ...options, docker: { ...options.docker, image } });
    await docker('rmi', image);
    await writeFile(join(cwd, `gone-${round}`), '');
    await manager.waitFor(first.id);
    const { result } = await manager.waitFor(second.id);
    expect(result).toMatchObject({ reason: 'IMAGE_NOT_FOUND', error: expect.stringContaining(image) });
  }

  // Two to warm up, two at the client, and two for each image that vanishes.
  const sessions = 2 + 4 * ROUNDS;
  expect(ends.size).toBe(sessions);
  expect([...ends.values()]).toEqual(Array(sessions).fill(1));
  await endedGone(manager);
  expect(manager.queueStatus()).toMatchObject({ running: 0, queued: 0 });
  expect(await containersLeft(manager.list())).toEqual([]);
  expect(added(await holdings(), before).filter((held) => held !== SOCKET)).toEqual([]);
  figure(
    `${3 * ROUNDS} failing starts (docker)`,
    `${2 * ROUNDS} at the client, ${ROUNDS} at the engine: 0 containers, 0 watches, 0 files, 0 slots left`,
  );

  async function endOf(given: typeof options): Promise<string | undefined> {
    const { id } = await manager.create(given);
    return (await manager.waitFor(id)).result?.reason;
  }
});

it('a session whose image vanishes just before docker run fails with the error of the engine', async () => {
  const stateDir = await stateFolder();
  const image = await changedImage('vanished');
  const executor = new AutonomousExecutor({
    stateDir,
    // The shell takes the image away and becomes the client.
    spawn: (command, args, options) =>
      spawn('sh', ['-c', 'docker rmi "$0" >/dev/null && exec "$@"', image, command, ...args], options),
  });
  const { manager } = await testManager({ stateDir, executors: { autonomous: executor } });
  const failed = nextEvent(manager, ({ type }) => type === 'session:failed');
  const session = await manager.create({
    ...quick('init; result'),
    docker: { image, env: {} },
    prompt: 'x',
    cwd: await tempFolder(),
  });
  await failed;
  const { result } = await manager.waitFor(session.id);
  expect(result).toMatchObject({ reason: 'LAUNCH_FAILED', exitCode: 125 });
  expect(result?.error).toMatch(/No such image/i);
  await endedGone(manager);
  expect(await containersLeft([session])).toEqual([]);
  expect(engine.quickImage).not.toBe(image);
  figure('image gone at docker run', `${result?.reason}, exit code ${result?.exitCode}: ${result?.error}`);
});
