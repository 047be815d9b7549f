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

/** A process that stands for the docker client of another host; on Linux its word finds it. */
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

/** A run whose client was not on record yet when its host was killed. */
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

describe('a container that another host has left', () => {
  it('runs, and is followed to its end: the exit code is what the engine says', async () => {
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

  it('is frozen', async () => {
    const { fake, adopt } = await scene({ startedAt: 2 });
    fake.answers[INSPECT] = containerState({ Running: true, Paused: true });
    const handle = await adopt();
    expect(handle?.pausing?.paused).toBe(true);
    void handle?.detach();
  });

  it('has ended meanwhile: it says how, and stays until that is on disk', async () => {
    const { fake, adopt } = await scene({ startedAt: 2 });
    fake.answers[INSPECT] = containerState({ ExitCode: 137, OOMKilled: true });
    const handle = await adopt();
    expect(handle?.over).toBe(true);
    expect(await handle?.ended).toEqual({ exitCode: 137, oomKilled: true });
    expect(fake.requests).not.toContain(REMOVED);
  });

  it('is started by a client that is still at it', async () => {
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

  it.runIf(process.platform === 'linux')('is known by its client, of which nothing is on record', async () => {
    const { identity } = await client('--name', NAME);
    const { fake, adopt } = await unrecorded();
    fake.answers[INSPECT] = containerState({ Running: true });
    const handle = await adopt();
    expect(handle?.process).toEqual(identity);
    void handle?.detach();
  });
});

describe('a container that was never started', () => {
  it('is removed, and the run can begin', async () => {
    const { fake, adopt } = await scene();
    fake.answers[INSPECT] = containerState(NEVER_STARTED);
    expect(await adopt()).toBeUndefined();
    expect(fake.requests).toContain(REMOVED);
  });

  it('is given up when its client has taken too long, which is ended, too', async () => {
    const { identity } = await client();
    const { fake, adopt } = await scene({ process: identity });
    fake.answers[INSPECT] = containerState(NEVER_STARTED);
    expect(await adopt()).toBeUndefined();
    expect(fake.requests).toContain(REMOVED);
    await eventually(async () => expect(await isAlive(identity)).toBe(false));
  }, 15_000);
});

it('a container of another owner is not touched: a copy of a state folder has the same names', async () => {
  const { fake, adopt } = await scene({ startedAt: 2 });
  fake.answers[INSPECT] = containerState({ Running: true });
  const handle = await adopt({ owner: 'me' });
  expect(await handle?.ended).toMatchObject({ reason: 'lost' });
  await handle?.release?.();
  expect(fake.requests.every((request) => request === INSPECT)).toBe(true);
});

describe('a container that is gone', () => {
  const LOST = { reason: 'lost', error: 'The container is gone without a trace' };

  it('is lost where it is on record as started, whatever its client does', async () => {
    const { identity } = await client();
    const { adopt, fake } = await scene({ startedAt: 2, process: identity });
    const handle = await adopt();
    expect(handle?.over).toBe(true);
    expect(await handle?.ended).toEqual(LOST);
    expect(await handle?.started).toBeUndefined();
    expect(fake.requests).toEqual([INSPECT]);
  });

  it('is lost where its log tells that Claude began', async () => {
    const { adopt } = await scene({}, `entrypoint\n${INIT}`);
    expect(await (await adopt())?.ended).toEqual(LOST);
  });

  it('never was where only an earlier run is in the log: the run can begin', async () => {
    const { adopt, fake } = await scene({ logOffset: INIT.length }, INIT);
    expect(await adopt()).toBeUndefined();
    expect(fake.requests).not.toContain(REMOVED);
  });

  it('never was where nothing tells of it, and nobody is at it any more', async () => {
    const { adopt } = await scene();
    expect(await adopt()).toBeUndefined();
  });

  it('never was where nobody knows its client and it does not appear for a while', async () => {
    const { adopt } = await unrecorded();
    expect(await adopt()).toBeUndefined();
  }, 15_000);

  it('is not told from one that cannot be seen: without an engine nobody knows', async () => {
    const { adopt, fake } = await scene({ startedAt: 2 });
    fake.server.closeAllConnections();
    fake.server.close();
    await errorOf(adopt(), 'DOCKER_UNAVAILABLE');
  });

  it('is not told from one that the engine fails to look at', async () => {
    const { adopt, fake } = await scene({ startedAt: 2 });
    fake.answers[INSPECT] = { status: 500, json: { message: 'context canceled' } };
    expect((await errorOf(adopt(), 'DOCKER_UNAVAILABLE')).message).toContain('context canceled');
    expect(fake.requests).not.toContain(REMOVED);
  });
});
