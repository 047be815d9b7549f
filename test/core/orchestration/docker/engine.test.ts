import net from 'node:net';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { DockerEngine } from '../../../../src/core/orchestration/docker/engine.js';
import type { OrchestrationErrorCode } from '../../../../src/core/orchestration/util/errors.js';
import { errorOf } from '../../../support/errors.js';
import { containerState, FakeEngine } from '../../../support/fake-engine.js';
import { tempFolder } from '../../../support/temp-folder.js';

type Method = (engine: DockerEngine) => Promise<unknown>;
interface Call {
  name: string;
  call: Method;
  request: string;
  answer: { status: number; json?: unknown; text?: string };
  value: unknown;
  /** What other answers mean; any other status is an error. */
  also?: [status: number, value: unknown][];
  /** The errors' codes; what is not here is DOCKER_UNAVAILABLE. */
  refusals?: Partial<Record<number, OrchestrationErrorCode>>;
}

const REFUSALS = [304, 403, 404, 409, 500, 503];
/** Docker also answers 500 if the image is to blame, for example for a command of another architecture. */
const NOT_LAUNCHED = Object.fromEntries(REFUSALS.map((status) => [status, 'LAUNCH_FAILED' as const]));

const CALLS: Call[] = [
  {
    name: 'image',
    call: (engine) => engine.image('i'),
    request: 'GET /images/i/json',
    answer: { status: 200, json: { Id: 'sha256:1' } },
    value: { id: 'sha256:1', entrypoint: [], user: '' },
    refusals: { 404: 'IMAGE_NOT_FOUND' },
  },
  {
    name: 'networks',
    call: (engine) => engine.networks(['n']),
    request: 'GET /networks?filters={"name":["n"]}',
    answer: { status: 200, json: [{ Id: '1', Name: 'n', Created: 'x', Driver: 'bridge', Options: { a: 'b' } }] },
    value: [{ id: '1', name: 'n', driver: 'bridge', options: { a: 'b' } }],
  },
  {
    name: 'createNetwork',
    call: (engine) => engine.createNetwork({ Name: 'n' }),
    request: 'POST /networks/create',
    answer: { status: 201, json: { Id: '1' } },
    value: undefined,
    also: [[409, undefined]],
  },
  {
    name: 'users',
    call: (engine) => engine.users(),
    request: 'GET /info',
    answer: { status: 200, json: { OperatingSystem: 'Debian', DockerRootDir: '/images' } },
    value: { areHidden: false, storage: '/images', ownsMemory: true },
  },
  {
    name: 'list',
    call: (engine) => engine.list('a=b'),
    request: 'GET /containers/json?all=1&filters={"label":["a=b"]}',
    answer: { status: 200, json: [{ Names: ['/ao-1'], Labels: null, Image: 'i' }] },
    value: [{ name: 'ao-1', labels: {}, image: 'i', mounts: [], lives: true }],
  },
  {
    name: 'create',
    call: (engine) => engine.create('ao-1', { Image: 'i' }),
    request: 'POST /containers/create?name=ao-1',
    answer: { status: 201, json: { Id: 'new' } },
    value: 'new',
    refusals: NOT_LAUNCHED,
  },
  {
    name: 'start',
    call: (engine) => engine.start('c'),
    request: 'POST /containers/c/start',
    answer: { status: 204 },
    value: undefined,
    also: [[304, undefined]],
    refusals: NOT_LAUNCHED,
  },
  {
    name: 'wait',
    call: (engine) => engine.wait('c'),
    request: 'POST /containers/c/wait',
    answer: { status: 200, json: { StatusCode: 137 } },
    value: 137,
    also: [[404, undefined]],
  },
  {
    name: 'attach',
    call: async (engine) => (await engine.attach('c')).output,
    request: 'POST /containers/c/attach?stream=1&stdout=1&stderr=1',
    answer: { status: 200, text: 'hello\r\n' },
    value: 'hello\r\n',
  },
  {
    name: 'inspect',
    call: (engine) => engine.inspect('c'),
    request: 'GET /containers/c/json',
    answer: containerState({ ExitCode: 3, OOMKilled: true, Error: 'why' }),
    value: {
      labels: {},
      id: 'id-1',
      running: false,
      paused: false,
      removing: false,
      started: true,
      exitCode: 3,
      oomKilled: true,
      error: 'why',
      ports: [],
    },
    also: [[404, undefined]],
  },
  {
    name: 'pause',
    call: (engine) => engine.pause('c'),
    request: 'POST /containers/c/pause',
    answer: { status: 204 },
    value: undefined,
    refusals: { 404: 'ILLEGAL_TRANSITION', 409: 'ILLEGAL_TRANSITION' },
  },
  {
    name: 'stop',
    call: (engine) => engine.stop('c', 4_500),
    request: 'POST /containers/c/stop?t=5',
    answer: { status: 204 },
    value: undefined,
    also: [
      [304, undefined],
      [404, undefined],
    ],
  },
  {
    name: 'kill',
    call: (engine) => engine.kill('c'),
    request: 'POST /containers/c/kill',
    answer: { status: 204 },
    value: undefined,
    also: [
      [404, undefined],
      [409, undefined],
    ],
  },
  {
    name: 'remove',
    call: (engine) => engine.remove('c'),
    request: 'DELETE /containers/c?force=1&v=1',
    answer: { status: 204 },
    value: undefined,
    also: [[404, undefined]],
  },
];

