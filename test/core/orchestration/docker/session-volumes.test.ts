import { describe, expect, it, vi } from 'vitest';
import { publishedPorts } from '../../../../src/core/orchestration/docker/published-ports.js';
import { SessionVolumes } from '../../../../src/core/orchestration/docker/session-volumes.js';
import { startedWith } from '../../../../src/core/orchestration/docker/started-with.js';
import { errorOf } from '../../../support/errors.js';
import { containerState, FakeEngine } from '../../../support/fake-engine.js';

const OWNER = { uid: 1234, gid: 1234 };
const volume = (Options: object | null = null, Driver = 'local') => ({
  status: 200,
  json: { Name: 'data', Driver, Options, Labels: null, CreatedAt: '2026-01-01T00:00:00Z' },
});
const BOUND = { type: 'none', o: 'bind', device: '/' };
const docker = (more = {}) => ({ image: 'image', volumes: [{ name: 'data', target: '/data' }], ...more });

async function scene(answers: Parameters<typeof FakeEngine.start>[0]) {
  const { fake, engine } = await FakeEngine.start(answers);
  const give = vi.fn(async () => {});
  return { fake, give, volumes: new SessionVolumes({ volumes: engine.volumes, helpers: { give } }) };
}

describe('the volumes of a session', () => {
  it('an existing volume is left as it is', async () => {
    const { fake, give, volumes } = await scene({ 'GET /volumes/data': volume() });
    await volumes.check(docker());
    await volumes.prepare(docker(), OWNER);
    expect(give).not.toHaveBeenCalled();
    expect(fake.requests).toEqual(['GET /volumes/data', 'GET /volumes/data']);
  });

  it('a missing volume is made when the session starts, and given to its user', async () => {
    const { fake, give, volumes } = await scene({ 'POST /volumes/create': { ...volume(), status: 201 } });
    await volumes.check(docker());
    expect(fake.requests).toEqual(['GET /volumes/data']);
    await volumes.prepare(docker(), OWNER);
    expect(give).toHaveBeenCalledExactlyOnceWith('image', 'data', OWNER);
    expect(fake.calls.at(-1)?.body).toMatchObject({ Name: 'data', Driver: 'local' });
  });

  it('a volume that binds a folder of the machine is refused at the creation, at the launch, and if it was made in between', async () => {
    const bound = await scene({ 'GET /volumes/data': volume(BOUND) });
    await errorOf(bound.volumes.check(docker()), 'UNSAFE_MOUNT');
    await errorOf(bound.volumes.prepare(docker(), OWNER), 'UNSAFE_MOUNT');
    await bound.volumes.check(docker({ allowUnsafeMounts: true }));
    await bound.volumes.prepare(docker({ allowUnsafeMounts: true }), OWNER);

    const between = await scene({ 'POST /volumes/create': { ...volume(BOUND), status: 201 } });
    await errorOf(between.volumes.prepare(docker(), OWNER), 'UNSAFE_MOUNT');
    expect(between.give).not.toHaveBeenCalled();
  });

  it('a new volume that cannot be given to its user does not stay', async () => {
    const { fake, give, volumes } = await scene({
      'POST /volumes/create': { ...volume(), status: 201 },
      'DELETE /volumes/data': { status: 204 },
    });
    give.mockRejectedValue(new Error('no chown'));
    await expect(volumes.prepare(docker(), OWNER)).rejects.toThrow('no chown');
    expect(fake.requests.at(-1)).toBe('DELETE /volumes/data');
  });

  it('an engine that does not answer is no proof that the volume is harmless', async () => {
    const { volumes } = await scene({ 'GET /volumes/data': { status: 500, json: { message: 'busy' } } });
    await errorOf(volumes.check(docker()), 'DOCKER_UNAVAILABLE');
  });
});

describe('the ports of a container', () => {
  const NetworkSettings = {
    Ports: {
      '80/tcp': [{ HostIp: '127.0.0.1', HostPort: '32768' }],
      '53/udp': [{ HostIp: '::1', HostPort: '53' }],
      '9/tcp': null,
      '7/sctp': [{ HostIp: '127.0.0.1', HostPort: '7' }],
    },
  };
  const ports = [
    { container: 80, host: 32_768, protocol: 'tcp', address: '127.0.0.1' },
    { container: 53, host: 53, protocol: 'udp', address: '::1' },
  ];

  it('are read from what the engine says', () => {
    expect(publishedPorts(NetworkSettings)).toEqual(ports);
    expect(publishedPorts()).toEqual([]);
  });

  it('are told with the start of a run that publishes some, and the engine is not asked otherwise', async () => {
    const { fake, engine } = await FakeEngine.start();
    fake.answers['GET /containers/id/json'] = {
      status: 200,
      json: { ...(containerState({ Running: true }).json as object), NetworkSettings },
    };
    const start = Promise.resolve({ containerId: 'id' });
    expect(await startedWith(engine, start, true)).toEqual({ containerId: 'id', ports });
    expect(await startedWith(engine, start, false)).toEqual({ containerId: 'id' });
    expect(fake.requests).toHaveLength(1);
    expect(await startedWith(engine, Promise.resolve({ containerId: 'gone' }), true)).toEqual({ containerId: 'gone' });
  });
});
