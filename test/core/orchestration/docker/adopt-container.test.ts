import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import type http from 'node:http';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { adoptContainer } from '../../../../src/core/orchestration/docker/adopt-container.js';
import { ContainerWatch } from '../../../../src/core/orchestration/docker/container-watch.js';
import {
  isAlive,
  type ProcessIdentity,
  processIdentity,
} from '../../../../src/core/orchestration/process/process-identity.js';
import type { SessionRun } from '../../../../src/core/orchestration/session/run.js';
import { errorOf } from '../../../support/errors.js';
import { eventually } from '../../../support/eventually.js';
import { containerState, FakeEngine } from '../../../support/fake-engine.js';
import { tempFolder } from '../../../support/temp-folder.js';

const NAME = 'ao-abcdefghijkl-1';
const INSPECT = `GET /containers/${NAME}/json`;
const REMOVED = `DELETE /containers/${NAME}?force=1&v=1`;
const NEVER_STARTED = { StartedAt: '0001-01-01T00:00:00Z' };
const INIT = '{"type":"system","subtype":"init","session_id":"11111111-2222-4333-8444-555555555555","model":"m"}\n';
const GONE: ProcessIdentity = { pid: process.pid, startedAt: 'long ago' };

/** A process that stands for the docker client of another process. On Linux, it can be found by its arguments. */
async function client(...words: string[]): Promise<{ identity: ProcessIdentity; kill: () => Promise<void> }> {
  const child = spawn('sh', ['-c', 'sleep 600; exit', ...words], { stdio: 'ignore', detached: true });
  const pid = child.pid ?? 0;
  const exited = once(child, 'exit');
  const kill = async (): Promise<void> => {
    try {
      process.kill(-pid, 'SIGKILL');
    } catch {
      // It is gone.
    }
    await exited;
  };
  onTestFinished(kill);
  const identity = await processIdentity(pid);
  if (!identity) throw new Error('it is gone');
  return { identity, kill };
}

function scene(change: Partial<SessionRun> = {}, text = '') {
  return sceneOf({ number: 1, launchedAt: 1, logOffset: 0, process: GONE, ...change }, text);
}

/** A run whose client was not on record yet when the process that launched it was killed. */
function unrecorded() {
  return sceneOf({ number: 1, launchedAt: 1, logOffset: 0 });
}

async function sceneOf(run: SessionRun, text = '') {
  const { fake, engine } = await FakeEngine.start({ [`DELETE /containers/${NAME}`]: { status: 204 } });
  fake.answers[`DELETE /containers/${NAME}`] = (response) => {
    delete fake.answers[INSPECT];
    response.writeHead(204).end();
  };
  let events: http.ServerResponse | undefined;
  fake.answers['GET /events'] = (response) => {
    response.writeHead(200).flushHeaders();
    events = response;
  };
  const watch = new ContainerWatch(engine, 'owner=me');
  onTestFinished(() => watch.close());
  const log = join(tempFolder(), 'stream.log');
  writeFileSync(log, text);
  const adopt = (labels = {}) => adoptContainer({ labels, engine, watch, name: NAME, run, log });
  const dies = (): void =>
    void events?.write(`${JSON.stringify({ Action: 'die', Actor: { ID: 'id-1', Attributes: { name: NAME } } })}\n`);
  return { fake, adopt, dies };
}