describe.each(CALLS)('$name', ({ call, request, answer, value, also = [], refusals = {} }) => {
  const route = request.split('?')[0] ?? '';

  it("makes one request and returns the engine's answer", async () => {
    const { fake, engine } = await FakeEngine.start({ [route]: answer });
    expect(await call(engine)).toEqual(value);
    expect(fake.requests).toEqual([request]);
  });

  it('accepts only the expected status codes, and rejects all others with an error code', async () => {
    const { fake, engine } = await FakeEngine.start();
    for (const status of REFUSALS) {
      fake.answers[route] = status === 304 ? { status } : { status, json: { message: 'the engine says no' } };
      const known = also.find(([known]) => known === status);
      if (known) {
        expect(await call(engine), String(status)).toEqual(known[1]);
        continue;
      }
      const { message } = await errorOf(call(engine), refusals[status] ?? 'DOCKER_UNAVAILABLE');
      if (refusals[status] === 'IMAGE_NOT_FOUND') continue;
      expect(message).toContain(`(${status})`);
      if (status !== 304) expect(message).toContain('the engine says no');
    }
  });
});

it('the users of an engine in the virtual machine of Docker Desktop are hidden', async () => {
  const json = { OperatingSystem: 'Docker Desktop' };
  const { engine } = await FakeEngine.start({ 'GET /info': { status: 200, json } });
  expect(await engine.users()).toEqual({ areHidden: true, storage: '', ownsMemory: true });
});

it('Podman is recognized by the field that it adds, and cannot give folders in memory to a user', async () => {
  const json = { OperatingSystem: 'debian', DockerRootDir: '/var/lib/containers/storage', BuildahVersion: '1.28.2' };
  const { engine } = await FakeEngine.start({ 'GET /info': { status: 200, json } });
  expect(await engine.users()).toMatchObject({ areHidden: false, ownsMemory: false });
});

describe('image', () => {
  it('asks for the image by its full name', async () => {
    const json = { Id: 'sha256:1', Config: { Entrypoint: ['/start.sh', '--now'], User: 'node' } };
    const { fake, engine } = await FakeEngine.start({ 'GET /images/my%2Fimage%3A1/json': { status: 200, json } });
    expect(await engine.image('my/image:1')).toEqual({
      id: 'sha256:1',
      entrypoint: ['/start.sh', '--now'],
      user: 'node',
    });
    expect(fake.requests).toEqual(['GET /images/my/image:1/json']);
  });

  it.each([null, {}, { Entrypoint: null }])(
    'an image has no entrypoint if the engine reports the configuration %j',
    async (Config) => {
      const { engine } = await FakeEngine.start({
        'GET /images/i/json': { status: 200, json: { Id: 'sha256:1', Config } },
      });
      expect(await engine.image('i')).toEqual({ id: 'sha256:1', entrypoint: [], user: '' });
    },
  );

  it.each([404, 400])('the status code %s is reported as IMAGE_NOT_FOUND', async (status) => {
    const { fake, engine } = await FakeEngine.start();
    fake.answers['GET /images/none/json'] = { status, json: { message: 'no such image' } };
    expect((await errorOf(engine.image('none'), 'IMAGE_NOT_FOUND')).message).toContain("no image 'none'");
  });
});

describe('pause', () => {
  /** An engine that cannot freeze a container so many times. */
  async function scene(failures: number) {
    const { fake, engine } = await FakeEngine.start();
    const message = 'OCI runtime pause failed: unable to freeze: unknown';
    fake.fallback = () => (fake.requests.length > failures ? { status: 204 } : { status: 500, json: { message } });
    return { fake, engine };
  }

  it('pause() is tried again if the container could not be frozen', async () => {
    const { fake, engine } = await scene(2);
    await engine.pause('c');
    expect(fake.requests).toHaveLength(3);
  });

  it('pause() gives up at last', async () => {
    const { fake, engine } = await scene(100);
    expect((await errorOf(engine.pause('c'), 'DOCKER_UNAVAILABLE')).message).toContain('unable to freeze');
    expect(fake.requests).toHaveLength(5);
  });
});

describe('remove', () => {
  it('remove() is tried again if the container ended when it was about to be killed, because then nobody removes it', async () => {
    const { fake, engine } = await FakeEngine.start({ 'POST /containers/c/wait': { status: 200, json: {} } });
    const removals = (): number => fake.requests.filter((request) => request.startsWith('DELETE')).length;
    const json = { message: 'Could not kill running container c, cannot remove - Container c is not running' };
    fake.fallback = () => (removals() > 1 ? { status: 204 } : { status: 409, json });
    await engine.remove('c');
    expect(removals()).toBe(2);
  });
});

describe('unpause', () => {
  const UNPAUSE = 'POST /containers/c/unpause';
  const INSPECT = 'GET /containers/c/json';
  const refusal = { status: 500, json: { message: 'the engine says no' } };

  it('unpause() makes one request', async () => {
    const { fake, engine } = await FakeEngine.start({ [UNPAUSE]: { status: 204 } });
    await engine.unpause('c');
    expect(fake.requests).toEqual([UNPAUSE]);
  });

  it.each([
    ['is gone', { [UNPAUSE]: { status: 404 } }],
    ['is gone when it is inspected', { [UNPAUSE]: refusal }],
    ['is not paused', { [UNPAUSE]: refusal, [INSPECT]: containerState({ Running: true }) }],
  ])('unpause() succeeds if the container %s', async (_, answers) => {
    const { engine } = await FakeEngine.start(answers);
    expect(await engine.unpause('c')).toBeUndefined();
  });

  it('unpause() is an error if the container stays paused', async () => {
    const frozen = containerState({ Running: true, Paused: true });
    const { engine } = await FakeEngine.start({ [UNPAUSE]: refusal, [INSPECT]: frozen });
    const { message } = await errorOf(engine.unpause('c'), 'DOCKER_UNAVAILABLE');
    expect(message).toContain('refused to resume a container: the engine says no (500)');
  });
});

describe('a paused container', () => {
  it('a running container is reported as running, and as paused only if it is paused', async () => {
    const { fake, engine } = await FakeEngine.start();
    for (const Paused of [true, false]) {
      fake.answers['GET /containers/c/json'] = containerState({ Running: true, Paused });
      expect(await engine.inspect('c')).toMatchObject({ running: true, paused: Paused });
    }
  });
});

describe('a container that never started', () => {
  it('a container that never started is reported as not started', async () => {
    const { engine } = await FakeEngine.start({
      'GET /containers/c/json': containerState({ StartedAt: '0001-01-01T00:00:00Z' }),
    });
    expect(await engine.inspect('c')).toMatchObject({ started: false });
  });
});

describe('an engine that is not available', () => {
  const unavailable = async (engine: DockerEngine): Promise<string> => {
    onTestFinished(() => engine.close());
    return (await errorOf(engine.inspect('c'), 'DOCKER_UNAVAILABLE')).message;
  };

  it('a missing socket is reported as DOCKER_UNAVAILABLE', async () => {
    const socketPath = join(tempFolder(), 'none.sock');
    expect(await unavailable(new DockerEngine(async () => ({ socketPath })))).toContain('ENOENT');
  });

  it('a closed port is reported as DOCKER_UNAVAILABLE', async () => {
    const port = await new Promise<number>((resolve) => {
      const server = net.createServer().listen(0, '127.0.0.1', () => {
        const address = server.address() as net.AddressInfo;
        server.close(() => resolve(address.port));
      });
    });
    expect(await unavailable(new DockerEngine(async () => ({ host: '127.0.0.1', port })))).toContain('ECONNREFUSED');
  });

  it('a connection that is lost before or during the answer is reported as DOCKER_UNAVAILABLE', async () => {
    const { fake, engine } = await FakeEngine.start({
      'GET /containers/c/json': (response) => response.destroy(),
    });
    await unavailable(engine);
    fake.answers['GET /containers/c/json'] = (response) => {
      response.writeHead(200, { 'content-length': 1_000 });
      response.write('{"Id":', () => response.destroy());
    };
    await unavailable(engine);
  });

  it('a missing answer is reported as DOCKER_UNAVAILABLE within two seconds', async () => {
    const { engine } = await FakeEngine.start({ 'GET /containers/c/json': () => {} });
    expect(await unavailable(engine)).toContain('no answer within 1800 ms');
  });

  it('an answer that is not JSON is reported as DOCKER_UNAVAILABLE', async () => {
    const { engine } = await FakeEngine.start({
      'GET /containers/c/json': (response) => response.setHeader('content-type', 'application/json').end('<html>'),
    });
    await unavailable(engine);
  });
});