describe('a container that another process left', () => {
  it('a running container is followed to its end, and the exit code comes from the engine', async () => {
    const { identity, kill } = await client();
    const { fake, adopt, dies } = await scene({ process: identity, startedAt: 2 });
    fake.answers[INSPECT] = containerState({ Running: true });
    const handle = await adopt();
    expect(handle).toMatchObject({ over: false, pausing: { paused: false }, process: identity });
    expect(await handle?.started).toEqual({ containerId: 'id-1' });
    fake.answers[INSPECT] = containerState({ ExitCode: 7 });
    dies();
    await kill();
    expect(await handle?.ended).toEqual({ exitCode: 7, oomKilled: false });
    expect(fake.requests).not.toContain(REMOVED);
    await handle?.release?.();
    expect(fake.requests).toContain(REMOVED);
  }, 15_000);

  it('a paused container is adopted as paused', async () => {
    const { fake, adopt } = await scene({ startedAt: 2 });
    fake.answers[INSPECT] = containerState({ Running: true, Paused: true });
    const handle = await adopt();
    expect(handle?.pausing?.paused).toBe(true);
    void handle?.detach();
  });

  it('a container that has already ended reports its exit code, and is not removed yet', async () => {
    const { fake, adopt } = await scene({ startedAt: 2 });
    fake.answers[INSPECT] = containerState({ ExitCode: 137, OOMKilled: true });
    const handle = await adopt();
    expect(handle?.over).toBe(true);
    expect(await handle?.ended).toEqual({ exitCode: 137, oomKilled: true });
    expect(fake.requests).not.toContain(REMOVED);
  });

  it('a container that its client is still starting is adopted when it runs', async () => {
    const { identity } = await client();
    const { fake, adopt } = await scene({ process: identity });
    const adopting = adopt();
    await eventually(() => expect(fake.requests.filter((one) => one === INSPECT).length).toBeGreaterThan(1));
    fake.answers[INSPECT] = containerState({ Running: true });
    const handle = await adopting;
    expect(await handle?.started).toEqual({ containerId: 'id-1' });
    expect(await isAlive(identity)).toBe(true);
    void handle?.detach();
  });

  it.runIf(process.platform === 'linux')('the client of a container is found even if it is not on record', async () => {
    const { identity } = await client('--name', NAME);
    const { fake, adopt } = await unrecorded();
    fake.answers[INSPECT] = containerState({ Running: true });
    const handle = await adopt();
    expect(handle?.process).toEqual(identity);
    void handle?.detach();
  });
});

describe('a container that was never started', () => {
  it('a container that never started is removed, and the run can begin', async () => {
    const { fake, adopt } = await scene();
    fake.answers[INSPECT] = containerState(NEVER_STARTED);
    expect(await adopt()).toBeUndefined();
    expect(fake.requests).toContain(REMOVED);
  });

  it('a client that takes too long to start its container is ended, and the container is removed', async () => {
    const { identity } = await client();
    const { fake, adopt } = await scene({ process: identity });
    fake.answers[INSPECT] = containerState(NEVER_STARTED);
    expect(await adopt()).toBeUndefined();
    expect(fake.requests).toContain(REMOVED);
    await eventually(async () => expect(await isAlive(identity)).toBe(false));
  }, 15_000);
});

it('a container of another owner is not touched, even if it has the same name', async () => {
  const { fake, adopt } = await scene({ startedAt: 2 });
  fake.answers[INSPECT] = containerState({ Running: true });
  const handle = await adopt({ owner: 'me' });
  expect(await handle?.ended).toMatchObject({ reason: 'lost' });
  await handle?.release?.();
  expect(fake.requests.every((request) => request === INSPECT)).toBe(true);
});

describe('a container that is gone', () => {
  const LOST = { reason: 'lost', error: 'The container is gone without a trace' };

  it('a run that is on record as started is lost if its container is gone, whatever its client does', async () => {
    const { identity } = await client();
    const { adopt, fake } = await scene({ startedAt: 2, process: identity });
    const handle = await adopt();
    expect(handle?.over).toBe(true);
    expect(await handle?.ended).toEqual(LOST);
    expect(await handle?.started).toBeUndefined();
    expect(fake.requests).toEqual([INSPECT]);
  });

  it('a run is lost if its log shows that Claude began and its container is gone', async () => {
    const { adopt } = await scene({}, `entrypoint\n${INIT}`);
    expect(await (await adopt())?.ended).toEqual(LOST);
  });

  it('a run can begin if its log contains only an earlier run', async () => {
    const { adopt, fake } = await scene({ logOffset: INIT.length }, INIT);
    expect(await adopt()).toBeUndefined();
    expect(fake.requests).not.toContain(REMOVED);
  });

  it('a run can begin if nothing shows that its container existed, and its client is gone', async () => {
    const { adopt } = await scene();
    expect(await adopt()).toBeUndefined();
  });

  it('a run can begin if its client is unknown and no container appears for a while', async () => {
    const { adopt } = await unrecorded();
    expect(await adopt()).toBeUndefined();
  }, 15_000);

  it('adopting fails with DOCKER_UNAVAILABLE if the engine does not answer', async () => {
    const { adopt, fake } = await scene({ startedAt: 2 });
    fake.server.closeAllConnections();
    fake.server.close();
    await errorOf(adopt(), 'DOCKER_UNAVAILABLE');
  });

  it('adopting fails with DOCKER_UNAVAILABLE if the engine cannot inspect the container', async () => {
    const { adopt, fake } = await scene({ startedAt: 2 });
    fake.answers[INSPECT] = { status: 500, json: { message: 'context canceled' } };
    expect((await errorOf(adopt(), 'DOCKER_UNAVAILABLE')).message).toContain('context canceled');
    expect(fake.requests).not.toContain(REMOVED);
  });
});
